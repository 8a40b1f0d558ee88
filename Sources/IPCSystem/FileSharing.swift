internal import CIPCShims
internal import Glibc

/// What who opens a file uses it for, and what others may use it for meanwhile.
///
/// Whoever announces that says it to all others that do: an opener is refused when somebody uses the
/// file for what the opener does not allow, or does not allow what the opener uses it for. The kernel
/// keeps it with the open file: copies of the descriptor, also in other processes, share it, and it is
/// gone with the last of them, also after `kill -9`.
///
/// It is kept as locks of the open file description (`F_OFD_SETLK`) on bytes that no file reaches.
/// Programs that do not announce anything are not kept out, as is usual on Linux; who locks all bytes
/// of a file up to infinity with `fcntl(2)` collides with them. A file system without locks keeps
/// nothing, and then nobody is refused.
///
/// - Note: Win32 share modes.
public enum FileSharing {
  /// Ways to use a file.
  public struct Use: OptionSet, Sendable {
    /// A bit for each.
    public let rawValue: Int64
    /// Creates a set of bits.
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// To read it.
    public static let reading = Use(rawValue: 1)
    /// To change it.
    public static let writing = Use(rawValue: 2)
    /// To remove it.
    public static let deleting = Use(rawValue: 4)

    fileprivate static let all: [Use] = [.reading, .writing, .deleting]
  }

  /// A row of bytes. Whoever is in it has locked one of them.
  private struct Row {
    static let width: Int64 = 1 << 40
    /// Behind it nobody has data.
    static let first: Int64 = 1 << 60
    static let last = Row(number: 15)

    let number: Int64
    var start: Int64 { Self.first + number * Self.width }

    /// Those that are about to announce something: one after the other.
    static let opening = Row(number: 0)
    /// Those that use the file for this.
    static func using(_ use: Use) -> Row { Row(number: use.rawValue) }
    /// Those that do not allow others this.
    static func denying(_ use: Use) -> Row { Row(number: 8 + use.rawValue) }
  }

  /// How often to look whether another opener is done, one of which might have been stopped.
  private static let patience = 5000
  private static let pause: UInt32 = 200

  /// Announces, for as long as the descriptor or a copy of it is open, what it is used for and what
  /// others may use the file for.
  ///
  /// - Parameter begin: What to do before another opener has a turn, once it is certain that this one
  ///   is not refused.
  /// - Throws: `EBUSY` when somebody else uses the file otherwise; what `begin` throws. Nothing is
  ///   announced then.
  public static func announce(
    _ file: borrowing OwnedDescriptor, using: Use, allowing: Use,
    then begin: () throws(SystemError) -> Void
  ) throws(SystemError) {
    let number = file.raw
    // Openers come in the order in which they have begun; nobody else has the same byte.
    var place = Int64(truncatingIfNeeded: MonotonicClock.now()) & (Row.width - 1)
    guard try enter(number, &place) else { return try begin() }
    do throws(SystemError) {
      for use in Use.all {
        if using.contains(use), try isAnybody(number, in: .denying(use)) { throw busy }
        if !allowing.contains(use), try isAnybody(number, in: .using(use)) { throw busy }
      }
      for use in Use.all {
        if using.contains(use) { try lock(number, .using(use), place) }
        if !allowing.contains(use) { try lock(number, .denying(use), place) }
      }
      try begin()
    } catch {
      withdraw(number)
      throw error
    }
    unlock(number, Row.opening.start, Row.width)
  }

  /// Takes back what was announced, also for copies of the descriptor.
  ///
  /// Closing does that too, but a process that is being started has copies for a moment.
  public static func withdraw(_ descriptor: Int32) {
    unlock(descriptor, Row.first, Row.last.start - Row.first)
  }

  private static var busy: SystemError { SystemError(code: EBUSY, call: "fcntl(F_OFD_GETLK)") }

  /// Waits until no other opener is at it. Who came later steps back for who came earlier, and who
  /// came earlier waits until the others have stepped back or are done.
  ///
  /// - Returns: False on a file system without locks.
  private static func enter(_ descriptor: Int32, _ place: inout Int64) throws(SystemError) -> Bool {
    let row = Row.opening.start
    for _ in 0..<patience {
      do throws(SystemError) { try lock(descriptor, .opening, place) } catch {
        switch error.code {
        case EAGAIN, EACCES:
          place = (place + 1) & (Row.width - 1)
          usleep(pause)
          continue
        case ENOLCK, ENOSYS, EOPNOTSUPP, EINVAL: return false
        default: throw error
        }
      }
      if try isAnybody(descriptor, row, place) {
        unlock(descriptor, row, Row.width)
      } else if try !isAnybody(descriptor, row + place + 1, Row.width - place - 1) {
        return true
      }
      usleep(pause)
    }
    unlock(descriptor, row, Row.width)
    throw busy
  }

  private static func lock(_ descriptor: Int32, _ row: Row, _ place: Int64) throws(SystemError) {
    try checked("fcntl(F_OFD_SETLK)") { cipc_lock_bytes(descriptor, row.start + place, 1) }
  }

  private static func unlock(_ descriptor: Int32, _ start: Int64, _ count: Int64) {
    _ = cipc_unlock_bytes(descriptor, start, count)
  }

  private static func isAnybody(_ descriptor: Int32, in row: Row) throws(SystemError) -> Bool {
    try isAnybody(descriptor, row.start, Row.width)
  }

  private static func isAnybody(
    _ descriptor: Int32, _ start: Int64, _ count: Int64
  ) throws(SystemError) -> Bool {
    if count == 0 { return false }  // which would mean all up to infinity
    return try checked("fcntl(F_OFD_GETLK)") { cipc_find_lock(descriptor, start, count) } == 1
  }
}
