import Glibc
import IPCSystem
import Testing

@Suite struct DescriptorTests {
  private static func isOpen(_ number: Int32) -> Bool { fcntl(number, F_GETFD) != -1 }

  /// A pipe's identity, which no other open file shares.
  private static func inode(_ number: Int32) -> ino_t {
    var status = stat()
    return fstat(number, &status) == 0 ? status.st_ino : 0
  }

  @Test("a descriptor is closed when its owner goes away, and not when it was handed over")
  func ownership() throws {
    // Other tests reuse numbers at any time: the end of file tells that the last copy is closed.
    let pipe = try Pipes.make(capacity: nil)
    let reader = DescriptorIO(adopting: pipe.readEnd)
    func read(_ deadline: Deadline) -> Result<Int, SystemError> {
      var byte: UInt8 = 0
      do throws(SystemError) {
        return .success(
          try reader.perform("read", .read, deadline: deadline) { Glibc.read($0, &byte, 1) })
      } catch { return .failure(error) }
    }
    let waiting = Result<Int, SystemError>.failure(SystemError(code: ETIMEDOUT, call: "read"))
    let copy = try pipe.writeEnd.duplicate()
    pipe.writeEnd.close()
    #expect(read(.immediate) == waiting)
    let number = copy.release()
    #expect(Self.isOpen(number))
    #expect(read(.immediate) == waiting)
    do { _ = OwnedDescriptor(adopting: number) }
    #expect(read(.never) == .success(0))
  }

  @Test("a duplicate is close-on-exec, not below the number asked for, and the same file")
  func duplicate() throws {
    let pipe = try Pipes.make(capacity: nil)
    let copy = try pipe.readEnd.duplicate(numberedFrom: 300)
    #expect(copy.raw >= 300)
    #expect(fcntl(copy.raw, F_GETFD) == FD_CLOEXEC)
    #expect(Self.inode(copy.raw) == Self.inode(pipe.readEnd.raw))
    #expect(Descriptors.open().contains(copy.raw))
  }

  @Test("non-blocking mode is set and cleared")
  func nonblocking() throws {
    let pipe = try Pipes.make(capacity: nil)
    try Descriptors.setNonblocking(pipe.readEnd.raw, true)
    #expect(fcntl(pipe.readEnd.raw, F_GETFL) & O_NONBLOCK != 0)
    try Descriptors.setNonblocking(pipe.readEnd.raw, false)
    #expect(fcntl(pipe.readEnd.raw, F_GETFL) & O_NONBLOCK == 0)
  }
}
