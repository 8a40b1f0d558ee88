import Glibc
import IPCSystem
import TestSupport
import Testing
import Win32

@Suite struct SyncTests {
  @Test("a thread runs, has a number and an exit code, and is signalled when it has ended")
  func thread() {
    var number: DWORD = 0
    let thread = CreateThread(nil, 0, { _ in 42 }, nil, 0, &number)
    #expect(number != 0 && number == GetThreadId(thread))
    #expect(WaitForSingleObject(thread, INFINITE) == WAIT_OBJECT_0)
    var code: DWORD = 0
    #expect(GetExitCodeThread(thread, &code))
    #expect(code == 42)
    #expect(CloseHandle(thread))
  }

  @Test("ExitThread ends a thread with its code, and abandons what it owned")
  func exitThread() {
    let mutex = CreateMutex(nil, FALSE, nil)
    let thread = CreateThread(
      nil, 0,
      { _ in
        WaitForSingleObject(mutex, INFINITE)
        ExitThread(7)
      }, nil, 0, nil)
    #expect(WaitForSingleObject(thread, INFINITE) == WAIT_OBJECT_0)
    var code: DWORD = 0
    #expect(GetExitCodeThread(thread, &code) && code == 7)
    #expect(WaitForSingleObject(mutex, 0) == WAIT_ABANDONED_0)
    #expect(ReleaseMutex(mutex))
    CloseHandle(thread)
    CloseHandle(mutex)
  }

  @Test("a thread that is created suspended runs when it is resumed, first what was queued")
  func suspended() {
    let order = Locked<[UInt]>([])
    let note = { @Sendable (number: UInt) in order.withLock { $0.append(number) } }
    let runs = CreateEvent(nil, TRUE, FALSE, nil)
    let thread = CreateThread(
      nil, 0,
      { _ in
        note(3)
        SetEvent(runs)
        return SleepEx(INFINITE, TRUE)
      }, nil, CREATE_SUSPENDED, nil)
    #expect(QueueUserAPC(note, thread, 1) && QueueUserAPC(note, thread, 2))
    #expect(WaitForSingleObject(thread, 50) == WAIT_TIMEOUT)
    #expect(order.withLock { $0 } == [])
    #expect(ResumeThread(thread) == 1 && ResumeThread(thread) == 0)
    // Before that, it would run with the others.
    #expect(WaitForSingleObject(runs, INFINITE) == WAIT_OBJECT_0)
    #expect(QueueUserAPC(note, thread, 4))
    #expect(WaitForSingleObject(thread, INFINITE) == WAIT_OBJECT_0)
    var code: DWORD = 0
    #expect(GetExitCodeThread(thread, &code) && code == WAIT_IO_COMPLETION)
    #expect(order.withLock { $0 } == [1, 2, 3, 4])
    #expect(!QueueUserAPC(note, thread, 5) && GetLastError() == ERROR_GEN_FAILURE)
    #expect(!QueueUserAPC(nil, thread, 5) && GetLastError() == ERROR_INVALID_PARAMETER)
    #expect(ResumeThread(nil) == .max && GetLastError() == ERROR_INVALID_HANDLE)
    CloseHandle(thread)
    CloseHandle(runs)
    // The thread of a test: from now on it has been in an alertable wait.
    #expect(QueueUserAPC(note, GetCurrentThread(), 6) && SleepEx(0, TRUE) == WAIT_IO_COMPLETION)
    #expect(order.withLock { $0.last } == 6)
  }

  @Test("duplicates of the pseudo handles are handles for other threads")
  func pseudoHandles() throws {
    let me = GetCurrentProcess()
    @Sendable func duplicate(_ handle: HANDLE) -> HANDLE {
      var copy: HANDLE = nil
      #expect(DuplicateHandle(me, handle, me, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS))
      return copy
    }
    let process = duplicate(me)
    #expect(process != me && GetProcessId(process) == GetCurrentProcessId())
    var code: DWORD = 0
    #expect(GetExitCodeProcess(process, &code) && code == STILL_ACTIVE)
    #expect(WaitForMultipleObjects(1, [process], FALSE, 0) == WAIT_TIMEOUT)
    #expect(DuplicateHandle(process, process, process, nil, 0, FALSE, DUPLICATE_SAME_ACCESS))
    #expect(CloseHandle(process) && !CloseHandle(process))
    let (told, mayEnd) = (CreateEvent(nil, TRUE, FALSE, nil), CreateEvent(nil, TRUE, FALSE, nil))
    // One that CreateThread has not made.
    let thread = try Background {
      let copy = duplicate(GetCurrentThread())
      let (number, own) = (GetThreadId(copy), GetCurrentThreadId())
      SetEvent(told)
      WaitForSingleObject(mayEnd, INFINITE)
      return (copy, number == own)
    }
    WaitForSingleObject(told, INFINITE)
    SetEvent(mayEnd)
    let (copy, isOwn) = try thread.value()
    #expect(isOwn)
    #expect(WaitForSingleObject(copy, INFINITE) == WAIT_OBJECT_0)
    for handle in [copy, told, mayEnd] { CloseHandle(handle) }
  }

