internal import CIPCShims
internal import Glibc

/// A shared, writable mapping of a memory file, unmapped when its owner goes away.
///
/// The bytes are shared with another process that may write anything at any time: what is read
/// here is a hint to be checked. Offsets are bounds-checked against the size that was mapped.
@safe public struct SharedMapping: ~Copyable, @unchecked Sendable {
  // Sendable: the pointer and the size never change; the memory behind them is shared with other
  // processes by design, and who may touch which part when is the owner's protocol.
  private let base: UnsafeMutableRawPointer
  /// Size in bytes.
  public let size: Int

  /// Creates an anonymous memory file of `size` bytes, sealed against growing and shrinking, and
  /// maps it. Returns the mapping and the descriptor to hand to the other process.
  ///
  /// Wraps `memfd_create(2)`: there is no name to leave behind.
  public static func create(name: String, size: Int) throws(SystemError) -> Created {
    let file = try MemoryFile.make(name: name)
    let raw = file.raw
    try retrying("ftruncate") { ftruncate(raw, size) }
    try checked("fcntl(F_ADD_SEALS)") { cipc_seal_size(raw) }
    let mapping = try SharedMapping(mapping: file, size: size)
    return Created(mapping: mapping, file: file)
  }

  /// A new mapping and the memory file behind it.
  @frozen public struct Created: ~Copyable {
    /// The mapping.
    public var mapping: SharedMapping
    /// The memory file, to be handed to the other process.
    public var file: OwnedDescriptor
  }

  /// Maps `size` bytes of a memory file received from a peer.
  ///
  /// - Throws: `EINVAL` when the file is smaller than `size` or could shrink later (it lacks the
  ///   size seals): touching it could then kill this process with SIGBUS.
  public init(mappingSealed file: borrowing OwnedDescriptor, size: Int) throws(SystemError) {
    let raw = file.raw
    guard MemoryFile.isSealed(raw) else {
      throw SystemError(code: EINVAL, call: "fcntl(F_GET_SEALS)")
    }
    var status = stat()
    try checked("fstat") { unsafe fstat(raw, &status) }
    guard size > 0, Int(status.st_size) >= size else {
      throw SystemError(code: EINVAL, call: "fstat")
    }
    try self.init(mapping: file, size: size)
  }

  /// Maps `size` bytes of a file that this user's own processes share and never shrink.
  public init(mapping file: borrowing OwnedDescriptor, size: Int) throws(SystemError) {
    guard let base = unsafe cipc_map_shared(size, 1, file.raw) else { throw lastError("mmap") }
    unsafe self.base = base
    self.size = size
  }

  deinit { unsafe _ = munmap(base, size) }

  /// The address of `offset`, at which `length` bytes lie inside the mapping. Valid as long as the
  /// mapping lives.
  public borrowing func address(at offset: Int, length: Int) -> UnsafeMutableRawPointer {
    precondition(offset >= 0 && length >= 0 && offset <= size - length, "outside the mapping")
    return unsafe base + offset
  }
}

/// Memory files: files without a name.
public enum MemoryFile {
  /// Creates an empty memory file that may grow. Wraps `memfd_create(2)`.
  ///
  /// - Parameter name: Shown in `/proc` only.
  public static func make(name: String) throws(SystemError) -> OwnedDescriptor {
    OwnedDescriptor(adopting: try checked("memfd_create") { unsafe cipc_memfd_create(name) })
  }
}
