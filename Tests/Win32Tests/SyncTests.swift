import Glibc
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
