internal import Glibc
internal import IPCSystem
internal import Synchronization

/// A file, a terminal, or whatever else a descriptor may be.
final class DescriptorFile: FileObject, @unchecked Sendable {
  private let io: DescriptorIO
  private let mode: mode_t
  /// A standard descriptor (0, 1 or 2) of which `io` is a copy.
  private let standardNumber: Int32?
  private let isDeletedOnClose: Bool
  /// Whether other processes may have the open file as well.
  private let isShared: Atomic<Bool>

  init(
    adopting descriptor: consuming OwnedDescriptor, isOverlapped: Bool = false,
    isDeletedOnClose: Bool = false, isShared: Bool = true, standardNumber: Int32? = nil
  ) {
    var status = stat()
    mode = unsafe fstat(descriptor.raw, &status) == 0 ? status.st_mode & S_IFMT : 0
    io = DescriptorIO(adopting: descriptor)
    self.isDeletedOnClose = isDeletedOnClose
    self.isShared = Atomic(isShared)
    self.standardNumber = standardNumber
    super.init(isOverlapped: isOverlapped)
  }

  override var type: DWORD {
    switch mode {
    case S_IFREG, S_IFBLK: FILE_TYPE_DISK
    case S_IFCHR: FILE_TYPE_CHAR
    case S_IFIFO, S_IFSOCK: FILE_TYPE_PIPE
    default: FILE_TYPE_UNKNOWN
    }
  }

  /// The descriptor, as long as the file is open.
  var descriptor: Int32 { io.descriptor }

  override var hasPlaces: Bool { mode == S_IFREG || mode == S_IFBLK }

  override func read(
    into buffer: UnsafeMutableRawBufferPointer, at place: Int64?
  ) throws(Failure) -> Transfer {
    let count = try translating { () throws(SystemError) in
      guard let place else { return unsafe try io.read(into: buffer, deadline: .never) }
      return try io.perform("pread", .read, deadline: .never) {
        unsafe pread($0, buffer.baseAddress, buffer.count, Int(place))
      }
    }
    if let place {
      if unsafe count == 0 && !buffer.isEmpty { throw Failure(ERROR_HANDLE_EOF) }
      try moveOn(to: place + Int64(count))
    }
    return Transfer(count: count)
  }

  override func write(
    _ bytes: UnsafeRawBufferPointer, at place: Int64?
  ) throws(Failure) -> Int {
    var written = 0
    while written < bytes.count {
      let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[written...])
      let offset = place.map { $0 + Int64(written) }
      written += try translating { () throws(SystemError) in
        guard let offset else { return unsafe try io.write(rest, deadline: .never) }
        return try io.perform("pwrite", .write, deadline: .never) {
          unsafe pwrite($0, rest.baseAddress, rest.count, Int(offset))
        }
      }
    }
    if let place { try moveOn(to: place + Int64(written)) }
    return written
  }

  /// On an object that is not overlapped, the next call goes on where one with a place has ended.
  private func moveOn(to place: Int64) throws(Failure) {
    if !isOverlapped { _ = try seek(place, SEEK_SET) }
  }

  override func flush() throws(Failure) {
    guard hasPlaces else { return }
    _ = try translating { () throws(SystemError) in
      try io.perform("fsync", .write, deadline: .never) { Int(fsync($0)) }
    }
  }

  /// The size in bytes.
  func size() throws(Failure) -> Int64 {
    guard hasPlaces else { throw Failure(ERROR_INVALID_FUNCTION) }
    var status = stat()
    _ = try translating { () throws(SystemError) in
      try io.perform("fstat", .read, deadline: .never) { unsafe Int(fstat($0, &status)) }
    }
    return Int64(status.st_size)
  }

  /// Moves the place for the next call and returns it.
  func seek(_ distance: Int64, _ whence: Int32) throws(Failure) -> Int64 {
    guard hasPlaces else { throw Failure(ERROR_INVALID_FUNCTION) }
    let place = try translating { () throws(SystemError) in
      try io.perform("lseek", .read, deadline: .never) { Int(lseek($0, Int(distance), whence)) }
    }
    return Int64(place)
  }

  override func lastHandleWasClosed() {
    if isDeletedOnClose {
      var path = [CChar](repeating: 0, count: Int(PATH_MAX))
      let length = unsafe readlink("/proc/self/fd/\(io.descriptor)", &path, path.count - 1)
      if length > 0 { unsafe _ = unlink(path) }
    }
    if !isShared.load(ordering: .relaxed) { FileSharing.withdraw(io.descriptor) }
    io.close()
    if let standardNumber { StandardStreams.abandon(standardNumber) }
  }

  override func bequeath() -> Bequest? {
    isShared.store(true, ordering: .relaxed)
    return Bequest(copying: io.descriptor, .file)
  }
}
