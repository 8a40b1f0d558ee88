internal import CIPCShims
internal import Glibc

/// Part of a file, mapped. It is unmapped when its owner goes away.
@safe public struct MappedPart: ~Copyable, @unchecked Sendable {
  // Sendable: the address and the length never change; who may touch the memory is the owner's
  // protocol.

  /// What may be done with the memory.
  public enum Protection: Sendable {
    /// Nothing.
    case none
    /// Reading.
    case read
    /// Reading and writing; all who map the file see it.
    case readWrite
    /// Reading and writing; a page that was written is this mapping's own from then on.
    case copyOnWrite
  }

  /// Where it begins: a multiple of ``alignment``.
  public let base: UnsafeMutableRawPointer
  /// Its length in bytes.
  public let length: Int

  /// What the address is a multiple of, as it is on Windows.
  public static let alignment = 65536

  /// Maps `length` bytes of a file from `offset` on, which is a multiple of the page size.
  ///
  /// Touching what lies behind the file's end kills the process (`SIGBUS`); so does what lies behind
  /// the last page, up to the next multiple of ``alignment`` (`SIGSEGV`).
  ///
  /// - Parameter address: Where it begins: a multiple of ``alignment``; `nil` for anywhere.
  /// - Throws: `EEXIST`, `EPERM`, `ENOMEM` when there is no room at `address`, and what `mmap(2)` says.
  public init(
    of file: borrowing OwnedDescriptor, offset: Int, length: Int, _ protection: Protection,
    at address: UInt? = nil
  ) throws(SystemError) {
    let raw = file.raw
    let flags =
      switch protection {
      case .none: PROT_NONE
      case .read: PROT_READ
      case .readWrite, .copyOnWrite: PROT_READ | PROT_WRITE
      }
    guard
      let base = unsafe cipc_map_aligned(
        raw, Int64(offset), length, flags, protection == .copyOnWrite ? 1 : 0, Self.alignment,
        address.flatMap { unsafe UnsafeMutableRawPointer(bitPattern: $0) })
    else { throw lastError("mmap") }
    unsafe self.base = base
    self.length = length
  }

  deinit {
    let reserved = (length + Self.alignment - 1) / Self.alignment * Self.alignment
    unsafe _ = munmap(base, reserved)
  }

  /// Writes what was changed to the file, and waits until it is there. Wraps `msync(2)`.
  ///
  /// - Parameter offset: A multiple of the page size.
  public func flush(from offset: Int, length: Int) throws(SystemError) {
    precondition(offset >= 0 && length >= 0 && offset <= self.length - length)
    let start = unsafe base + offset
    try retrying("msync") { unsafe msync(start, length, Int32(MS_SYNC)) }
  }

  /// The size of a page in bytes.
  public static let page = Int(sysconf(Int32(_SC_PAGESIZE)))
}

/// Memory that may not be there.
public enum GuardedMemory {
  /// Copies bytes from an address, which need not be valid.
  ///
  /// - Returns: `nil` when part of it cannot be read.
  public static func read(from address: UInt, count: Int) throws(SystemError) -> [UInt8]? {
    // A system call finds out: it fails where a load would kill the process.
    let file = try MemoryFile.make(name: "copy")
    var done = 0
    while done < count {
      let result = unsafe pwrite(
        file.raw, UnsafeRawPointer(bitPattern: address &+ UInt(done)), count - done, done)
      if result <= 0 { return nil }
      done += result
    }
    let raw = file.raw
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { bytes, length in
      length = unsafe max(0, pread(raw, bytes.baseAddress, count, 0))
    }
  }

  /// Copies bytes to an address, which need not be valid.
  ///
  /// - Returns: Whether all of it could be written.
  public static func write(_ bytes: [UInt8], to address: UInt) throws(SystemError) -> Bool {
    let file = try MemoryFile.make(name: "copy")
    var done = 0
    let raw = file.raw
    try retrying("pwrite") { unsafe pwrite(raw, bytes, bytes.count, 0) }
    while done < bytes.count {
      let result = unsafe pread(
        file.raw, UnsafeMutableRawPointer(bitPattern: address &+ UInt(done)), bytes.count - done,
        done)
      if result <= 0 { return false }
      done += result
    }
    return true
  }
}

extension MemoryFile {
  /// Creates a memory file of `size` zeros, sealed: its size stays.
  public static func sealed(name: String, size: Int) throws(SystemError) -> OwnedDescriptor {
    let file = try make(name: name)
    let raw = file.raw
    try retrying("ftruncate") { ftruncate(raw, size) }
    try checked("fcntl(F_ADD_SEALS)") { cipc_seal_size(raw) }
    return file
  }

  /// Whether a descriptor is a memory file whose size stays.
  public static func isSealed(_ raw: Int32) -> Bool { cipc_has_size_seals(raw) == 1 }
}

extension Descriptors {
  /// What a descriptor is open for.
  public enum AccessMode: Sendable {
    /// Reading.
    case readOnly
    /// Writing.
    case writeOnly
    /// Both.
    case readWrite
  }

  /// What a descriptor is open for. Wraps `fcntl(F_GETFL)`.
  public static func accessMode(_ raw: Int32) throws(SystemError) -> AccessMode {
    let flags = try checked("fcntl(F_GETFL)") { cipc_fcntl_int(raw, F_GETFL, 0) }
    return switch flags & O_ACCMODE {
    case O_RDWR: .readWrite
    case O_WRONLY: .writeOnly
    default: .readOnly
    }
  }
}
