import Glibc
import TestSupport
import Testing
import Win32

@Suite struct FileTests {
  private func create(
    _ path: String, _ disposition: DWORD, _ access: DWORD = GENERIC_READ | GENERIC_WRITE,
    share: DWORD = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
    flags: DWORD = FILE_ATTRIBUTE_NORMAL
  ) -> HANDLE {
    CreateFile(path, access, share, nil, disposition, flags, nil)
  }

  @Test("two handles are open at once when each allows what the other uses, whatever the order")
  func sharing() throws {
    let directory = try Scratch()
    let path = directory.path + "/file"
    CloseHandle(create(path, CREATE_NEW))
    let rights = [FILE_READ_DATA, FILE_WRITE_DATA, DELETE]
    let shares = [FILE_SHARE_READ, FILE_SHARE_WRITE, FILE_SHARE_DELETE]
    func sum(_ values: [DWORD], _ bits: Int) -> DWORD {
      (0..<3).filter { bits >> $0 & 1 != 0 }.reduce(0) { $0 | values[$1] }
    }
    for (firstUse, firstShare) in (0..<64).map({ ($0 & 7, $0 >> 3) }) {
      let first = create(
        path, OPEN_EXISTING, sum(rights, firstUse), share: sum(shares, firstShare))
      #expect(first != INVALID_HANDLE_VALUE)
      for (use, share) in (0..<64).map({ ($0 & 7, $0 >> 3) }) {
        let second = create(path, OPEN_EXISTING, sum(rights, use), share: sum(shares, share))
        let error = second == INVALID_HANDLE_VALUE ? ErrorName(GetLastError()) : ""
        // Who uses nothing does not count.
        let isAllowed =
          use == 0 || firstUse == 0 || use & ~firstShare == 0 && firstUse & ~share == 0
        #expect(error == (isAllowed ? "" : "ERROR_SHARING_VIOLATION"))
        if second != INVALID_HANDLE_VALUE { CloseHandle(second) }
      }
      CloseHandle(first)
    }
  }

  @Test("of several threads that open a file for themselves at once, exactly one succeeds")
  func sharingRace() throws {
    let directory = try Scratch()
    let path = directory.path + "/file"
    CloseHandle(create(path, CREATE_NEW))
    let accesses = [GENERIC_READ, GENERIC_WRITE, GENERIC_READ | GENERIC_WRITE, FILE_APPEND_DATA]
    for _ in 0..<100 {
      let start = CreateEvent(nil, TRUE, FALSE, nil)
      let openers = try accesses.map { access in
        try Background { [self] in
          WaitForSingleObject(start, INFINITE)
          return create(path, OPEN_EXISTING, access, share: 0)
        }
      }
      SetEvent(start)
      let winners = try openers.map { try $0.value() }.filter { $0 != INVALID_HANDLE_VALUE }
      #expect(winners.count == 1)
      for handle in winners + [start] { CloseHandle(handle) }
    }
  }

  @Test("a file that is deleted on close is opened only by who allows that, and allowed by it")
  func sharingOfDeleted() throws {
    let directory = try Scratch()
    let path = directory.path + "/file"
    let all = FILE_SHARE_READ | FILE_SHARE_WRITE
    let file = create(path, CREATE_NEW, flags: FILE_FLAG_DELETE_ON_CLOSE)
    #expect(create(path, OPEN_EXISTING, share: all) == INVALID_HANDLE_VALUE)
    #expect(GetLastError() == ERROR_SHARING_VIOLATION)
    let other = create(path, OPEN_EXISTING)
    #expect(other != INVALID_HANDLE_VALUE)
    CloseHandle(other)
    CloseHandle(file)
    #expect(create(path, OPEN_EXISTING) == INVALID_HANDLE_VALUE)
    #expect(GetLastError() == ERROR_FILE_NOT_FOUND)
  }

