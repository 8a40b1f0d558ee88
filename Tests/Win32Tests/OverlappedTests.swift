import Glibc
import Synchronization
import TestSupport
import Testing
import Win32

@Suite struct OverlappedTests {
  /// A server's end that is overlapped, and a client's.
  private func makePair(
    mode: DWORD = PIPE_TYPE_BYTE, quota: DWORD = 4096
  ) -> (s: HANDLE, c: HANDLE) {
    let name = Names.fresh()
    let server = makeServer(name, mode: mode, flags: FILE_FLAG_OVERLAPPED, quota: quota)
    return (server, open(name))
  }

  @Test("a wait for a client is pending until one opens, and seen at once then")
  func connect() {
    for _ in 0..<50 {
      let name = Names.fresh()
      let server = makeServer(name, flags: FILE_FLAG_OVERLAPPED)
      let operation = Operation()
      #expect(error(ConnectNamedPipe(server, operation.overlapped)) == "ERROR_IO_PENDING")
      #expect(!operation.isSignalled)
      #expect(!HasOverlappedIoCompleted(operation.overlapped))
      #expect(operation.result(server) == .error("ERROR_IO_INCOMPLETE"))
      let client = open(name)
      #expect(operation.isSignalled)
      #expect(HasOverlappedIoCompleted(operation.overlapped))
      #expect(operation.result(server) == "")
      #expect(error(ConnectNamedPipe(server, operation.overlapped)) == "ERROR_PIPE_CONNECTED")
      #expect(!operation.isSignalled)
      CloseHandle(client)
      CloseHandle(server)
    }
  }

  @Test("a pending read is completed by a write, also of a longer message")
  func readMoreData() {
    let (s, c) = makePair(mode: PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE)
    let operation = Operation()
    #expect(operation.startRead(s, 3) == "ERROR_IO_PENDING")
    #expect(write(c, "hello") == "5")
    #expect(operation.isSignalled)
    #expect(operation.result(s, wait: true) == .error("ERROR_MORE_DATA", "hel"))
    #expect(operation.overlapped.pointee.Internal == 0x8000_0005)
    #expect(operation.overlapped.pointee.InternalHigh == 3)
    #expect(operation.startRead(s, 16) == "")
    #expect(operation.isSignalled)
    #expect(operation.result(s) == "lo")
    CloseHandle(s)
    CloseHandle(c)
  }

  @Test(
    "a pending read can be waited for, by its event, by the handle and by asking for the result")
  func waiting() throws {
    let (s, c) = makePair()
    let operation = Operation()
    let event = operation.event
    for round in 0..<3 {
      // The handle tells of operations without an event only.
      operation.overlapped.pointee.hEvent = round == 1 ? nil : event
      #expect(operation.startRead(s, 16) == "ERROR_IO_PENDING")
      let overlapped = Address(operation.overlapped)
      let waiter = try Background { () -> Bool in
        switch round {
        case 0: WaitForSingleObject(event, INFINITE) == WAIT_OBJECT_0
        case 1: WaitForSingleObject(s, INFINITE) == WAIT_OBJECT_0
        default: GetOverlappedResult(s, overlapped.pointer, nil, TRUE)
        }
      }
      waiter.waitUntilAsleep()
      #expect(waiter.outcome == nil)
      #expect(write(c, "x\(round)") == "2")
      #expect(try waiter.value())
      #expect(operation.result(s) == .bytes("x\(round)"))
    }
    CloseHandle(s)
    CloseHandle(c)
  }

  @Test("one of two pending reads is cancelled, and only once")
  func cancelOne() {
    let (s, c) = makePair()
    let (first, second) = (Operation(), Operation())
    #expect(first.startRead(s, 4) == "ERROR_IO_PENDING")
    #expect(second.startRead(s, 4) == "ERROR_IO_PENDING")
    #expect(CancelIoEx(s, first.overlapped))
    #expect(first.isSignalled)
    #expect(first.result(s, wait: true) == .error("ERROR_OPERATION_ABORTED"))
    #expect(error(CancelIoEx(s, first.overlapped)) == "ERROR_NOT_FOUND")
    #expect(write(c, "xy") == "2")
    #expect(second.result(s, wait: true) == "xy")
    #expect(CancelIo(s))
    #expect(error(CancelIoEx(s, nil)) == "ERROR_NOT_FOUND")
    CloseHandle(s)
    CloseHandle(c)
  }

