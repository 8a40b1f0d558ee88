internal import IPCSystem
public import SyncObjects

/// Part of a mapping, as memory of this process. It is unmapped when it goes away.
///
/// - Note: Win32 `MapViewOfFile`, `UnmapViewOfFile`, `FlushViewOfFile`.
@safe public final class MappedView: Sendable {
  /// What may be done with the memory.
  public enum Access: Sendable {
    /// Nothing: the addresses are taken.
    case none
    /// Read.
    case read
    /// Read and write; everybody sees it.
    case readWrite
    /// Read and write; a page that was written is private from then on.
    case copyOnWrite

    var protection: MappedPart.Protection {
      switch self {
      case .none: .none
      case .read: .read
      case .readWrite: .readWrite
      case .copyOnWrite: .copyOnWrite
      }
    }
  }

  /// What may be done with the memory.
  public let access: Access
  private let part: MappedPart
  /// Keeps the memory's descriptor, for flushing.
  private let payload: ObjectNamespace.Payload

  init(_ part: consuming MappedPart, _ access: Access, _ payload: ObjectNamespace.Payload) {
    self.part = part
    self.access = access
    self.payload = payload
  }

  /// How many bytes were asked for.
  public var length: Int { part.length }

  /// How many bytes are mapped: whole pages.
  public var regionSize: Int { FileMapping.roundedUp(part.length) }

  /// The address, a multiple of 64 KiB. It is valid as long as the view lives.
  public var address: UnsafeMutableRawPointer { unsafe part.base }

  /// Lends the bytes.
  ///
  /// Other processes may change them at any time: guard them with an ``OwnedMutex``, or use atomics.
  public func withBytes<R, E: Error>(
    _ body: (UnsafeMutableRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    defer { extendLifetime(self) }
    return try unsafe body(UnsafeMutableRawBufferPointer(start: part.base, count: part.length))
  }

  /// Copies bytes out, and survives that the file under them has become shorter.
  ///
  /// - Throws: `.accessDenied` for what lies outside, or is gone.
  public func read(at offset: Int, count: Int) throws(ObjectError) -> [UInt8] {
    let start = try place(offset, count)
    let bytes = try asObject("reading a view") { () throws(SystemError) in
      try GuardedMemory.read(from: start, count: count)
    }
    guard let bytes else { throw ObjectError(.accessDenied, "reading a view") }
    return bytes
  }

  /// Copies bytes in, and survives that the file under them has become shorter.
  ///
  /// - Throws: `.accessDenied` for what lies outside, is gone, or may not be written.
  public func write(_ bytes: [UInt8], at offset: Int) throws(ObjectError) {
    let start = try place(offset, bytes.count)
    let isDone = try asObject("writing a view") { () throws(SystemError) in
      try GuardedMemory.write(bytes, to: start)
    }
    if !isDone { throw ObjectError(.accessDenied, "writing a view") }
  }

  private func place(_ offset: Int, _ count: Int) throws(ObjectError) -> UInt {
    guard offset >= 0, count >= 0, offset <= regionSize, count <= regionSize - offset else {
      throw ObjectError(.accessDenied, "\(count) bytes at \(offset) of a view")
    }
    return unsafe UInt(bitPattern: part.base) + UInt(offset)
  }

  /// Writes what was changed to the file, and waits until it is there.
  ///
  /// - Parameter length: `nil` is up to the end.
  public func flush(from offset: Int = 0, length: Int? = nil) throws(ObjectError) {
    guard offset >= 0, offset <= part.length, length ?? 0 <= part.length - offset else {
      throw ObjectError(.invalidArgument, "flushing what is not in the view")
    }
    let end = offset + (length ?? part.length - offset)
    let start = offset / MappedPart.page * MappedPart.page
    try asObject("flushing a view") { () throws(SystemError) in
      try part.flush(from: start, length: end - start)
    }
  }
}
