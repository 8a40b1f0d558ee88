internal import Glibc
internal import IPCSystem
internal import Synchronization

/// What kind of object a name belongs to.
public enum ObjectKind: UInt32, Sendable, Hashable {
  /// ``OwnedMutex``
  case mutex = 1
  /// ``CountingSemaphore``
  case semaphore = 2
  /// ``Event``
  case event = 3
  /// A file mapping.
  case mapping = 4
}

/// The state of an object: memory of this process, or memory that processes share.
///
/// Shared memory begins with a header that says what it is, and is sealed: nobody can make it
/// shorter under those who look at it.
@safe package final class ObjectMemory: @unchecked Sendable {
  // Sendable: the address is constant; the object's own words are atomics.

  /// How much an object has for itself, aligned to 64 bytes.
  package static let bodySize = 128
  static let pageSize = 4096
  private static let bodyOffset = 2048
  private static let magic: UInt64 = 0x4A42_4F43_4C50_4931
  private static let version: UInt32 = 1
  private static let nameOffset = 64

  package let kind: ObjectKind
  /// A number that no other object has.
  package let identity: UInt64
  /// Where the object's own words begin.
  package let body: UnsafeMutableRawPointer
  private var mapping: SharedMapping?

  private static let identities = Atomic<UInt64>(1)

  /// A number that no other object of this process has.
  package static func nextIdentity() -> UInt64 {
    identities.wrappingAdd(1, ordering: .relaxed).oldValue
  }

  /// Memory for an object without a name.
  package init(private kind: ObjectKind) {
    self.kind = kind
    identity = Self.nextIdentity()
    unsafe body = .allocate(byteCount: Self.bodySize, alignment: 64)
    unsafe body.initializeMemory(as: UInt8.self, repeating: 0, count: Self.bodySize)
    mapping = nil
  }

  /// Memory for an object with a name, in a new memory file.
  init(creating kind: ObjectKind, named name: ObjectName, _ file: inout OwnedDescriptor?)
    throws(SystemError)
  {
    let created = try SharedMapping.create(name: "ipclab-object", size: Self.pageSize)
    file = consume created.file
    let start = unsafe created.mapping.address(at: 0, length: Self.pageSize)
    self.kind = kind
    // The highest bit tells it from those of this process.
    identity = UInt64.random(in: 0...UInt64.max) | 1 << 63
    unsafe body = start + Self.bodyOffset
    unsafe start.storeBytes(of: Self.magic, as: UInt64.self)
    unsafe start.storeBytes(of: Self.version, toByteOffset: 8, as: UInt32.self)
    unsafe start.storeBytes(of: kind.rawValue, toByteOffset: 12, as: UInt32.self)
    unsafe start.storeBytes(of: identity, toByteOffset: 16, as: UInt64.self)
    let text = Array(name.text.utf8)
    unsafe start.storeBytes(of: UInt32(text.count), toByteOffset: 24, as: UInt32.self)
    unsafe (start + Self.nameOffset).copyMemory(from: text, byteCount: text.count)
    mapping = consume created.mapping
  }

  /// Maps the memory of an object that another process has open. It must be that of this name; `nil`
  /// is any.
  init(of file: borrowing OwnedDescriptor, named name: ObjectName?) throws(ObjectError) {
    let context = name.map { "opening “\($0)”" } ?? "looking at an object"
    let mapping: SharedMapping
    do throws(SystemError) {
      mapping = try SharedMapping(mappingSealed: file, size: Self.pageSize)
    } catch { throw ObjectError(.damaged, context, system: error) }
    let start = unsafe mapping.address(at: 0, length: Self.pageSize)
    let length = unsafe Int(start.load(fromByteOffset: 24, as: UInt32.self))
    guard unsafe start.load(as: UInt64.self) == Self.magic,
      unsafe start.load(fromByteOffset: 8, as: UInt32.self) == Self.version,
      let kind = unsafe ObjectKind(rawValue: start.load(fromByteOffset: 12, as: UInt32.self)),
      length <= Self.bodyOffset - Self.nameOffset,
      name.map({ name in
        unsafe UnsafeRawBufferPointer(start: start + Self.nameOffset, count: length)
          .elementsEqual(name.text.utf8)
      }) ?? true
    else { throw ObjectError(.damaged, context) }
    self.kind = kind
    identity = unsafe start.load(fromByteOffset: 16, as: UInt64.self)
    unsafe body = start + Self.bodyOffset
    self.mapping = consume mapping
  }

  /// The name in the header of shared memory; `nil` for memory of this process.
  var name: String? {
    guard mapping != nil else { return nil }
    let start = unsafe body - Self.bodyOffset
    let length = min(
      unsafe Int(start.load(fromByteOffset: 24, as: UInt32.self)), Self.bodyOffset - Self.nameOffset
    )
    return unsafe String(
      decoding: UnsafeRawBufferPointer(start: start + Self.nameOffset, count: length),
      as: UTF8.self)
  }

  /// The word at an offset of the body.
  func word(_ offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe (body + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  /// A number of the body that is written before anybody else sees it.
  package func constant<N: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as: N.Type) -> N {
    unsafe body.load(fromByteOffset: offset, as: N.self)
  }

  /// Writes such a number.
  package func setConstant<N: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _ value: N) {
    unsafe body.storeBytes(of: value, toByteOffset: offset, as: N.self)
  }

  deinit {
    // The kernel and the C library look at the mutexes that a thread owns when it gives one back and
    // when it ends: such memory must stay.
    let mutex = unsafe RobustMutex(at: body)
    let isPrivate = mapping == nil
    guard kind == .mutex, unsafe Self.isOwnedHere(mutex.word) else { return free() }
    unsafe Graveyard.shared.bury(mutex.word, mapping.take(), isPrivate ? body : nil)
  }

  private func free() { if mapping == nil { unsafe body.deallocate() } }

  /// Whether a thread of this process owns the mutex that this is the word of.
  fileprivate static func isOwnedHere(_ word: UnsafeMutableRawPointer) -> Bool {
    let value = unsafe word.assumingMemoryBound(to: Atomic<UInt32>.self).pointee
      .load(ordering: .acquiring)
    let owner = value & RobustMutex.owner
    if owner == 0 || value & RobustMutex.isOrphan != 0 { return false }
    return unsafe access("/proc/self/task/\(owner)", F_OK) == 0
  }
}

