import Glibc
import IPCSystem
import TestSupport
import Testing
import Win32

@Suite struct HandleTests {
  @Test("a handle that is closed, invented or null is invalid in every call, and nothing traps")
  func invalidHandles() {
    let (r, w) = makePipe()
    CloseHandle(r)
    CloseHandle(w)
    for handle in [r, w, nil, HANDLE(3), HANDLE(1 << 40), HANDLE(.min)] {
      var number: DWORD = 0
      #expect(error(CloseHandle(handle)) == "ERROR_INVALID_HANDLE")
      #expect(read(handle, 4) == .error("ERROR_INVALID_HANDLE"))
      #expect(write(handle, "x") == "ERROR_INVALID_HANDLE")
      #expect(error(FlushFileBuffers(handle)) == "ERROR_INVALID_HANDLE")
      #expect(
        error(PeekNamedPipe(handle, nil, 0, nil, nil, nil)) == "ERROR_INVALID_HANDLE")
      #expect(error(ConnectNamedPipe(handle, nil)) == "ERROR_INVALID_HANDLE")
      #expect(error(DisconnectNamedPipe(handle)) == "ERROR_INVALID_HANDLE")
      #expect(error(GetNamedPipeInfo(handle, nil, nil, nil, nil)) == "ERROR_INVALID_HANDLE")
      #expect(
        error(SetNamedPipeHandleState(handle, nil, nil, nil)) == "ERROR_INVALID_HANDLE")
      #expect(error(CancelIo(handle)) == "ERROR_INVALID_HANDLE")
      #expect(error(CancelIoEx(handle, nil)) == "ERROR_INVALID_HANDLE")
      #expect(error(SetEvent(handle)) == "ERROR_INVALID_HANDLE")
      #expect(error(GetHandleInformation(handle, &number)) == "ERROR_INVALID_HANDLE")
      #expect(error(GetExitCodeProcess(handle, &number)) == "ERROR_INVALID_HANDLE")
      #expect(error(TerminateProcess(handle, 1)) == "ERROR_INVALID_HANDLE")
      #expect(WaitForSingleObject(handle, 0) == WAIT_FAILED)
      #expect(GetLastError() == ERROR_INVALID_HANDLE)
      SetLastError(0)
      #expect(GetFileType(handle) == FILE_TYPE_UNKNOWN)
      #expect(GetLastError() == ERROR_INVALID_HANDLE)
      #expect(GetFileSize(handle, nil) == INVALID_FILE_SIZE)
      var copy: HANDLE = nil
      #expect(
        error(
          DuplicateHandle(
            GetCurrentProcess(), handle, GetCurrentProcess(), &copy, 0, FALSE,
            DUPLICATE_SAME_ACCESS)) == "ERROR_INVALID_HANDLE")
    }
  }

  @Test("a handle of another kind of object is invalid")
  func otherKinds() {
    let event = CreateEvent(nil, TRUE, FALSE, nil)
    let (r, w) = makePipe()
    #expect(read(event, 4) == .error("ERROR_INVALID_HANDLE"))
    #expect(error(SetEvent(r)) == "ERROR_INVALID_HANDLE")
    #expect(error(TerminateProcess(w, 0)) == "ERROR_INVALID_HANDLE")
    #expect(read(GetCurrentProcess(), 4) == .error("ERROR_INVALID_HANDLE"))
    #expect(error(ConnectNamedPipe(w, nil)) == "ERROR_INVALID_FUNCTION")
    for handle in [event, r, w] { CloseHandle(handle) }
  }

  @Test("null pointers give errors")
  func nullPointers() {
    let (r, w) = makePipe()
    #expect(error(CreatePipe(nil, nil, nil, 0)) == "ERROR_INVALID_PARAMETER")
    #expect(error(ReadFile(r, nil, 4, nil, nil)) == "ERROR_NOACCESS")
    #expect(error(WriteFile(w, nil, 4, nil, nil)) == "ERROR_NOACCESS")
    #expect(error(WriteFile(w, nil, 0, nil, nil)) == "")
    #expect(error(GetHandleInformation(r, nil)) == "ERROR_NOACCESS")
    #expect(error(GetOverlappedResult(r, nil, nil, FALSE)) == "ERROR_INVALID_PARAMETER")
    #expect(!HasOverlappedIoCompleted(nil))
    #expect(error(ReadFileEx(r, nil, 0, nil, nil)) == "ERROR_INVALID_PARAMETER")
    #expect(WaitForMultipleObjects(1, nil, FALSE, 0) == WAIT_FAILED)
    #expect(CreateFile(nil, 0, 0, nil, OPEN_EXISTING, 0, nil) == INVALID_HANDLE_VALUE)
    #expect(CreateNamedPipe(nil, 3, 0, 1, 0, 0, 0, nil) == INVALID_HANDLE_VALUE)
    #expect(!WaitNamedPipe(nil, 0))
    #expect(
      error(CreateProcess(nil, nil, nil, nil, FALSE, 0, nil, nil, nil, nil))
        == "ERROR_INVALID_PARAMETER")
    #expect(FormatMessage(FORMAT_MESSAGE_FROM_SYSTEM, nil, 5, 0, nil, 0, nil) == 0)
    CloseHandle(r)
    CloseHandle(w)
  }

  @Test("a value that was closed is not given out again")
  func noReuse() {
    var seen: Set<HANDLE> = []
    for _ in 0..<1000 {
      let event = CreateEvent(nil, TRUE, FALSE, nil)
      #expect(seen.insert(event).inserted)
      CloseHandle(event)
    }
  }

  @Test("an object stays open until its last handle is closed")
  func duplicates() {
    let (r, w) = makePipe()
    var copy: HANDLE = nil
    #expect(
      DuplicateHandle(
        GetCurrentProcess(), w, GetCurrentProcess(), &copy, 0, FALSE, DUPLICATE_SAME_ACCESS))
    #expect(copy != w)
    CloseHandle(w)
    #expect(write(copy, "alive") == "5")
    CloseHandle(copy)
    #expect(read(r, 16) == "alive")
    #expect(read(r, 16) == .error("ERROR_BROKEN_PIPE"))
    CloseHandle(r)
  }

  @Test("a pipe's duplicate can have fewer rights, never more, and can take the original's place")
  func duplicateAccess() {
    let (r, w) = makePipe()
    var copy: HANDLE = nil
    #expect(
      DuplicateHandle(GetCurrentProcess(), r, GetCurrentProcess(), &copy, SYNCHRONIZE, FALSE, 0))
    #expect(read(copy, 1) == .error("ERROR_ACCESS_DENIED"))
    CloseHandle(copy)
    #expect(
      error(
        DuplicateHandle(GetCurrentProcess(), r, GetCurrentProcess(), &copy, GENERIC_ALL, FALSE, 0))
        == "ERROR_ACCESS_DENIED")
    #expect(
      DuplicateHandle(
        GetCurrentProcess(), r, GetCurrentProcess(), &copy, 0, FALSE,
        DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE))
    #expect(read(r, 1) == .error("ERROR_INVALID_HANDLE"))
    #expect(write(w, "y") == "1")
    #expect(read(copy, 1) == "y")
    #expect(
      error(
        DuplicateHandle(GetCurrentProcess(), w, GetCurrentProcess(), &copy, 0, FALSE, 0x10))
        == "ERROR_INVALID_PARAMETER")
    CloseHandle(copy)
    CloseHandle(w)
  }

  @Test("a handle that is protected stays when a duplicate is to take its place")
  func duplicateProtected() {
    let event = CreateEvent(nil, TRUE, FALSE, nil)
    let (isProtected, me) = (HANDLE_FLAG_PROTECT_FROM_CLOSE, GetCurrentProcess())
    var copy: HANDLE = nil
    #expect(SetHandleInformation(event, isProtected, isProtected))
    #expect(
      DuplicateHandle(
        me, event, me, &copy, 0, TRUE, DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE))
    var flags: DWORD = 0
    #expect(GetHandleInformation(copy, &flags) && flags == HANDLE_FLAG_INHERIT)
    #expect(SetEvent(event) && WaitForSingleObject(copy, 0) == WAIT_OBJECT_0)
    #expect(SetHandleInformation(event, isProtected, 0))
    #expect(CloseHandle(event) && CloseHandle(copy))
  }

  @Test("what is noted with a handle can be asked and changed, and protects it")
  func information() {
    let (r, w) = makePipe()
    var flags: DWORD = 7
    #expect(GetHandleInformation(r, &flags))
    #expect(flags == 0)
    #expect(
      SetHandleInformation(
        r, HANDLE_FLAG_INHERIT | HANDLE_FLAG_PROTECT_FROM_CLOSE,
        HANDLE_FLAG_INHERIT | HANDLE_FLAG_PROTECT_FROM_CLOSE))
    #expect(GetHandleInformation(r, &flags))
    #expect(flags == HANDLE_FLAG_INHERIT | HANDLE_FLAG_PROTECT_FROM_CLOSE)
    #expect(error(CloseHandle(r)) == "ERROR_INVALID_HANDLE")
    #expect(SetHandleInformation(r, HANDLE_FLAG_PROTECT_FROM_CLOSE, 0))
    #expect(error(SetHandleInformation(r, 4, 4)) == "ERROR_INVALID_PARAMETER")
    #expect(CloseHandle(r))
    CloseHandle(w)
  }
}

