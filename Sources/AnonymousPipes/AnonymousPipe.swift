public import IPCSystem
public import IPCTransport

/// A pipe without a name: bytes go in at one end and come out, in order, at the other.
///
/// Who is to use an end must inherit it, so only related processes can meet here. Reading gives end
/// of file once every copy of the write end is closed: a process that keeps a copy of the end it
/// does not use waits for itself for ever.
///
/// - Note: Win32 `CreatePipe`. Here: `pipe2(2)` with `O_CLOEXEC`.
public struct AnonymousPipe: ~Copyable, Sendable {
  /// The end that is read.
  public var readEnd: OwnedDescriptor
  /// The end that is written.
  public var writeEnd: OwnedDescriptor

  /// Creates a pipe.
  ///
  /// - Parameter capacity: How many bytes it should hold before a writer waits; rounded up to a power
  ///   of two pages. `nil` takes the system's default, 64 KiB.
  /// - Throws: `.invalidArgument` for a capacity that is not positive or above 1 GiB, `.accessDenied`
  ///   above `/proc/sys/fs/pipe-max-size` for users without privilege, `.limitReached` when the
  ///   process has no descriptors left.
  /// - Note: `fcntl(F_SETPIPE_SZ)`; Win32 `CreatePipe` takes the size as a suggestion too.
  public init(capacity: Int? = nil) throws(TransportError) {
    if let capacity, !(1...Self.largestCapacity).contains(capacity) {
      throw TransportError(
        .invalidArgument, "create a pipe of \(capacity) bytes", limit: Self.largestCapacity)
    }
    let ends: Pipes.Ends
    do throws(SystemError) { ends = try Pipes.make(capacity: capacity) } catch {
      throw TransportError(
        error, capacity.map { "create a pipe of \($0) bytes" } ?? "create a pipe",
        remedy: TransportError.code(for: error) == .accessDenied
          ? "Stay below /proc/sys/fs/pipe-max-size and pipe-user-pages-soft" : nil)
    }
    readEnd = ends.readEnd
    writeEnd = ends.writeEnd
  }

  /// The largest capacity that can be asked for, in bytes.
  public static let largestCapacity = 1 << 30

  /// How many bytes the pipe holds before a writer waits.
  ///
  /// Bytes are kept in pages: writes that leave pages partly filled use it up sooner.
  public var capacity: Int {
    get throws(TransportError) {
      let end = readEnd.raw
      return try translating("ask for a pipe's capacity") { () throws(SystemError) in
        try Pipes.capacity(of: end)
      }
    }
  }
}
