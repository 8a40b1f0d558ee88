import TestSupport
import Testing
import Win32

@Suite struct MailslotTests {
  private let name = Names.fresh().replacing(#"\pipe\"#, with: #"\mailslot\"#)

  private func make(_ timeout: DWORD = 0, max: DWORD = 0) -> HANDLE {
    let handle = CreateMailslot(name, max, timeout, nil)
    #expect(handle != INVALID_HANDLE_VALUE)
    return handle
  }

  private func open(_ name: String, _ access: DWORD = GENERIC_WRITE) -> HANDLE {
    CreateFile(name, access, FILE_SHARE_READ, nil, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nil)
  }

  @Test("a message that does not fit stays, and info tells its size")
  func retention() {
    let server = make(max: 100)
    let writer = open(name)
    #expect(write(writer, "abc") == "3")
    var (most, next, count, timeout): (DWORD, DWORD, DWORD, DWORD) = (9, 9, 9, 9)
    for _ in 0..<2 {
      #expect(GetMailslotInfo(server, &most, &next, &count, &timeout))
      #expect([most, next, count, timeout] == [100, 3, 1, 0])
      #expect(read(server, 2) == .error("ERROR_INSUFFICIENT_BUFFER"))
    }
    #expect(read(server, 3) == "abc")
    #expect(GetMailslotInfo(server, nil, &next, nil, nil))
    #expect(next == MAILSLOT_NO_MESSAGE)
    #expect(read(server, 3) == .error("ERROR_SEM_TIMEOUT"))
    CloseHandle(writer)
    CloseHandle(server)
  }

  @Test("an end does only what it is for, and is no pipe")
  func access() {
    let server = make()
    let writer = open(name)
    let reader = open(name, GENERIC_READ | GENERIC_WRITE)
    #expect(write(server, "x") == "ERROR_ACCESS_DENIED")
    #expect(read(writer, 1) == .error("ERROR_ACCESS_DENIED"))
    #expect(read(reader, 1) == .error("ERROR_INVALID_PARAMETER"))
    #expect(error(GetMailslotInfo(writer, nil, nil, nil, nil)) == "ERROR_INVALID_HANDLE")
    for handle in [server, writer, reader] {
      #expect(GetFileType(handle) == FILE_TYPE_UNKNOWN && GetLastError() == NO_ERROR)
      #expect(!PeekNamedPipe(handle, nil, 0, nil, nil, nil))
      #expect(!GetNamedPipeInfo(handle, nil, nil, nil, nil))
      CloseHandle(handle)
    }
    #expect(error(SetMailslotInfo(server, 0)) == "ERROR_INVALID_HANDLE")
  }

  @Test("bad names, taken names and missing ones")
  func names() {
    for bad in ["blah", #"\\.\mailslot\"#, #"\\.\pipe\x"#, #"\\*\mailslot\x"#] {
      #expect(CreateMailslot(bad, 0, 0, nil) == INVALID_HANDLE_VALUE)
      #expect(ErrorName(GetLastError()) == "ERROR_INVALID_NAME")
    }
    #expect(open(name) == INVALID_HANDLE_VALUE)
    #expect(ErrorName(GetLastError()) == "ERROR_FILE_NOT_FOUND")
    let server = make()
    #expect(CreateMailslot(name.uppercased(), 0, 0, nil) == INVALID_HANDLE_VALUE)
    #expect(ErrorName(GetLastError()) == "ERROR_ALREADY_EXISTS")
    CloseHandle(server)
  }

  @Test("a changed time-out is that of reads that begin later")
  func timeout() throws {
    let server = make()
    var timeout: DWORD = 0
    #expect(SetMailslotInfo(server, MAILSLOT_WAIT_FOREVER))
    #expect(GetMailslotInfo(server, nil, nil, nil, &timeout))
    #expect(timeout == MAILSLOT_WAIT_FOREVER)
    let reader = try Background { read(server, 9) }
    let writer = open(name)
    #expect(write(writer, "x") == "1")
    #expect(try reader.value() == "x")
    #expect(SetMailslotInfo(server, 7))
    #expect(GetMailslotInfo(server, nil, nil, nil, &timeout))
    #expect(timeout == 7)
    #expect(read(server, 9) == .error("ERROR_SEM_TIMEOUT"))
    CloseHandle(writer)
    CloseHandle(server)
  }

  @Test("a writer chooses not to wait for a reader that has too much to read")
  func full() {
    let server = make()
    let writer = open(name)
    #expect(SetMailslotInfo(writer, 0))
    var sent = 0
    while write(writer, "x") == "1" { sent += 1 }
    #expect(ErrorName(GetLastError()) == "ERROR_SEM_TIMEOUT" && sent > 100)
    for _ in 0..<sent { #expect(read(server, 9) == "x") }
    #expect(read(server, 9) == .error("ERROR_SEM_TIMEOUT"))
    CloseHandle(writer)
    CloseHandle(server)
  }

  @Test("a broadcast reaches the mailslot of this process's domain, at most 424 bytes long")
  func broadcast() {
    let server = make()
    let everyone = open(name.replacing(#"\\.\"#, with: #"\\*\"#))
    #expect(write(everyone, "hello") == "5")
    #expect(write(everyone, String(repeating: "x", count: 425)) == "ERROR_INVALID_PARAMETER")
    #expect(read(server, 500) == "hello")
    CloseHandle(everyone)
    CloseHandle(server)
  }

  @Test("an overlapped read goes on until a message comes, the time is over, or it is cancelled")
  func overlapped() {
    let server = make(MAILSLOT_WAIT_FOREVER)
    let writer = open(name)
    let operation = Operation()
    #expect(operation.startRead(server, 9) == "ERROR_IO_PENDING")
    #expect(write(writer, "one") == "3")
    #expect(operation.result(server, wait: true) == "one")
    #expect(write(writer, "two") == "3")
    #expect(operation.startRead(server, 9) == "")
    #expect(operation.result(server) == "two")
    #expect(operation.startRead(server, 9) == "ERROR_IO_PENDING")
    #expect(CancelIoEx(server, operation.overlapped))
    #expect(operation.result(server, wait: true) == .error("ERROR_OPERATION_ABORTED"))
    #expect(SetMailslotInfo(server, 5))
    #expect(operation.startRead(server, 9) == "ERROR_IO_PENDING")
    #expect(operation.result(server, wait: true) == .error("ERROR_SEM_TIMEOUT"))
    #expect(write(writer, "three") == "5")
    #expect(operation.startRead(server, 4) == "ERROR_INSUFFICIENT_BUFFER")
    #expect(read(server, 9) == "three")
    CloseHandle(writer)
    CloseHandle(server)
  }
}
