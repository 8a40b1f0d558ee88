internal import Glibc
public import IPCSystem
public import SyncObjects

/// Memory that processes share: of its own, or that of a file.
///
/// The name ends with the last process that has the mapping open; the memory lives on as long as
/// there is a ``MappedView`` of it. A mapping of memory begins with zeros and never gets shorter.
///
/// - Note: Win32 `CreateFileMapping`, `OpenFileMapping`. A file that somebody makes shorter behind the
///   back of a view ends the process that touches what is gone (`SIGBUS`): Linux does not refuse that
///   as Windows does. ``MappedView/read(at:count:)`` and ``MappedView/write(_:at:)`` are safe.
public final class FileMapping: Sendable {
  /// What views of a mapping may do at most.
  public enum Protection: UInt32, Sendable {
    /// Read; and write what stays private.
    case readOnly = 1
    /// Read and write.
    case readWrite = 2
    /// Read; and write what stays private.
    case copyOnWrite = 3
  }

  /// What a view begins at a multiple of.
  public static let granularity = MappedPart.alignment

  /// The size in bytes, as it was asked for. Memory is whole pages: views may have all of the last
  /// one.
  public let size: Int
  /// What views may do at most.
  public let protection: Protection
  /// Where the last view ends.
  private let end: Int
  private let payload: ObjectNamespace.Payload
  private let holding: ObjectNamespace.Holding?

  /// Creates a mapping of memory without a name.
  ///
  /// - Throws: `.invalidArgument` unless the size is positive; `.system` when there is no room.
  public convenience init(size: Int, _ protection: Protection = .readWrite) throws(ObjectError) {
    self.init(
      size: size, protection, try Self.memory(size), holding: nil)
  }

  /// Creates a mapping of a file without a name. The descriptor is copied.
  ///
  /// - Parameters:
  ///   - file: A regular file, open for what the protection says.
  ///   - size: How much of it, from the beginning; `nil` is all. A shorter file is made longer.
  /// - Throws: `.emptyFile`; `.fileTooShort` when it may not be made longer; `.accessDenied` when it
  ///   is not open for that; `.system`.
  public convenience init(
    of file: Int32, size: Int? = nil, _ protection: Protection
  ) throws(ObjectError) {
    let (payload, size) = try Self.prepare(file, size, protection)
    self.init(size: size, protection, payload, holding: nil)
  }

  /// Creates a mapping with a name, or opens the one that has it: that keeps its size and its
  /// protection.
  ///
  /// - Parameters:
  ///   - file: A regular file; `nil` for memory, whose size must then be given.
  /// - Throws: As the initialisers; `.wrongKind`.
  public static func create(
    _ name: ObjectName, of file: Int32? = nil, size: Int?, _ protection: Protection,
    in runtime: RuntimeDirectory
  ) throws(ObjectError) -> (mapping: FileMapping, existed: Bool) {
    var made: (payload: ObjectNamespace.Payload, size: Int)?
    if let file {
      made = try prepare(file, size, protection)
    } else if size ?? 0 <= 0 {
      throw ObjectError(.invalidArgument, "mapping memory without a size")
    }
    let (holding, existed) = try ObjectNamespace.of(runtime).open(name, .mapping) {
      (memory) throws(ObjectError) in
      let size = made?.size ?? size ?? 0
      let payload: ObjectNamespace.Payload
      if let made { payload = made.payload } else { payload = try self.memory(size) }
      memory.setConstant(MappingTerms.sizeOffset, Int64(size))
      memory.setConstant(MappingTerms.protectionOffset, protection.rawValue)
      return payload
    }
    return (try FileMapping(holding), existed)
  }

  /// Opens the mapping that has the name.
  ///
  /// - Throws: `.notFound`, `.wrongKind`, `.damaged`.
  public static func open(
    _ name: ObjectName, in runtime: RuntimeDirectory
  ) throws(ObjectError) -> FileMapping {
    try FileMapping(ObjectNamespace.of(runtime).open(name, .mapping, prepare: nil).holding)
  }

  private init(
    size: Int, _ protection: Protection, _ payload: ObjectNamespace.Payload,
    holding: ObjectNamespace.Holding?
  ) {
    self.size = size
    self.protection = protection
    end = MemoryFile.isSealed(payload.descriptor.raw) ? Self.roundedUp(size) : size
    self.payload = payload
    self.holding = holding
  }