  @Test("CancelIo cancels what the calling thread has started, and nothing else")
  func cancelOwn() throws {
    let (s, c) = makePair()
    let (own, others) = (Operation(), Operation())
    let (hasStarted, mayEnd) = (
      CreateEvent(nil, TRUE, FALSE, nil), CreateEvent(nil, TRUE, FALSE, nil)
    )
    let other = try Background {
      let answer = others.startRead(s, 4)
      SetEvent(hasStarted)
      WaitForSingleObject(mayEnd, INFINITE)
      return answer
    }
    WaitForSingleObject(hasStarted, INFINITE)
    #expect(own.startRead(s, 4) == "ERROR_IO_PENDING")
    #expect(CancelIo(s))
    #expect(own.result(s) == .error("ERROR_OPERATION_ABORTED"))
    #expect(others.result(s) == .error("ERROR_IO_INCOMPLETE"))
    #expect(write(c, "z") == "1")
    #expect(others.result(s, wait: true) == "z")
    SetEvent(mayEnd)
    #expect(try other.value() == "ERROR_IO_PENDING")
    for handle in [s, c, hasStarted, mayEnd] { CloseHandle(handle) }
  }

  @Test("CancelSynchronousIo ends the call of one thread, and only what waits for a pipe or file")
  func cancelSynchronous() throws {
    let name = Names.fresh()
    let (s, c) = (makeServer(name), open(name))
    let event = CreateEvent(nil, TRUE, FALSE, nil)
    let answer = Mutex<Answer>("")
    let reader = CreateThread(
      nil, 0,
      { _ in
        let given = read(s, 16)
        answer.withLock { $0 = given }
        WaitForSingleObject(event, INFINITE)
        return 0
      }, nil, 0, nil)
    let other = try Background { read(c, 16) }
    // It may not be inside the call yet.
    while !CancelSynchronousIo(reader) { #expect(GetLastError() == ERROR_NOT_FOUND) }
    while answer.withLock({ $0 }) == "" { sched_yield() }
    #expect(answer.withLock { $0 } == .error("ERROR_OPERATION_ABORTED"))
    #expect(error(CancelSynchronousIo(reader)) == "ERROR_NOT_FOUND")
    other.waitUntilAsleep()
    #expect(other.outcome == nil)
    #expect(write(s, "kept") == "4")
    #expect(try other.value() == "kept")

    #expect(error(CancelSynchronousIo(GetCurrentThread())) == "ERROR_NOT_FOUND")
    #expect(error(CancelSynchronousIo(s)) == "ERROR_INVALID_HANDLE")
    var weak: HANDLE = nil
    let me = GetCurrentProcess()
    #expect(DuplicateHandle(me, reader, me, &weak, SYNCHRONIZE, FALSE, 0))
    #expect(error(CancelSynchronousIo(weak)) == "ERROR_ACCESS_DENIED")
    SetEvent(event)
    WaitForSingleObject(reader, INFINITE)
    #expect(error(CancelSynchronousIo(reader)) == "ERROR_NOT_FOUND")
    for handle in [s, c, event, reader, weak] { CloseHandle(handle) }
  }

  @Test("an operation ends with the thread that has started it")
  func threadEnds() throws {
    let (s, c) = makePair()
    let operation = Operation()
    let other = try Background { operation.startRead(s, 4) }
    #expect(try other.value() == "ERROR_IO_PENDING")
    #expect(operation.result(s, wait: true) == .error("ERROR_OPERATION_ABORTED"))
    CloseHandle(s)
    CloseHandle(c)
  }

  @Test(
    "a write beyond the quota is pending until it is read, and its bytes are gone when cancelled")
  func writes() {
    let (s, c) = makePair(quota: 64)
    let (first, second) = (Operation(), Operation())
    #expect(
      write(s, String(repeating: "a", count: 100), first.overlapped) == "ERROR_IO_PENDING")
    #expect(write(s, "Z", second.overlapped) == "ERROR_IO_PENDING")
    #expect(read(c, 10) == "aaaaaaaaaa")
    #expect(CancelIoEx(s, first.overlapped))
    #expect(first.result(s, wait: true) == .error("ERROR_OPERATION_ABORTED"))
    #expect(second.isSignalled)
    #expect(second.overlapped.pointee.InternalHigh == 1)
    #expect(read(c, 64) == "Z")
    CloseHandle(s)
    CloseHandle(c)
  }

