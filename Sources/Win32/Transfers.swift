internal import SyncObjects

/// What reading and writing have in common, whatever the object is.
enum Transfers {
  /// `ReadFile`.
  static func read(
    _ handle: HANDLE, _ buffer: LPVOID, _ size: DWORD, _ sizeRead: LPDWORD,
    _ overlapped: LPOVERLAPPED
  ) throws(Failure) {
    unsafe sizeRead?.pointee = 0
    let file = try HandleTable.shared.object(handle, FileObject.self, access: FILE_READ_DATA)
    let target = try unsafe memory(buffer, size)
    var count = 0
    defer { unsafe sizeRead?.pointee = DWORD(count) }
    try unsafe run(.read(limit: Int(size)), on: file, overlapped, target: target, count: &count) {
      place throws(Failure) in
      try unsafe file.read(into: target, at: place)
    }
  }

  /// `WriteFile`.
  static func write(
    _ handle: HANDLE, _ buffer: LPCVOID, _ size: DWORD, _ sizeWritten: LPDWORD,
    _ overlapped: LPOVERLAPPED
  ) throws(Failure) {
    unsafe sizeWritten?.pointee = 0
    let file = try writable(handle)
    let source = try unsafe memory(buffer, size)
    var count = 0
    defer { unsafe sizeWritten?.pointee = DWORD(count) }
    let work = unsafe work(file, overlapped) { unsafe .write(Array(source)) }
    try unsafe run(work, on: file, overlapped, count: &count) { place throws(Failure) in
      Transfer(count: try unsafe file.write(source, at: place))
    }
  }

  /// `ReadFileEx`.
  static func readEx(
    _ handle: HANDLE, _ buffer: LPVOID, _ size: DWORD, _ overlapped: LPOVERLAPPED,
    _ routine: LPOVERLAPPED_COMPLETION_ROUTINE
  ) throws(Failure) {
    let file = try HandleTable.shared.object(handle, FileObject.self, access: FILE_READ_DATA)
    let target = try unsafe memory(buffer, size)
    try unsafe runEx(.read(limit: Int(size)), on: file, overlapped, target: target, routine) {
      place throws(Failure) in
      try unsafe file.read(into: target, at: place)
    }
  }

  /// `WriteFileEx`.
  static func writeEx(
    _ handle: HANDLE, _ buffer: LPCVOID, _ size: DWORD, _ overlapped: LPOVERLAPPED,
    _ routine: LPOVERLAPPED_COMPLETION_ROUTINE
  ) throws(Failure) {
    let file = try writable(handle)
    let source = try unsafe memory(buffer, size)
    try unsafe runEx(.write(Array(source)), on: file, overlapped, target: nil, routine) {
      place throws(Failure) in
      Transfer(count: try unsafe file.write(source, at: place))
    }
  }

  /// Runs an operation: in its turn while the caller waits, or started when both the object and the
  /// caller are for that.
  static func run(
    _ work: @autoclosure () -> Work, on file: FileObject, _ overlapped: LPOVERLAPPED,
    target: UnsafeMutableRawBufferPointer? = nil,
    count: inout Int, _ body: (Int64?) throws(Failure) -> Transfer
  ) throws(Failure) {
    guard let overlapped = unsafe overlapped else {
      if file.isOverlapped && file.hasPlaces { throw Failure(ERROR_INVALID_PARAMETER) }
      let transfer = try file.waiting { () throws(Failure) in try body(nil) }
      count = transfer.count
      if transfer.hasMore { throw Failure(ERROR_MORE_DATA) }
      return
    }
    let place = try unsafe place(overlapped, file)
    if file.isOverlapped {
      try unsafe OverlappedRequest.start(
        work(), on: file, overlapped, target: target, count: &count
      ) { () throws(Failure) in
        try file.inTurn { () throws(Failure) in try body(place) }
      }
    } else {
      try unsafe complete(overlapped, file, count: &count) { () throws(Failure) in
        try file.waiting { () throws(Failure) in try body(place) }
      }
    }
  }