  @Test("an object is opened for rights that its kind has, and for one at least")
  func rights() {
    _ = Names.fresh()
    let name = "rights\(getpid())"
    let event = CreateEvent(nil, TRUE, FALSE, name)
    for wrong in [0, FILE_APPEND_DATA, DWORD(1) << 23, EVENT_ALL_ACCESS | 0x8000] {
      #expect(OpenEvent(wrong, FALSE, name) == nil)
      #expect(GetLastError() == ERROR_ACCESS_DENIED)
    }
    for right in [READ_CONTROL, SYNCHRONIZE, MAXIMUM_ALLOWED, GENERIC_ALL, GENERIC_READ] {
      #expect(CloseHandle(OpenEvent(right, FALSE, name)))
    }
    #expect(OpenEvent(0, FALSE, name + "x") == nil && GetLastError() == ERROR_FILE_NOT_FOUND)
    #expect(OpenEvent(0, FALSE, nil) == nil && GetLastError() == ERROR_INVALID_PARAMETER)
    #expect(OpenEvent(0, FALSE, "") == nil && GetLastError() == ERROR_INVALID_HANDLE)
    CloseHandle(event)
  }

  @Test("a flush lies in one view")
  func flush() {
    let mapping = CreateFileMapping(INVALID_HANDLE_VALUE, nil, PAGE_READWRITE, 0, 8192, nil)
    let view = MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 100)
    #expect(FlushViewOfFile(view, 0) && FlushViewOfFile(view, 4096))
    #expect(FlushViewOfFile(view.map { $0 + 200 }, 0) && FlushViewOfFile(view.map { $0 + 200 }, 9))
    for (address, length) in [(view, 4097), (view.map { $0 + 4096 }, 0), (view, -1), (nil, 0)] {
      #expect(!FlushViewOfFile(address, length))
      #expect(GetLastError() == ERROR_INVALID_PARAMETER)
    }
    #expect(UnmapViewOfFile(view))
    CloseHandle(mapping)
  }

  @Test("SignalObjectAndWait signals and waits, or does neither")
  func signalAndWait() throws {
    let (mutex, done) = (CreateMutex(nil, TRUE, nil), CreateEvent(nil, FALSE, FALSE, nil))
    let thread = CreateThread(
      nil, 0,
      { _ in
        WaitForSingleObject(mutex, INFINITE)
        PulseEvent(done)
        ReleaseMutex(mutex)
        return 0
      }, nil, 0, nil)
    // The pulse finds this thread waiting: it cannot come before the mutex is given back.
    #expect(SignalObjectAndWait(mutex, done, 20000, FALSE) == WAIT_OBJECT_0)
    WaitForSingleObject(thread, INFINITE)
    #expect(SignalObjectAndWait(mutex, done, 0, FALSE) == WAIT_FAILED)
    #expect(GetLastError() == ERROR_NOT_OWNER)
    #expect(SignalObjectAndWait(thread, done, 0, FALSE) == WAIT_FAILED)
    #expect(GetLastError() == ERROR_INVALID_HANDLE)
    for handle in [mutex, done, thread] { CloseHandle(handle) }
  }

  @Test("a duplicate keeps a mapping's name, and views lie in whole pages")
  func mapping() {
    _ = Names.fresh()
    let name = "map\(getpid())"
    let first = CreateFileMapping(INVALID_HANDLE_VALUE, nil, PAGE_READWRITE, 0, 5000, name)
    var copy: HANDLE = nil
    #expect(
      DuplicateHandle(
        GetCurrentProcess(), first, GetCurrentProcess(), &copy, 0, FALSE, DUPLICATE_SAME_ACCESS))
    #expect(CloseHandle(first))
    let opened = OpenFileMapping(FILE_MAP_READ, FALSE, name)
    #expect(opened != nil)
    #expect(MapViewOfFile(opened, FILE_MAP_WRITE, 0, 0, 0) == nil)
    #expect(GetLastError() == ERROR_ACCESS_DENIED)
    let view = MapViewOfFile(opened, FILE_MAP_READ, 0, 0, 0)
    var info = MEMORY_BASIC_INFORMATION()
    #expect(VirtualQuery(view, &info, MemoryLayout<MEMORY_BASIC_INFORMATION>.size) != 0)
    #expect(info.RegionSize == 8192 && info.Protect == PAGE_READONLY)
    #expect(MapViewOfFile(opened, FILE_MAP_READ, 0, 4096, 0) == nil)
    #expect(GetLastError() == ERROR_MAPPED_ALIGNMENT)
    #expect(UnmapViewOfFile(view) && !UnmapViewOfFile(view))
    #expect(GetLastError() == ERROR_INVALID_ADDRESS)
    CloseHandle(opened)
    CloseHandle(copy)
    #expect(OpenFileMapping(FILE_MAP_READ, FALSE, name) == nil)
    #expect(GetLastError() == ERROR_FILE_NOT_FOUND)
  }
}