  @Test("the other end's closing completes what is pending, one's own closing too")
  func closing() {
    let (s, c) = makePair()
    let operation = Operation()
    #expect(operation.startRead(s, 4) == "ERROR_IO_PENDING")
    CloseHandle(c)
    #expect(operation.result(s, wait: true) == .error("ERROR_BROKEN_PIPE"))
    #expect(operation.startRead(s, 4) == "ERROR_BROKEN_PIPE")
    #expect(!operation.isSignalled)
    CloseHandle(s)

    let (s2, c2) = makePair()
    #expect(operation.startRead(s2, 4) == "ERROR_IO_PENDING")
    CloseHandle(s2)
    #expect(WaitForSingleObject(operation.event, INFINITE) == WAIT_OBJECT_0)
    #expect(operation.result(s2) == .error("ERROR_BROKEN_PIPE"))
    CloseHandle(c2)
  }

  @Test("an operation's event must be one")
  func wrongEvent() {
    let (s, c) = makePair()
    let operation = Operation(withEvent: false)
    operation.overlapped.pointee.hEvent = s
    #expect(operation.startRead(s, 4) == "ERROR_INVALID_HANDLE")
    operation.overlapped.pointee.hEvent = HANDLE(99999)
    #expect(operation.startRead(s, 4) == "ERROR_INVALID_HANDLE")
    operation.overlapped.pointee.hEvent = nil
    #expect(operation.startRead(s, 4) == "ERROR_IO_PENDING")
    #expect(write(c, "ok") == "2")
    #expect(operation.result(s, wait: true) == "ok")
    CloseHandle(s)
    CloseHandle(c)
  }

  @Test("a call without an operation on an overlapped handle waits")
  func withoutOperation() throws {
    let (s, c) = makePair()
    let reader = try Background { read(s, 16) }
    reader.waitUntilAsleep()
    #expect(reader.outcome == nil)
    #expect(write(c, "abc") == "3")
    #expect(try reader.value() == "abc")
    CloseHandle(s)
    CloseHandle(c)
  }

  @Test("an operation on a handle that is not overlapped is over when the call returns")
  func synchronousHandle() {
    let name = Names.fresh()
    let server = makeServer(name)
    let client = open(name)
    let operation = Operation()
    #expect(write(client, "abc", operation.overlapped) == "3")
    #expect(operation.isSignalled)
    #expect(operation.startRead(server, 16) == "")
    #expect(operation.result(server) == "abc")
    CloseHandle(client)
    #expect(operation.startRead(server, 16) == "ERROR_BROKEN_PIPE")
    #expect(!operation.isSignalled)
    CloseHandle(server)
  }

  @Test("a thousand operations, some cancelled at the moment of completion, each end exactly once")
  func race() throws {
    let (s, c) = makePair()
    let writer = try Background { () -> Bool in
      for _ in 0..<1000 where write(c, "x") != "1" { return false }
      return true
    }
    var (done, cancelled) = (0, 0)
    let operation = Operation()
    while done < 1000 {
      let started = operation.startRead(s, 1)
      if started == "ERROR_IO_PENDING" { _ = CancelIoEx(s, operation.overlapped) }
      switch operation.result(s, wait: true) {
      case "x": done += 1
      case .error("ERROR_OPERATION_ABORTED"): cancelled += 1
      case let other: Issue.record("\(other)")
      }
      if !operation.isSignalled { Issue.record("not signalled") }
    }
    #expect(try writer.value())
    #expect(unread(s) == 0)
    CloseHandle(s)
    CloseHandle(c)
  }

  /// How many bytes can be read now.
  private func unread(_ handle: HANDLE) -> DWORD {
    var available: DWORD = 9
    PeekNamedPipe(handle, nil, 0, nil, &available, nil)
    return available
  }
}

/// An address to be used on another thread.
struct Address: @unchecked Sendable {
  // Sendable: the test that made it waits until the other thread is done with it.
  let pointer: UnsafeMutablePointer<OVERLAPPED>
  init(_ pointer: UnsafeMutablePointer<OVERLAPPED>) { self.pointer = pointer }
}

