// swift-format-ignore-file: AlwaysUseLowerCamelCase

internal import FileMappings
internal import IPCSystem
internal import SyncObjects

/// A file mapping.
final class MappingObject: KernelObject, @unchecked Sendable {
  // Sendable: a mapping is for several threads.
  let mapping: FileMapping

  init(_ mapping: FileMapping) { self.mapping = mapping }

  override func rights(of desired: DWORD) throws(Failure) -> DWORD {
    // A private copy takes the right to read.
    let access = desired == FILE_MAP_COPY ? FILE_MAP_READ : desired
    let rights = try SyncObjectOpening.rights(
      access, modify: FILE_MAP_WRITE, all: FILE_MAP_ALL_ACCESS)
    return access & GENERIC_READ == 0 ? rights : rights | FILE_MAP_READ
  }

  override func lastHandleWasClosed() { mapping.close() }
}

/// The views of this process, by their addresses.
enum Views {
  private static let all = Locked<[UInt: MappedView]>([:])

  static func add(_ view: MappedView) -> UnsafeMutableRawPointer {
    let address = unsafe view.address
    all.withLock { $0[UInt(bitPattern: address)] = view }
    return unsafe address
  }

  /// Forgets the view that an address lies in: it is unmapped when nobody uses it any more.
  static func remove(_ address: LPCVOID) throws(Failure) {
    let number = UInt(bitPattern: address)
    let view = all.withLock { all in
      place(of: number, in: all).flatMap { all.removeValue(forKey: $0.start) }
    }
    if view == nil { throw Failure(ERROR_INVALID_ADDRESS) }
  }

  /// The view that an address lies in, and where in it.
  static func find(_ address: LPCVOID) -> (view: MappedView, offset: Int)? {
    let number = UInt(bitPattern: address)
    return all.withLock { all in
      place(of: number, in: all).map { ($0.view, Int(number - $0.start)) }
    }
  }

  private static func place(
    of number: UInt, in all: [UInt: MappedView]
  ) -> (start: UInt, view: MappedView)? {
    if let view = all[number] { return (number, view) }
    return all.first { number >= $0.key && number - $0.key < $0.value.regionSize }
      .map { ($0.key, $0.value) }
  }
}

/// Creates a file mapping, or opens the one that has the name.
///
/// - Parameters:
///   - hFile: A file; `INVALID_HANDLE_VALUE` for memory of its own, which begins with zeros.
///   - lpFileMappingAttributes: Whether the handle is inherited, which has no effect. Or `nil`.
///   - flProtect: What views of this handle may do at most: `PAGE_READONLY`, `PAGE_READWRITE` or
///     `PAGE_WRITECOPY`, also as `PAGE_EXECUTE_…`, which changes nothing; with one of `SEC_COMMIT` and
///     `SEC_RESERVE`, which changes nothing either.
///   - dwMaximumSizeHigh: The size, high 32 bits.
///   - dwMaximumSizeLow: The size, low 32 bits. 0 is the file's size. A shorter file is made longer.
///   - lpName: The name, which mutexes, semaphores, events and mappings share; or `nil`.
/// - Returns: A handle; `nil` on failure. `ERROR_ALREADY_EXISTS` is the last error when there was such
///   a mapping, which keeps its size.
/// - Note: Errors: `ERROR_INVALID_PARAMETER` for memory of size 0, `ERROR_FILE_INVALID` for an empty
///   file, `ERROR_NOT_ENOUGH_MEMORY` when a file to be read is shorter, `ERROR_ACCESS_DENIED`,
///   `ERROR_DISK_FULL`, `ERROR_INVALID_HANDLE`, `ERROR_PATH_NOT_FOUND`.
public func CreateFileMapping(
  _ hFile: HANDLE, _ lpFileMappingAttributes: LPSECURITY_ATTRIBUTES, _ flProtect: DWORD,
  _ dwMaximumSizeHigh: DWORD, _ dwMaximumSizeLow: DWORD, _ lpName: LPCTSTR
) -> HANDLE {
  answer(otherwise: nil) { () throws(Failure) in
    let protection: FileMapping.Protection
    let attributes = SEC_COMMIT | SEC_RESERVE
    if flProtect & attributes == attributes { throw Failure(ERROR_INVALID_PARAMETER) }
    switch flProtect & ~attributes {
    case PAGE_READONLY, PAGE_EXECUTE_READ: protection = .readOnly
    case PAGE_READWRITE, PAGE_EXECUTE_READWRITE: protection = .readWrite
    case PAGE_WRITECOPY, PAGE_EXECUTE_WRITECOPY: protection = .copyOnWrite
    default: throw Failure(ERROR_INVALID_PARAMETER)
    }
    let wanted = UInt64(dwMaximumSizeHigh) << 32 | UInt64(dwMaximumSizeLow)
    guard let wanted = Int(exactly: wanted) else { throw Failure(ERROR_NOT_ENOUGH_MEMORY) }
    let name = try SyncObjectOpening.name(lpName)
    let directory = name == nil ? nil : try Win32Names.directory()
    let file =
      hFile == INVALID_HANDLE_VALUE
      ? nil : try HandleTable.shared.object(hFile, DescriptorFile.self, access: FILE_READ_DATA)
    if file == nil && wanted == 0 { throw Failure(ERROR_INVALID_PARAMETER) }
    let (mapping, existed) = try translating { () throws(ObjectError) -> (FileMapping, Bool) in
      let (descriptor, size) = (file?.descriptor, wanted == 0 ? nil : wanted)
      if let name, let directory {
        return try FileMapping.create(name, of: descriptor, size: size, protection, in: directory)
      }
      guard let descriptor else { return (try FileMapping(size: wanted, protection), false) }
      return (try FileMapping(of: descriptor, size: size, protection), false)
    }
    return unsafe SyncObjectOpening.handle(
      MappingObject(mapping), existed: existed,
      // Also for one that was there, and allows more.
      access: protection == .readWrite
        ? FILE_MAP_ALL_ACCESS : FILE_MAP_ALL_ACCESS & ~FILE_MAP_WRITE,
      lpFileMappingAttributes)
  }
}