  @Test("the five dispositions do what they say to a file that is there and to one that is not")
  func dispositions() throws {
    let directory = try Scratch()
    func outcome(_ disposition: DWORD, exists: Bool) -> [String] {
      let path = "\(directory.path)/\(disposition)\(exists)"
      if exists {
        let file = create(path, CREATE_NEW)
        #expect(write(file, "old") == "3")
        CloseHandle(file)
      }
      SetLastError(4711)
      let file = create(path, disposition)
      let error = ErrorName(GetLastError())
      if file == INVALID_HANDLE_VALUE { return [error] }
      defer { CloseHandle(file) }
      return [error, "\(GetFileSize(file, nil))"]
    }
    #expect(outcome(CREATE_NEW, exists: false) == ["ERROR_SUCCESS", "0"])
    #expect(outcome(CREATE_NEW, exists: true) == ["ERROR_FILE_EXISTS"])
    #expect(outcome(CREATE_ALWAYS, exists: false) == ["ERROR_SUCCESS", "0"])
    #expect(outcome(CREATE_ALWAYS, exists: true) == ["ERROR_ALREADY_EXISTS", "0"])
    #expect(outcome(OPEN_EXISTING, exists: false) == ["ERROR_FILE_NOT_FOUND"])
    #expect(outcome(OPEN_EXISTING, exists: true) == ["ERROR_SUCCESS", "3"])
    #expect(outcome(OPEN_ALWAYS, exists: false) == ["ERROR_SUCCESS", "0"])
    #expect(outcome(OPEN_ALWAYS, exists: true) == ["ERROR_ALREADY_EXISTS", "3"])
    #expect(outcome(TRUNCATE_EXISTING, exists: false) == ["ERROR_FILE_NOT_FOUND"])
    #expect(outcome(TRUNCATE_EXISTING, exists: true) == ["ERROR_SUCCESS", "0"])
    #expect(outcome(6, exists: true) == ["ERROR_INVALID_PARAMETER"])
    #expect(outcome(0, exists: true) == ["ERROR_INVALID_PARAMETER"])
  }

