import Glibc
import TestSupport
import Testing
import Win32

@Suite struct AnonymousPipeTests {
  @Test("what is known of a pipe's ends")
  func info() {
    for (size, quota) in [(DWORD(0), DWORD(4096)), (1, 1), (70_000, 70_000)] {
      let (r, w) = makePipe(size: size)
      for (handle, side) in [(r, PIPE_SERVER_END), (w, PIPE_CLIENT_END)] {
        var (flags, out, `in`, max): (DWORD, DWORD, DWORD, DWORD) = (9, 9, 9, 9)
        #expect(GetNamedPipeInfo(handle, &flags, &out, &`in`, &max))
        #expect([flags, out, `in`, max] == [side, quota, quota, 1])
        #expect(GetFileType(handle) == FILE_TYPE_PIPE)
        var (state, instances): (DWORD, DWORD) = (9, 9)
        #expect(GetNamedPipeHandleState(handle, &state, &instances, nil, nil, nil, 0))
        #expect([state, instances] == [PIPE_READMODE_BYTE | PIPE_WAIT, 1])
      }
      CloseHandle(r)
      var instances: DWORD = 9
      #expect(GetNamedPipeHandleState(w, nil, &instances, nil, nil, nil, 0))
      #expect(instances == 0)
      CloseHandle(w)
    }
  }

  @Test("an end does only what it is for")
  func access() {
    let (r, w) = makePipe()
    #expect(write(r, "x") == "ERROR_ACCESS_DENIED")
    #expect(read(w, 1) == .error("ERROR_ACCESS_DENIED"))
    #expect(error(PeekNamedPipe(w, nil, 0, nil, nil, nil)) == "ERROR_ACCESS_DENIED")
    #expect(error(FlushFileBuffers(r)) == "ERROR_ACCESS_DENIED")
    #expect(error(DisconnectNamedPipe(w)) == "ERROR_INVALID_FUNCTION")
    CloseHandle(r)
    CloseHandle(w)
  }

  @Test("the end of the data is a broken pipe, a write without a reader finds no data")
  func ends() {
    let (r, w) = makePipe()
    #expect(write(w, "bye") == "3")
    CloseHandle(w)
    #expect(read(r, 64) == "bye")
    #expect(read(r, 64) == .error("ERROR_BROKEN_PIPE"))
    #expect(read(r, 0) == .error("ERROR_BROKEN_PIPE"))
    #expect(error(PeekNamedPipe(r, nil, 0, nil, nil, nil)) == "ERROR_BROKEN_PIPE")
    CloseHandle(r)
    let (r2, w2) = makePipe()
    CloseHandle(r2)
    #expect(write(w2, "x") == "ERROR_NO_DATA")
    #expect(write(w2, "") == "ERROR_NO_DATA")
    CloseHandle(w2)
  }

  @Test("a writer that waits for the quota fails when the reader closes")
  func blockedWriter() throws {
    let (r, w) = makePipe(size: 16)
    let writer = try Background { write(w, String(repeating: "x", count: 40)) }
    writer.waitUntilAsleep()
    #expect(writer.outcome == nil)
    CloseHandle(r)
    #expect(try writer.value() == "ERROR_BROKEN_PIPE")
    CloseHandle(w)
  }

  @Test("peeking takes nothing and tells what Windows tells")
  func peek() {
    let (r, w) = makePipe()
    #expect(write(w, "abcdef") == "6")
    var buffer = [UInt8](repeating: 0, count: 8)
    var (count, available, left): (DWORD, DWORD, DWORD) = (9, 9, 9)
    #expect(PeekNamedPipe(r, &buffer, 4, &count, &available, &left))
    #expect([count, available] == [4, 6])
    #expect(LONG(bitPattern: left) == -4)
    #expect(buffer.prefix(4) == [97, 98, 99, 100])
    #expect(PeekNamedPipe(r, nil, 4, &count, &available, &left))
    #expect([count, available, left] == [0, 6, 0])
    #expect(read(r, 64) == "abcdef")
    CloseHandle(r)
    CloseHandle(w)
  }