  /// What another process says of its mapping is checked against the file.
  private convenience init(_ holding: ObjectNamespace.Holding) throws(ObjectError) {
    let context = "opening “\(holding.name)”"
    let size = Int(holding.memory.constant(MappingTerms.sizeOffset, as: Int64.self))
    guard let payload = holding.payload, size > 0,
      let protection = Protection(
        rawValue: holding.memory.constant(MappingTerms.protectionOffset, as: UInt32.self)),
      payload.isWritable || protection != .readWrite,
      try asObject(
        context,
        { () throws(SystemError) in
          try SmallFile.size(of: payload.descriptor)
        }) >= size
    else { throw ObjectError(.damaged, context) }
    self.init(size: size, protection, payload, holding: holding)
  }

  /// Memory that is whole pages, and sealed so that nobody can make it shorter.
  private static func memory(_ size: Int) throws(ObjectError) -> ObjectNamespace.Payload {
    guard size > 0, size <= Int.max - MappedPart.page else {
      throw ObjectError(.invalidArgument, "a mapping of \(size) bytes")
    }
    return try asObject("a mapping of \(size) bytes") { () throws(SystemError) in
      ObjectNamespace.Payload(
        try MemoryFile.sealed(name: "ipclab-mapping", size: roundedUp(size)), isWritable: true)
    }
  }

  private static func prepare(
    _ file: Int32, _ size: Int?, _ protection: Protection
  ) throws(ObjectError) -> (payload: ObjectNamespace.Payload, size: Int) {
    let mode = try asObject("mapping a file") { () throws(SystemError) in
      try Descriptors.accessMode(file)
    }
    let copy = try asObject("mapping a file") { () throws(SystemError) in
      try Descriptors.duplicate(file)
    }
    let length = try asObject("mapping a file") { () throws(SystemError) in
      try SmallFile.size(of: copy)
    }
    guard mode != .writeOnly, mode == .readWrite || protection != .readWrite else {
      throw ObjectError(.accessDenied, "mapping a file that is not open for that")
    }
    let wanted = size ?? length
    if wanted == 0 { throw ObjectError(.emptyFile, "mapping a file") }
    if wanted < 0 { throw ObjectError(.invalidArgument, "mapping \(wanted) bytes of a file") }
    if wanted > length {
      guard protection == .readWrite else {
        throw ObjectError(.fileTooShort, "mapping \(wanted) bytes of a file of \(length)")
      }
      do throws(SystemError) { try SmallFile.extend(copy, to: wanted) } catch {
        throw ObjectError(.system, "making a file longer", system: error)
      }
    }
    if protection == .readWrite {
      try asObject("mapping a file with holes") { () throws(SystemError) in
        try SmallFile.fillHoles(of: copy, upTo: wanted)
      }
    }
    return (ObjectNamespace.Payload(copy, isWritable: mode == .readWrite), wanted)
  }

  static func roundedUp(_ size: Int) -> Int {
    (size + MappedPart.page - 1) / MappedPart.page * MappedPart.page
  }

  /// Gives the name up. With the last one who has the mapping open, it is free. Views stay.
  public func close() { holding?.close() }

  /// Maps part of it.
  ///
  /// - Parameters:
  ///   - offset: Where the view begins: a multiple of ``granularity``.
  ///   - length: How many bytes; `nil` is up to the end.
  ///   - address: Where in memory: a multiple of ``granularity``; `nil` for anywhere.
  /// - Throws: `.misaligned`; `.accessDenied` when the view would go beyond the mapping, or may not
  ///   write; `.addressTaken`; `.system`.
  /// - Note: Win32 `MapViewOfFile`, `MapViewOfFileEx`.
  public func view(
    at offset: Int = 0, length: Int? = nil, _ access: MappedView.Access, in address: UInt? = nil
  ) throws(ObjectError) -> MappedView {
    if offset % Self.granularity != 0 {
      throw ObjectError(.misaligned, "a view at \(offset)")
    }
    if let address, address % UInt(Self.granularity) != 0 {
      throw ObjectError(.misaligned, "a view in memory at \(address)")
    }
    guard access != .readWrite || protection == .readWrite else {
      throw ObjectError(.accessDenied, "a view that writes")
    }
    guard offset >= 0, offset < size, length ?? 1 > 0, length ?? 0 <= end - offset else {
      throw ObjectError(.accessDenied, "a view of what is not mapped")
    }
    let length = length ?? size - offset
    do throws(SystemError) {
      let part = try MappedPart(
        of: payload.descriptor, offset: offset, length: length, access.protection, at: address)
      return MappedView(part, access, payload)
    } catch {
      let isPlaced = address != nil && [EEXIST, EPERM, ENOMEM].contains(error.code)
      throw ObjectError(
        isPlaced ? .addressTaken : .system, "a view of \(length) bytes", system: error)
    }
  }
}