@Suite struct LayoutTests {
  @Test("the structures lie in memory as in C")
  func layout() {
    #expect(MemoryLayout<OVERLAPPED>.size == 32)
    #expect(MemoryLayout<OVERLAPPED>.offset(of: \.hEvent) == 24)
    #expect(MemoryLayout<STARTUPINFO>.size == 104)
    #expect(MemoryLayout<STARTUPINFO>.offset(of: \.dwFlags) == 60)
    #expect(MemoryLayout<STARTUPINFO>.offset(of: \.hStdInput) == 80)
    #expect(MemoryLayout<PROCESS_INFORMATION>.size == 24)
    #expect(MemoryLayout<SECURITY_ATTRIBUTES>.offset(of: \.bInheritHandle) == 16)
    #expect(MemoryLayout<SECURITY_ATTRIBUTES>.stride == 24)
    #expect(MemoryLayout<SECURITY_DESCRIPTOR>.size == 40)
    #expect(MemoryLayout<HANDLE>.size == MemoryLayout<UnsafeRawPointer>.size)
  }
}

@Suite struct LastErrorTests {
  @Test("every thread has its own last error")
  func perThread() throws {
    SetLastError(1234)
    let other = try Background { () -> (DWORD, DWORD) in
      let first = GetLastError()
      CloseHandle(nil)
      return (first, GetLastError())
    }
    #expect(try other.value() == (0, ERROR_INVALID_HANDLE))
    #expect(GetLastError() == 1234)
  }