  @Test("an end that must not wait does not")
  func noWait() {
    let (r, w) = makePipe(size: 4)
    var mode = PIPE_NOWAIT
    #expect(SetNamedPipeHandleState(r, &mode, nil, nil))
    #expect(SetNamedPipeHandleState(w, &mode, nil, nil))
    #expect(read(r, 4) == .error("ERROR_NO_DATA"))
    #expect(write(w, "12345") == "0")
    #expect(write(w, "1234") == "4")
    #expect(read(r, 8) == "1234")
    mode = PIPE_READMODE_MESSAGE
    #expect(error(SetNamedPipeHandleState(r, &mode, nil, nil)) == "ERROR_INVALID_PARAMETER")
    mode = PIPE_TYPE_MESSAGE
    #expect(error(SetNamedPipeHandleState(r, &mode, nil, nil)) == "ERROR_INVALID_PARAMETER")
    CloseHandle(r)
    CloseHandle(w)
  }

  @Test("closing the handle ends a read that waits")
  func closeUnderReader() throws {
    let (r, w) = makePipe()
    let reader = try Background { read(r, 1) }
    reader.waitUntilAsleep()
    CloseHandle(r)
    #expect(try reader.value() == .error("ERROR_INVALID_HANDLE"))
    CloseHandle(w)
  }

  @Test("calls on one handle come one after the other, in the order of their coming")
  func serialised() throws {
    let (r, w) = makePipe()
    let first = try Background { read(r, 1) }
    first.waitUntilAsleep()
    let second = try Background { () -> String in
      var available: DWORD = 0
      return PeekNamedPipe(r, nil, 0, nil, &available, nil) ? "\(available)" : "failed"
    }
    second.waitUntilAsleep()
    #expect(second.outcome == nil)
    #expect(write(w, "ab") == "2")
    #expect(try first.value() == "a")
    #expect(try second.value() == "1")
    CloseHandle(r)
    CloseHandle(w)
  }
}

@Suite struct NamedPipeTests {
  @Test("a server and a client as in the course: create, connect, read, answer, close")
  func course() throws {
    let name = Names.fresh()
    let hPipe = CreateNamedPipe(
      name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE | PIPE_WAIT,
      PIPE_UNLIMITED_INSTANCES, 512, 512, 0, nil)
    #expect(hPipe != INVALID_HANDLE_VALUE)
    let client = try Background { () -> Answer in
      let hFile = open(name)
      var mode = PIPE_READMODE_MESSAGE
      SetNamedPipeHandleState(hFile, &mode, nil, nil)
      _ = write(hFile, "question")
      defer { CloseHandle(hFile) }
      return read(hFile, 64)
    }
    let connected = ConnectNamedPipe(hPipe, nil) || GetLastError() == ERROR_PIPE_CONNECTED
    #expect(connected)
    #expect(read(hPipe, 4) == .error("ERROR_MORE_DATA", "ques"))
    #expect(read(hPipe, 64) == "tion")
    #expect(write(hPipe, "answer") == "6")
    #expect(FlushFileBuffers(hPipe))
    #expect(try client.value() == "answer")
    #expect(DisconnectNamedPipe(hPipe))
    CloseHandle(hPipe)
  }

