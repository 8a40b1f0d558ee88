import Glibc
import IPCSystem
import TestSupport
import Testing
import Win32

@Suite struct WaitTests {
  private func event(manual: BOOL = FALSE, set: BOOL = FALSE) -> HANDLE {
    CreateEvent(nil, manual, set, nil)
  }

  @Test("events are set, reset and taken as they were created")
  func events() {
    let (automatic, manual) = (event(set: TRUE), event(manual: TRUE))
    #expect(WaitForSingleObject(automatic, 0) == WAIT_OBJECT_0)
    #expect(WaitForSingleObject(automatic, 0) == WAIT_TIMEOUT)
    #expect(SetEvent(manual))
    #expect(WaitForSingleObject(manual, INFINITE) == WAIT_OBJECT_0)
    #expect(WaitForSingleObject(manual, 0) == WAIT_OBJECT_0)
    #expect(ResetEvent(manual))
    #expect(WaitForSingleObject(manual, 0) == WAIT_TIMEOUT)
    #expect(CreateEvent(nil, FALSE, FALSE, #"no\name"#) == nil)
    #expect(GetLastError() == ERROR_PATH_NOT_FOUND)
    CloseHandle(automatic)
    CloseHandle(manual)
  }

  @Test("a wait for several gives the lowest index, a wait for all takes nothing too early")
  func several() throws {
    let handles = [event(), event(set: TRUE), event(set: TRUE)]
    func wait(_ all: BOOL, _ time: DWORD = 0) -> DWORD {
      WaitForMultipleObjects(DWORD(handles.count), handles, all, time)
    }
    #expect(wait(TRUE) == WAIT_TIMEOUT)
    #expect(wait(FALSE) == WAIT_OBJECT_0 + 1)
    #expect(wait(FALSE) == WAIT_OBJECT_0 + 2)
    #expect(wait(FALSE) == WAIT_TIMEOUT)
    let waiter = try Background {
      WaitForMultipleObjects(DWORD(handles.count), handles, TRUE, INFINITE)
    }
    for handle in handles {
      waiter.waitUntilAsleep()
      #expect(waiter.outcome == nil)
      SetEvent(handle)
    }
    #expect(try waiter.value() == WAIT_OBJECT_0)
    #expect(wait(FALSE) == WAIT_TIMEOUT)
    for handle in handles { CloseHandle(handle) }
  }

  @Test("wrong counts, the same object twice and a stale handle are refused")
  func refused() {
    let (one, two) = (event(set: TRUE), event(set: TRUE))
    func code(_ handles: [HANDLE], _ all: BOOL) -> String {
      let result = WaitForMultipleObjects(DWORD(handles.count), handles, all, 0)
      return result == WAIT_FAILED ? ErrorName(GetLastError()) : "\(result)"
    }
    #expect(code([], FALSE) == "ERROR_INVALID_PARAMETER")
    #expect(code(Array(repeating: one, count: 65), FALSE) == "ERROR_INVALID_PARAMETER")
    #expect(code([one, two, one], TRUE) == "ERROR_INVALID_PARAMETER")
    #expect(code([one, HANDLE(12345)], FALSE) == "ERROR_INVALID_HANDLE")
    #expect(code(Array(repeating: one, count: 64), FALSE) == "0")
    #expect(code([two], TRUE) == "0")
    CloseHandle(one)
    CloseHandle(two)
  }

  @Test("a wait lasts as long as it was told, also without an object")
  func timeouts() {
    let handle = event()
    let start = MonotonicClock.now()
    #expect(WaitForSingleObject(handle, 30) == WAIT_TIMEOUT)
    Sleep(30)
    #expect(SleepEx(30, TRUE) == 0)
    #expect(MonotonicClock.now() - start >= 90_000_000)
    CloseHandle(handle)
  }

  @Test("this process has not ended, and its handle need not be closed")
  func thisProcess() {
    var code: DWORD = 0
    #expect(WaitForSingleObject(GetCurrentProcess(), 0) == WAIT_TIMEOUT)
    #expect(GetExitCodeProcess(GetCurrentProcess(), &code))
    #expect(code == STILL_ACTIVE)
    #expect(CloseHandle(GetCurrentProcess()))
    #expect(GetProcessId(GetCurrentProcess()) == GetCurrentProcessId())
    #expect(GetCurrentProcessId() == DWORD(getpid()))
    #expect(GetCurrentThreadId() != 0)
  }
}