  @Test("every code that a call can leave has a name and words")
  func texts() {
    #expect(ErrorName(ERROR_PIPE_BUSY) == "ERROR_PIPE_BUSY")
    #expect(ErrorMessage(ERROR_PIPE_BUSY) == "All pipe instances are busy.")
    #expect(ErrorName(99999) == "99999")
    #expect(ErrorMessage(99999) == nil)
  }

  @Test("FormatMessage fills a buffer, allocates one, and refuses one that is too small")
  func formatMessage() {
    var buffer = [CChar](repeating: 1, count: 100)
    let count = FormatMessage(FORMAT_MESSAGE_FROM_SYSTEM, nil, 5, 0, &buffer, 100, nil)
    let text = String(
      decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    #expect(text == "Access is denied.\r\n")
    #expect(count == 19)
    #expect(FormatMessage(FORMAT_MESSAGE_FROM_SYSTEM, nil, 5, 0, &buffer, 19, nil) == 0)
    #expect(GetLastError() == ERROR_INSUFFICIENT_BUFFER)
    #expect(FormatMessage(FORMAT_MESSAGE_FROM_SYSTEM, nil, 77777, 0, &buffer, 100, nil) == 0)
    #expect(GetLastError() == ERROR_MR_MID_NOT_FOUND)
    var allocated: UnsafeMutablePointer<CChar>?
    let length = FormatMessage(
      FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_ALLOCATE_BUFFER
        | FORMAT_MESSAGE_MAX_WIDTH_MASK, nil, 109, 0, &allocated, 0, nil)
    #expect(length == 25)
    #expect(allocated.map { String(cString: $0) } == "The pipe has been ended. ")
    #expect(LocalFree(allocated) == nil)
  }
}