  @Test("wrong names, modes, counts and flags are refused")
  func refused() {
    let name = Names.fresh()
    func code(
      _ name: String, _ open: DWORD = PIPE_ACCESS_DUPLEX, _ mode: DWORD = 0, _ max: DWORD = 1
    ) -> String {
      let pipe = CreateNamedPipe(name, open, mode, max, 512, 512, 0, nil)
      if pipe == INVALID_HANDLE_VALUE { return ErrorName(GetLastError()) }
      CloseHandle(pipe)
      return ""
    }
    #expect(code("notapipe") == "ERROR_INVALID_NAME")
    #expect(code(#"\\.\pipe\"#) == "ERROR_INVALID_NAME")
    #expect(code(name, 0) == "ERROR_INVALID_PARAMETER")
    #expect(code(name, PIPE_ACCESS_DUPLEX | 0x100) == "ERROR_INVALID_PARAMETER")
    #expect(code(name, 3, PIPE_READMODE_MESSAGE) == "ERROR_INVALID_PARAMETER")
    #expect(code(name, 3, 0x100) == "ERROR_INVALID_PARAMETER")
    #expect(code(name, 3, 0, 0) == "ERROR_INVALID_PARAMETER")
    #expect(code(name, 3, 0, 256) == "ERROR_INVALID_PARAMETER")
    #expect(code(name, 3, 0, .max) == "ERROR_INVALID_PARAMETER")
    #expect(code(name, 3, 0, 255) == "")
    #expect(open(name) == INVALID_HANDLE_VALUE)
    #expect(GetLastError() == ERROR_FILE_NOT_FOUND)
    #expect(
      CreateFile(name, GENERIC_READ, 0, nil, CREATE_NEW, 0, nil) == INVALID_HANDLE_VALUE)
    #expect(GetLastError() == ERROR_INVALID_PARAMETER)
  }

  @Test("what is known of the ends, and who is at the other")
  func info() {
    let name = Names.fresh()
    let server = CreateNamedPipe(
      name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_MESSAGE, 7, 100, 200, 0, nil)
    var id: DWORD = 0
    #expect(error(GetNamedPipeClientProcessId(server, &id)) == "ERROR_NOT_FOUND")
    let client = open(name)
    for (handle, side) in [(server, PIPE_SERVER_END), (client, PIPE_CLIENT_END)] {
      var (flags, out, `in`, max): (DWORD, DWORD, DWORD, DWORD) = (9, 9, 9, 9)
      #expect(GetNamedPipeInfo(handle, &flags, &out, &`in`, &max))
      #expect([flags, out, `in`, max] == [side | PIPE_TYPE_MESSAGE, 100, 200, 7])
      var (clientId, serverId): (DWORD, DWORD) = (0, 0)
      #expect(GetNamedPipeClientProcessId(handle, &clientId))
      #expect(GetNamedPipeServerProcessId(handle, &serverId))
      #expect([clientId, serverId] == [DWORD(getpid()), DWORD(getpid())])
      #expect(GetFileType(handle) == FILE_TYPE_PIPE)
    }
    var (state, instances): (DWORD, DWORD) = (9, 9)
    var user = [CChar](repeating: 1, count: 64)
    #expect(GetNamedPipeHandleState(server, &state, &instances, nil, nil, &user, 64))
    #expect([state, instances] == [0, 1])
    let owner = getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) } ?? "\(getuid())"
    #expect(
      String(decoding: user.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) == owner
    )
    #expect(
      error(GetNamedPipeHandleState(server, nil, nil, nil, nil, &user, 1))
        == "ERROR_INSUFFICIENT_BUFFER")
    #expect(
      error(GetNamedPipeHandleState(client, nil, nil, nil, nil, &user, 64))
        == "ERROR_INVALID_PARAMETER")
    #expect(
      error(GetNamedPipeHandleState(server, nil, nil, &state, nil, nil, 0))
        == "ERROR_INVALID_PARAMETER")
    CloseHandle(client)
    CloseHandle(server)
  }

  @Test("a call opens, transacts and closes; a pipe of bytes is refused")
  func call() throws {
    let name = Names.fresh()
    let server = makeServer(name, mode: PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE)
    let caller = try Background { () -> Answer in
      var (request, answer) = (Array("request".utf8), [UInt8](repeating: 0, count: 3))
      var count: DWORD = 0
      let succeeded = CallNamedPipe(name, &request, 7, &answer, 3, &count, 5000)
      let text = String(decoding: answer.prefix(Int(count)), as: UTF8.self)
      return succeeded ? .bytes(text) : .error(ErrorName(GetLastError()), text)
    }
    let connected = ConnectNamedPipe(server, nil) || GetLastError() == ERROR_PIPE_CONNECTED
    #expect(connected)
    #expect(read(server, 64) == "request")
    #expect(write(server, "reply") == "5")
    #expect(try caller.value() == .error("ERROR_MORE_DATA", "rep"))
    #expect(error(ConnectNamedPipe(server, nil)) == "ERROR_NO_DATA")
    CloseHandle(server)

    let bytes = makeServer(name)
    var byte: UInt8 = 0
    #expect(error(CallNamedPipe(name, "x", 1, &byte, 1, nil, 300)) == "ERROR_INVALID_PARAMETER")
    CloseHandle(bytes)
  }

  @Test("waiting for an instance of a name that nobody has fails at once")
  func waitForNothing() {
    for time in [NMPWAIT_USE_DEFAULT_WAIT, NMPWAIT_NOWAIT, NMPWAIT_WAIT_FOREVER, 5000] {
      #expect(error(WaitNamedPipe(Names.fresh(), time)) == "ERROR_FILE_NOT_FOUND")
    }
  }

  @Test("waiting for an instance ends when one is free, or at the time")
  func waitForInstance() throws {
    let name = Names.fresh()
    let server = makeServer(name)
    #expect(WaitNamedPipe(name, NMPWAIT_NOWAIT))
    let client = open(name)
    #expect(error(WaitNamedPipe(name, NMPWAIT_NOWAIT)) == "ERROR_SEM_TIMEOUT")
    #expect(error(WaitNamedPipe(name, 20)) == "ERROR_SEM_TIMEOUT")
    #expect(error(WaitNamedPipe(name, NMPWAIT_USE_DEFAULT_WAIT)) == "ERROR_SEM_TIMEOUT")
    let waiter = try Background { WaitNamedPipe(name, NMPWAIT_WAIT_FOREVER) }
    waiter.waitUntilAsleep()
    let second = CreateNamedPipe(name, PIPE_ACCESS_DUPLEX, 0, 1, 0, 0, 0, nil)
    #expect(second == INVALID_HANDLE_VALUE)
    #expect(GetLastError() == ERROR_PIPE_BUSY)
    CloseHandle(client)
    DisconnectNamedPipe(server)
    let connector = try Background { ConnectNamedPipe(server, nil) }
    #expect(try waiter.value())
    let next = open(name)
    #expect(try connector.value())
    CloseHandle(next)
    CloseHandle(server)
  }

  @Test("an access list for everyone is understood, others are refused")
  func security() {
    var descriptor = SECURITY_DESCRIPTOR()
    var byte: UInt8 = 0
    #expect(!SetSecurityDescriptorDacl(&descriptor, TRUE, nil, FALSE))
    #expect(!InitializeSecurityDescriptor(&descriptor, 2))
    #expect(InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION))
    #expect(
      error(SetSecurityDescriptorDacl(&descriptor, TRUE, &byte, FALSE)) == "ERROR_NOT_SUPPORTED")
    #expect(!InitializeSecurityDescriptor(nil, 1))
  }
}

@Suite struct RemotePipeTests {
  @Test("a computer that is not there has no network path, and no pipe is created elsewhere")
  func unknownComputer() {
    let name = #"\\nobody-\#(UInt32.random(in: 0...0xFFFF))\pipe\x"#
    #expect(
      CreateFile(name, GENERIC_READ, 0, nil, OPEN_EXISTING, 0, nil) == INVALID_HANDLE_VALUE)
    #expect(GetLastError() == ERROR_BAD_NETPATH)
    #expect(error(WaitNamedPipe(name, NMPWAIT_WAIT_FOREVER)) == "ERROR_BAD_NETPATH")
    var count: DWORD = 0
    #expect(
      error(CallNamedPipe(name, nil, 0, nil, 0, &count, NMPWAIT_NOWAIT)) == "ERROR_BAD_NETPATH")
    #expect(
      CreateNamedPipe(name, PIPE_ACCESS_DUPLEX, PIPE_TYPE_MESSAGE, 1, 0, 0, 0, nil)
        == INVALID_HANDLE_VALUE)
    #expect(GetLastError() == ERROR_INVALID_NAME)
  }
}