/// Mutexes whose owners are threads of this process, and that nobody can reach any more. They stay
/// until their owner has ended.
private final class Graveyard: Sendable {
  static let shared = Graveyard()

  @safe private final class Grave: @unchecked Sendable {
    // Sendable: nobody but the graveyard has it.
    private let word: UnsafeMutableRawPointer
    private let mapping: SharedMapping?
    private let heap: UnsafeMutableRawPointer?

    init(
      _ word: UnsafeMutableRawPointer, _ mapping: consuming SharedMapping?,
      _ heap: UnsafeMutableRawPointer?
    ) {
      unsafe self.word = word
      self.mapping = mapping
      unsafe self.heap = heap
    }

    var isNeeded: Bool { unsafe ObjectMemory.isOwnedHere(word) }

    deinit { unsafe heap?.deallocate() }
  }

  private let graves = Locked<[Grave]>([])

  func bury(
    _ word: UnsafeMutableRawPointer, _ mapping: consuming SharedMapping?,
    _ heap: UnsafeMutableRawPointer?
  ) {
    let grave = unsafe Grave(word, mapping, heap)
    graves.withLock { graves in
      graves.removeAll { !$0.isNeeded }
      graves.append(grave)
    }
  }
}

/// The mutex inside an object under which its rare changes happen. What its owner was doing when it
/// died needs no repair: the next change, if not that one, wakes who sleeps.
enum InnerMutex {
  static let offset = 64

  // New memory is a free mutex.
  static func of(_ memory: ObjectMemory) -> RobustMutex {
    unsafe RobustMutex(at: memory.body + offset)
  }
}
