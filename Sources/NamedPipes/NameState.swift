internal import Glibc
internal import IPCSystem
internal import Synchronization

/// What is the same for all instances of a name, in a file that servers and clients map: what the
/// first instance laid down, and a number that changes whenever an instance begins to listen or goes
/// away. Clients that wait for an instance sleep on that number.
@safe final class NameState: Sendable {
  /// What the first instance lays down.
  struct Terms {
    var kind: NamedPipes.Kind
    var direction: NamedPipes.Direction
    /// `nil` for any number.
    var maxInstances: Int?
    /// In milliseconds.
    var defaultTimeout: UInt32
    /// Who may connect. Of interest to servers, and known to them only.
    var access: NamedPipes.AccessControl

    init(_ options: NamedPipes.Options) {
      access = options.access
      kind = options.kind
      direction = options.direction
      maxInstances = options.maxInstances
      let (seconds, attoseconds) = options.defaultTimeout.components
      defaultTimeout = UInt32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000)
    }

    fileprivate init?(_ word: (Int) -> UInt32) {
      guard let kind = NamedPipes.Kind(rawValue: word(8)),
        let direction = NamedPipes.Direction(rawValue: word(12))
      else { return nil }
      self.kind = kind
      self.direction = direction
      maxInstances = word(20) == 0 ? nil : Int(word(20))
      defaultTimeout = word(24)
      access = .sameUser
    }

    /// Understands the beginning of the file as another user wrote it; `nil` when it says nothing.
    init?(foreign bytes: [UInt8]) {
      guard bytes.count == NameState.headSize else { return nil }
      func word(_ offset: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << ($1 * 8) }
      }
      guard word(0) == NameState.magic else { return nil }
      self.init(word)
    }
  }

  static let fileName = "state"
  /// What another user needs.
  static let headSize = 64
  private static let size = headSize + 4 * NamedPipes.AccessControl.mostUsers
  private static let magic: UInt32 = 0x3370_6970

  private let mapping: SharedMapping

  /// Opens the state of a name that has a server.
  ///
  /// - Throws: `ENOENT` or `EINVAL` when there is none, or it is not complete yet.
  init(opening directory: NameDirectory) throws(SystemError) {
    mapping = try directory.map(Self.fileName, size: Self.size, creating: false)
    guard unsafe word(0).pointee.load(ordering: .acquiring) == Self.magic,
      Terms({ unsafe word($0).pointee.load(ordering: .relaxed) }) != nil
    else { throw SystemError(code: ENOENT, call: "read the state of a pipe name") }
  }

  /// Opens the state, making it when it is missing. Call it with the directory locked.
  ///
  /// - Parameter terms: What to lay down; `nil` when the name has instances already, whose terms
  ///   stay. A file that dead servers left is used again: clients may still wait on it.
  init(in directory: NameDirectory, layingDown terms: Terms?) throws(SystemError) {
    mapping = try directory.map(Self.fileName, size: Self.size, creating: true)
    guard let terms else { return }
    unsafe word(8).pointee.store(terms.kind.rawValue, ordering: .relaxed)
    unsafe word(12).pointee.store(terms.direction.rawValue, ordering: .relaxed)
    unsafe word(20).pointee.store(UInt32(terms.maxInstances ?? 0), ordering: .relaxed)
    unsafe word(24).pointee.store(terms.defaultTimeout, ordering: .relaxed)
    let (form, numbers) = terms.access.encoded
    unsafe word(28).pointee.store(form, ordering: .relaxed)
    unsafe word(32).pointee.store(UInt32(numbers.count), ordering: .relaxed)
    for (index, number) in numbers.enumerated() {
      unsafe word(Self.headSize + 4 * index).pointee.store(number, ordering: .relaxed)
    }
    unsafe word(0).pointee.store(Self.magic, ordering: .releasing)
  }

  /// What the first instance laid down.
  var terms: Terms {
    func read(_ offset: Int) -> UInt32 { unsafe word(offset).pointee.load(ordering: .relaxed) }
    guard var terms = Terms(read) else { return Terms(NamedPipes.Options(kind: .byte)) }
    let count = min(Int(read(32)), NamedPipes.AccessControl.mostUsers)
    let numbers = (0..<count).map { read(Self.headSize + 4 * $0) }
    terms.access = NamedPipes.AccessControl(read(28), numbers)
    return terms
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

  /// Wakes everybody who waits, in this process, without changing the number.
  func wakeWaiters() { unsafe _ = Futex.wake(mapping.address(at: 4, length: 4)) }

  /// Sleeps while the number is `seen`.
  func wait(while seen: UInt32, deadline: Deadline) {
    unsafe Futex.wait(mapping.address(at: 4, length: 4), while: seen, deadline: deadline)
  }

  private func word(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe mapping.address(at: offset, length: 4).assumingMemoryBound(to: Atomic<UInt32>.self)
  }
}