  @Test("a path that leads nowhere, a directory and a wrong flag are told apart")
  func wrongPaths() throws {
    let directory = try Scratch()
    func code(_ path: String, _ disposition: DWORD = OPEN_EXISTING) -> String {
      #expect(create(path, disposition) == INVALID_HANDLE_VALUE)
      return ErrorName(GetLastError())
    }
    #expect(code(directory.path + "/none/file", CREATE_NEW) == "ERROR_PATH_NOT_FOUND")
    #expect(code(directory.path) == "ERROR_ACCESS_DENIED")
    #expect(code("/dev/null/x") == "ERROR_PATH_NOT_FOUND")
    #expect(code("") == "ERROR_PATH_NOT_FOUND")
    #expect(code("a\0b") == "ERROR_INVALID_PARAMETER")
    #expect(
      code(directory.path + "/" + String(repeating: "x", count: 300))
        == "ERROR_FILENAME_EXCED_RANGE")
    #expect(code(#"\\elsewhere\share\file"#) == "ERROR_BAD_NETPATH")
    #expect(code(#"\\.\nodevice"#) == "ERROR_FILE_NOT_FOUND")
    #expect(
      CreateFile("/dev/null", GENERIC_READ, 8, nil, OPEN_EXISTING, 0, nil) == INVALID_HANDLE_VALUE)
    #expect(GetLastError() == ERROR_INVALID_PARAMETER)
  }

  @Test("a file is copied as the first exercise of a course does it")
  func copy() throws {
    let directory = try Scratch()
    let content = String(repeating: "0123456789abcdef", count: 1000)
    let source = create(directory.path + "/source", CREATE_NEW)
    #expect(write(source, content) == "16000")
    CloseHandle(source)

    let hIn = create(directory.path + "/source", OPEN_EXISTING, GENERIC_READ)
    let hOut = create(directory.path + "/copy", CREATE_ALWAYS, GENERIC_WRITE)
    var buffer = [UInt8](repeating: 0, count: 256)
    var (nIn, nOut): (DWORD, DWORD) = (0, 0)
    while ReadFile(hIn, &buffer, DWORD(buffer.count), &nIn, nil) && nIn > 0 {
      #expect(WriteFile(hOut, buffer, nIn, &nOut, nil))
      #expect(nIn == nOut)
    }
    CloseHandle(hIn)
    CloseHandle(hOut)

    let result = create(directory.path + "/copy", OPEN_EXISTING, GENERIC_READ)
    #expect(GetFileType(result) == FILE_TYPE_DISK)
    #expect(read(result, 20000) == .bytes(content))
    #expect(read(result, 1) == "")
    CloseHandle(result)
  }

  @Test("a handle can do what it was opened for and no more")
  func access() throws {
    let directory = try Scratch()
    let path = directory.path + "/file"
    let writer = create(path, CREATE_NEW, GENERIC_WRITE)
    #expect(read(writer, 1) == .error("ERROR_ACCESS_DENIED"))
    #expect(write(writer, "12345") == "5")
    let reader = create(path, OPEN_EXISTING, GENERIC_READ)
    #expect(write(reader, "x") == "ERROR_ACCESS_DENIED")
    #expect(error(FlushFileBuffers(reader)) == "ERROR_ACCESS_DENIED")
    #expect(FlushFileBuffers(writer))
    #expect(create(path, TRUNCATE_EXISTING, GENERIC_READ) == INVALID_HANDLE_VALUE)
    #expect(GetLastError() == ERROR_INVALID_PARAMETER)
    let appender = create(path, OPEN_EXISTING, FILE_APPEND_DATA)
    #expect(write(appender, "67") == "2")
    #expect(read(reader, 64) == "1234567")
    for handle in [writer, reader, appender] { CloseHandle(handle) }
  }

  @Test("the place moves from the beginning, from itself and from the end, and never before 0")
  func pointer() throws {
    let directory = try Scratch()
    let file = create(directory.path + "/file", CREATE_NEW)
    #expect(write(file, "0123456789") == "10")
    #expect(SetFilePointer(file, 3, nil, FILE_BEGIN) == 3)
    #expect(read(file, 2) == "34")
    #expect(SetFilePointer(file, -1, nil, FILE_CURRENT) == 4)
    #expect(SetFilePointer(file, -2, nil, FILE_END) == 8)
    #expect(read(file, 10) == "89")
    #expect(SetFilePointer(file, -1, nil, FILE_BEGIN) == INVALID_SET_FILE_POINTER)
    #expect(GetLastError() == ERROR_NEGATIVE_SEEK)
    #expect(SetFilePointer(file, 0, nil, 3) == INVALID_SET_FILE_POINTER)
    #expect(GetLastError() == ERROR_INVALID_PARAMETER)
    var high: LONG = 1
    #expect(SetFilePointer(file, -1, &high, FILE_BEGIN) == 0xFFFF_FFFF)
    #expect(GetLastError() == NO_ERROR)
    #expect(high == 1)
    #expect(SetFilePointer(file, 0, nil, FILE_CURRENT) == INVALID_SET_FILE_POINTER)
    #expect(write(file, "!") == "1")
    var sizeHigh: DWORD = 0
    #expect(GetFileSize(file, &sizeHigh) == 0)
    #expect(sizeHigh == 2)
    CloseHandle(file)
    let (r, w) = makePipe()
    #expect(SetFilePointer(r, 0, nil, FILE_BEGIN) == INVALID_SET_FILE_POINTER)
    #expect(GetLastError() == ERROR_INVALID_FUNCTION)
    CloseHandle(r)
    CloseHandle(w)
  }

  @Test("a file that is deleted on close is gone with its last handle")
  func deleteOnClose() throws {
    let directory = try Scratch()
    let path = directory.path + "/file"
    let file = create(path, CREATE_NEW, flags: FILE_FLAG_DELETE_ON_CLOSE)
    #expect(Glibc.access(path, F_OK) == 0)
    CloseHandle(file)
    #expect(Glibc.access(path, F_OK) != 0)
  }

  @Test("operations on an overlapped file go by their own places and are over at once")
  func overlapped() throws {
    let directory = try Scratch()
    let file = create(directory.path + "/file", CREATE_NEW, flags: FILE_FLAG_OVERLAPPED)
    let operation = Operation()
    operation.overlapped.pointee.Offset = 4
    #expect(write(file, "abc", operation.overlapped) == "3")
    #expect(operation.isSignalled)
    #expect(HasOverlappedIoCompleted(operation.overlapped))
    operation.overlapped.pointee.Offset = 5
    #expect(operation.startRead(file, 10) == "")
    #expect(operation.result(file) == "bc")
    operation.overlapped.pointee.Offset = 7
    #expect(operation.startRead(file, 10) == "ERROR_HANDLE_EOF")
    #expect(!operation.isSignalled)
    #expect(operation.result(file) == .error("ERROR_HANDLE_EOF"))
    #expect(read(file, 4) == .error("ERROR_INVALID_PARAMETER"))
    CloseHandle(file)
  }

  @Test("an operation on a file that is not overlapped works, and the next call goes on from there")
  func overlappedOnSynchronous() throws {
    let directory = try Scratch()
    let file = create(directory.path + "/file", CREATE_NEW)
    #expect(write(file, "0123456789") == "10")
    let operation = Operation()
    operation.overlapped.pointee.Offset = 2
    #expect(operation.startRead(file, 3) == "")
    #expect(operation.isSignalled)
    #expect(operation.result(file) == "234")
    #expect(read(file, 2) == "56")
    CloseHandle(file)
  }
}