/// Opens the file mapping that has the name.
///
/// - Parameters:
///   - dwDesiredAccess: What views may do: `FILE_MAP_READ`, `FILE_MAP_WRITE`, `FILE_MAP_COPY`,
///     `FILE_MAP_ALL_ACCESS`.
///   - bInheritHandle: Has no effect.
///   - lpName: The name.
/// - Note: Errors: `ERROR_FILE_NOT_FOUND`, `ERROR_INVALID_HANDLE`, `ERROR_PATH_NOT_FOUND`.
public func OpenFileMapping(
  _ dwDesiredAccess: DWORD, _ bInheritHandle: BOOL, _ lpName: LPCTSTR
) -> HANDLE {
  answer(otherwise: nil) { () throws(Failure) in
    let name = try SyncObjectOpening.existingName(lpName)
    let directory = try Win32Names.directory()
    let mapping = try translating { () throws(ObjectError) in
      try FileMapping.open(name, in: directory)
    }
    return try SyncObjectOpening.handle(
      MappingObject(mapping), desired: dwDesiredAccess, isInherited: bInheritHandle)
  }
}

/// Maps part of a file mapping into memory.
///
/// - Parameters:
///   - hFileMappingObject: The mapping.
///   - dwDesiredAccess: `FILE_MAP_READ`, `FILE_MAP_WRITE` (and read), `FILE_MAP_ALL_ACCESS`,
///     `FILE_MAP_COPY`: what is written stays private; or 0: nobody may touch it.
///   - dwFileOffsetHigh: Where the view begins, high 32 bits.
///   - dwFileOffsetLow: Where the view begins, low 32 bits: a multiple of 64 KiB.
///   - dwNumberOfBytesToMap: How many bytes; 0 is up to the end.
/// - Returns: The address; `nil` on failure.
/// - Note: Errors: `ERROR_ACCESS_DENIED` for more than the mapping or the handle allows, also beyond
///   its end; `ERROR_MAPPED_ALIGNMENT`; `ERROR_INVALID_PARAMETER`.
public func MapViewOfFile(
  _ hFileMappingObject: HANDLE, _ dwDesiredAccess: DWORD, _ dwFileOffsetHigh: DWORD,
  _ dwFileOffsetLow: DWORD, _ dwNumberOfBytesToMap: Int
) -> LPVOID {
  unsafe MapViewOfFileEx(
    hFileMappingObject, dwDesiredAccess, dwFileOffsetHigh, dwFileOffsetLow, dwNumberOfBytesToMap,
    nil)
}

/// Maps part of a file mapping into memory, at an address that the caller chooses.
///
/// - Parameters:
///   - hFileMappingObject: The mapping.
///   - dwDesiredAccess: As of ``MapViewOfFile(_:_:_:_:_:)``.
///   - dwFileOffsetHigh: Where the view begins, high 32 bits.
///   - dwFileOffsetLow: Where the view begins, low 32 bits: a multiple of 64 KiB.
///   - dwNumberOfBytesToMap: How many bytes; 0 is up to the end.
///   - lpBaseAddress: The address, a multiple of 64 KiB; `nil` for any.
/// - Returns: The address; `nil` on failure.
/// - Note: Errors: as of ``MapViewOfFile(_:_:_:_:_:)``; `ERROR_INVALID_ADDRESS` when there is not as
///   much room at that address.
public func MapViewOfFileEx(
  _ hFileMappingObject: HANDLE, _ dwDesiredAccess: DWORD, _ dwFileOffsetHigh: DWORD,
  _ dwFileOffsetLow: DWORD, _ dwNumberOfBytesToMap: Int, _ lpBaseAddress: LPVOID
) -> LPVOID {
  unsafe answer(otherwise: nil) { () throws(Failure) in
    let access: MappedView.Access
    let right: DWORD
    if dwDesiredAccess == FILE_MAP_COPY {
      (access, right) = (.copyOnWrite, FILE_MAP_READ)
    } else if dwDesiredAccess & FILE_MAP_WRITE != 0 {
      (access, right) = (.readWrite, FILE_MAP_WRITE)
    } else if dwDesiredAccess & FILE_MAP_READ != 0 {
      (access, right) = (.read, FILE_MAP_READ)
    } else {
      (access, right) = (.none, FILE_MAP_READ)
    }
    let mapping = try HandleTable.shared.object(
      hFileMappingObject, MappingObject.self, access: right
    ).mapping
    let offset = UInt64(dwFileOffsetHigh) << 32 | UInt64(dwFileOffsetLow)
    guard let offset = Int(exactly: offset) else { throw Failure(ERROR_INVALID_PARAMETER) }
    let view = try translating { () throws(ObjectError) in
      try mapping.view(
        at: offset, length: dwNumberOfBytesToMap == 0 ? nil : dwNumberOfBytesToMap, access,
        in: unsafe lpBaseAddress.map { UInt(bitPattern: $0) })
    }
    return unsafe Views.add(view)
  }
}