@Suite struct CompletionRoutineTests {
  @Test("a routine runs in an alertable wait of the thread that has started the operation")
  func read() throws {
    let name = Names.fresh()
    let server = makeServer(name, flags: FILE_FLAG_OVERLAPPED)
    let client = open(name)
    let operation = Operation(withEvent: false)
    let ran = Ran()
    let routine: LPOVERLAPPED_COMPLETION_ROUTINE = { error, count, overlapped in
      ran.list.append("\(error) \(count) \(overlapped == operation.overlapped)")
      ran.thread = GetCurrentThreadId()
    }
    #expect(
      ReadFileEx(server, operation.buffer.baseAddress, 16, operation.overlapped, routine))
    #expect(SleepEx(0, TRUE) == 0)
    #expect(write(client, "abc") == "3")
    // Not before the thread is ready for it.
    Sleep(0)
    #expect(WaitForSingleObject(server, INFINITE) == WAIT_OBJECT_0)
    #expect(ran.list.isEmpty)
    #expect(SleepEx(INFINITE, TRUE) == WAIT_IO_COMPLETION)
    #expect(ran.list == ["0 3 true"])
    #expect(ran.thread == GetCurrentThreadId())
    #expect(SleepEx(0, TRUE) == 0)
    #expect(operation.buffer.prefix(3).elementsEqual("abc".utf8))
    CloseHandle(client)
    CloseHandle(server)
  }

  @Test("routines of reads and writes that are over at once are queued, and run together")
  func queued() {
    let name = Names.fresh()
    let server = makeServer(
      name, mode: PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, flags: FILE_FLAG_OVERLAPPED)
    let client = open(name, flags: FILE_FLAG_OVERLAPPED)
    let (first, second) = (Operation(withEvent: false), Operation(withEvent: false))
    let ran = Ran()
    let bytes = Array("hello".utf8)
    #expect(
      WriteFileEx(client, bytes, 5, first.overlapped) { error, count, _ in
        ran.list.append("write \(error) \(count)")
      })
    #expect(
      ReadFileEx(server, second.buffer.baseAddress, 3, second.overlapped) { error, count, _ in
        ran.list.append("read \(error) \(count)")
      })
    let event = CreateEvent(nil, FALSE, FALSE, nil)
    #expect(WaitForSingleObject(event, 0) == WAIT_TIMEOUT)
    #expect(ran.list.isEmpty)
    #expect(WaitForSingleObjectEx(event, INFINITE, TRUE) == WAIT_IO_COMPLETION)
    #expect(ran.list == ["write 0 5", "read 234 3"])
    SetEvent(event)
    #expect(WaitForMultipleObjectsEx(1, [event], FALSE, INFINITE, TRUE) == WAIT_OBJECT_0)
    for handle in [event, client, server] { CloseHandle(handle) }
  }

  @Test("a wait without an end is woken for the routine")
  func wakes() throws {
    let name = Names.fresh()
    let server = makeServer(name, flags: FILE_FLAG_OVERLAPPED)
    let client = open(name)
    let waiter = try Background { () -> [String] in
      let operation = Operation(withEvent: false)
      let ran = Ran()
      ReadFileEx(server, operation.buffer.baseAddress, 16, operation.overlapped) {
        error, count, _ in ran.list.append("\(ErrorName(error)) \(count)")
      }
      let result = SleepEx(INFINITE, TRUE)
      return ran.list + ["\(result)"]
    }
    waiter.waitUntilAsleep()
    #expect(waiter.outcome == nil)
    CloseHandle(client)
    #expect(try waiter.value() == ["ERROR_BROKEN_PIPE 0", "\(WAIT_IO_COMPLETION)"])
    CloseHandle(server)
  }

  @Test("the routine does not run when the operation cannot be started")
  func refused() {
    let name = Names.fresh()
    let server = makeServer(name, flags: FILE_FLAG_OVERLAPPED)
    let operation = Operation(withEvent: false)
    let ran = Ran()
    let routine: LPOVERLAPPED_COMPLETION_ROUTINE = { _, _, _ in ran.list.append("ran") }
    let target = operation.buffer.baseAddress
    #expect(
      error(ReadFileEx(server, target, 4, operation.overlapped, routine))
        == "ERROR_PIPE_LISTENING")
    let client = open(name)
    #expect(
      error(ReadFileEx(client, target, 4, operation.overlapped, routine))
        == "ERROR_INVALID_PARAMETER")
    #expect(SleepEx(0, TRUE) == 0)
    #expect(ran.list.isEmpty)
    CloseHandle(client)
    CloseHandle(server)
  }

  private final class Ran: @unchecked Sendable {
    // Sendable: only one thread touches it.
    var list: [String] = []
    var thread: DWORD = 0
  }
}