  private static func runEx(
    _ work: Work, on file: FileObject, _ overlapped: LPOVERLAPPED,
    target: UnsafeMutableRawBufferPointer?, _ routine: LPOVERLAPPED_COMPLETION_ROUTINE,
    _ body: (Int64?) throws(Failure) -> Transfer
  ) throws(Failure) {
    guard let overlapped = unsafe overlapped, let routine = unsafe routine, file.isOverlapped else {
      throw Failure(ERROR_INVALID_PARAMETER)
    }
    let place = try unsafe place(overlapped, file)
    var count = 0
    do throws(Failure) {
      try unsafe OverlappedRequest.start(
        work, on: file, overlapped, target: target, routine: routine, count: &count
      ) { () throws(Failure) in
        try file.inTurn { () throws(Failure) in try body(place) }
      }
    } catch  where error.code == ERROR_IO_PENDING || error.code == ERROR_MORE_DATA {
      // Started, or complete with a part of the message: the routine will tell.
      SetLastError(error.code == ERROR_MORE_DATA ? error.code : ERROR_SUCCESS)
      return
    }
    SetLastError(ERROR_SUCCESS)
  }

  /// An operation with an `OVERLAPPED` on an object whose calls wait: it is over when they return.
  private static func complete(
    _ overlapped: UnsafeMutablePointer<OVERLAPPED>, _ file: FileObject, count: inout Int,
    _ body: () throws(Failure) -> Transfer
  ) throws(Failure) {
    let event = try unsafe OverlappedRequest.event(of: overlapped)
    event?.event.clear()
    unsafe overlapped.pointee.Internal = ULONG_PTR(STATUS_PENDING)
    unsafe overlapped.pointee.InternalHigh = 0
    let transfer: Transfer
    do throws(Failure) { transfer = try body() } catch {
      unsafe overlapped.pointee.Internal = Status.of(error: error.code)
      throw error
    }
    let error = transfer.hasMore ? ERROR_MORE_DATA : ERROR_SUCCESS
    // As in Windows, the bytes of a part of a message are told by the structure only.
    count = transfer.hasMore ? 0 : transfer.count
    unsafe overlapped.pointee.InternalHigh = ULONG_PTR(transfer.count)
    unsafe overlapped.pointee.Internal = Status.of(error: error)
    event?.event.set()
    if transfer.hasMore { throw Failure(error) }
  }

  /// A copy of what is to be written is only needed when the call may return before it was.
  private static func work(
    _ file: FileObject, _ overlapped: LPOVERLAPPED, _ make: () -> Work
  ) -> Work {
    unsafe file.isOverlapped && !file.hasPlaces && overlapped != nil ? make() : .write([])
  }

  /// The file of a handle with the right to write.
  static func writable(_ handle: HANDLE) throws(Failure) -> FileObject {
    let entry = try HandleTable.shared.entry(handle)
    guard let file = entry.object as? FileObject else { throw Failure(ERROR_INVALID_HANDLE) }
    // On a file, the right to append is enough: it was opened so that it can do nothing else.
    let rights = file is PipeFile ? FILE_WRITE_DATA : FILE_WRITE_DATA | FILE_APPEND_DATA
    guard entry.access & rights != 0 else { throw Failure(ERROR_ACCESS_DENIED) }
    return file
  }

  /// A file that has places to read and write at.
  static func placed(_ handle: HANDLE) throws(Failure) -> DescriptorFile {
    let file = try HandleTable.shared.object(handle, FileObject.self)
    guard let file = file as? DescriptorFile, file.hasPlaces else {
      throw Failure(ERROR_INVALID_FUNCTION)
    }
    return file
  }

  private static func place(
    _ overlapped: UnsafeMutablePointer<OVERLAPPED>, _ file: FileObject
  ) throws(Failure) -> Int64? {
    guard file.hasPlaces else { return nil }
    let place =
      unsafe UInt64(overlapped.pointee.OffsetHigh) << 32 | UInt64(overlapped.pointee.Offset)
    guard let place = Int64(exactly: place) else { throw Failure(ERROR_INVALID_PARAMETER) }
    return place
  }

  /// The caller's buffer for what is read.
  static func memory(
    _ start: LPVOID, _ size: DWORD
  ) throws(Failure) -> UnsafeMutableRawBufferPointer {
    if unsafe start == nil && size > 0 { throw Failure(ERROR_NOACCESS) }
    return unsafe UnsafeMutableRawBufferPointer(start: start, count: Int(size))
  }

  /// The caller's buffer of what is written.
  static func memory(_ start: LPCVOID, _ size: DWORD) throws(Failure) -> UnsafeRawBufferPointer {
    if unsafe start == nil && size > 0 { throw Failure(ERROR_NOACCESS) }
    return unsafe UnsafeRawBufferPointer(start: start, count: Int(size))
  }
}