/// Takes a view out of memory.
///
/// - Parameter lpBaseAddress: The address that `MapViewOfFile` has returned, or any other in the view.
/// - Note: Errors: `ERROR_INVALID_ADDRESS` for what is in no view.
@discardableResult
public func UnmapViewOfFile(_ lpBaseAddress: LPCVOID) -> BOOL {
  succeeds { () throws(Failure) in try unsafe Views.remove(lpBaseAddress) }
}

/// Writes what was changed in a view to its file, and waits until it is there.
///
/// - Parameters:
///   - lpBaseAddress: Where to begin, in a view.
///   - dwNumberOfBytesToFlush: How many bytes; 0 is up to the end of the view.
/// - Note: Errors: `ERROR_INVALID_PARAMETER` for what is in no view.
@discardableResult
public func FlushViewOfFile(_ lpBaseAddress: LPCVOID, _ dwNumberOfBytesToFlush: Int) -> BOOL {
  succeeds { () throws(Failure) in
    guard let (view, offset) = unsafe Views.find(lpBaseAddress),
      (0...view.regionSize - offset).contains(dwNumberOfBytesToFlush)
    else { throw Failure(ERROR_INVALID_PARAMETER) }
    // Pages are flushed whole: a view's length may end before its last page.
    let start = min(offset, view.length)
    let rest = view.length - start
    try translating { () throws(ObjectError) in
      try view.flush(
        from: start,
        length: dwNumberOfBytesToFlush == 0 ? rest : min(rest, dwNumberOfBytesToFlush))
    }
  }
}

/// What a range of pages is. Laid out as in C.
@frozen @safe public struct MEMORY_BASIC_INFORMATION {
  /// The page that was asked for.
  public var BaseAddress: LPVOID = nil
  /// Where the view begins.
  public var AllocationBase: LPVOID = nil
  /// What the view was mapped with: `PAGE_…`.
  public var AllocationProtect: DWORD = 0
  /// Zero.
  public var PartitionId: WORD = 0
  /// From the page to the end of the view, in bytes.
  public var RegionSize: Int = 0
  /// `MEM_COMMIT`.
  public var State: DWORD = 0
  /// `PAGE_…`.
  public var Protect: DWORD = 0
  /// `MEM_MAPPED`.
  public var `Type`: DWORD = 0

  /// Creates a structure of zeros.
  public init() {}
}

/// Tells what lies at an address: here, of views only.
///
/// - Parameters:
///   - lpAddress: The address.
///   - lpBuffer: Gets the answer.
///   - dwLength: The size of `lpBuffer`.
/// - Returns: How many bytes were written there; 0 on failure.
/// - Note: Errors: `ERROR_INVALID_PARAMETER` for an address that is in no view of this process.
public func VirtualQuery(
  _ lpAddress: LPCVOID, _ lpBuffer: UnsafeMutablePointer<MEMORY_BASIC_INFORMATION>, _ dwLength: Int
) -> Int {
  answer(otherwise: 0) { () throws(Failure) in
    let size = MemoryLayout<MEMORY_BASIC_INFORMATION>.size
    guard dwLength >= size, let (view, offset) = unsafe Views.find(lpAddress) else {
      throw Failure(ERROR_INVALID_PARAMETER)
    }
    let page = offset / MappedPart.page * MappedPart.page
    var info = MEMORY_BASIC_INFORMATION()
    unsafe info.BaseAddress = view.address + page
    unsafe info.AllocationBase = view.address
    info.RegionSize = view.regionSize - page
    info.State = MEM_COMMIT
    info.Type = MEM_MAPPED
    info.Protect =
      switch view.access {
      case .none: PAGE_NOACCESS
      case .read: PAGE_READONLY
      case .readWrite: PAGE_READWRITE
      case .copyOnWrite: PAGE_WRITECOPY
      }
    info.AllocationProtect = info.Protect
    unsafe lpBuffer.pointee = info
    return size
  }
}
