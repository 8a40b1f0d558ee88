internal import Glibc
internal import IPCSystem
internal import Synchronization

/// What is the same for all instances of a name, in a file that servers and clients map: the
/// options, and a number that changes whenever an instance begins to listen or goes away. Clients
/// that wait for an instance sleep on that number.
@safe final class NameState: Sendable {
  private static let fileName = "state"
  private static let size = 64
  private static let magic: UInt32 = 0x3170_6970

  private let mapping: SharedMapping

  /// Opens the state of a name that has a server.
  ///
  /// - Throws: `ENOENT` or `EINVAL` when there is none, or it is not complete yet.
  init(opening directory: NameDirectory) throws(SystemError) {
    mapping = try directory.map(Self.fileName, size: Self.size, creating: false)
    guard unsafe word(0).pointee.load(ordering: .acquiring) == Self.magic,
      NamedPipes.Kind(rawValue: unsafe word(8).pointee.load(ordering: .relaxed)) != nil
    else { throw SystemError(code: ENOENT, call: "read the state of a pipe name") }
  }

  /// Opens the state, making it when it is missing. Call it with the directory locked.
  ///
  /// - Parameter options: What to lay down; `nil` when the name has instances already, whose
  ///   options stay. A file that dead servers left is used again: clients may still wait on it.
  init(
    in directory: NameDirectory, layingDown options: NamedPipes.Options?
  ) throws(SystemError) {
    mapping = try directory.map(Self.fileName, size: Self.size, creating: true)
    guard let options else { return }
    unsafe word(8).pointee.store(options.kind.rawValue, ordering: .relaxed)
    unsafe word(12).pointee.store(UInt32(clamping: options.quota), ordering: .relaxed)
    unsafe word(0).pointee.store(Self.magic, ordering: .releasing)
  }

  /// What the first instance laid down.
  var options: NamedPipes.Options {
    NamedPipes.Options(
      kind: NamedPipes.Kind(rawValue: unsafe word(8).pointee.load(ordering: .relaxed)) ?? .byte,
      quota: Int(unsafe word(12).pointee.load(ordering: .relaxed)))
  }

  /// The number that changes.
  var generation: UInt32 { unsafe word(4).pointee.load(ordering: .acquiring) }

  /// The next number for the order in which instances listen.
  func nextTurn() -> UInt32 {
    unsafe word(16).pointee.wrappingAdd(1, ordering: .relaxed).newValue
  }

  /// Changes the number and wakes everybody who waits for that.
  func announceChange() {
    unsafe word(4).pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
    unsafe Futex.wake(mapping.address(at: 4, length: 4))
  }

  /// Sleeps while the number is `seen`.
  func wait(while seen: UInt32, deadline: Deadline) {
    unsafe Futex.wait(mapping.address(at: 4, length: 4), while: seen, deadline: deadline)
  }

  private func word(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe mapping.address(at: offset, length: 4).assumingMemoryBound(to: Atomic<UInt32>.self)
  }
}
