import Glibc
import Win32

func serve(_ name: String, limit: DWORD) -> Int32 {
  let hall = Hall()
  var threads: [HANDLE] = []
  for _ in 0..<limit {
    guard let instance = Instance(name, limit: limit, hall) else {
      complain("writer: cannot create \(name): \(lastError())")
      return 1
    }
    let thread = CreateThread(
      nil, 0,
      { _ in
        instance.serve()
        return 0
      }, nil, 0, nil)
    if thread == nil {
      complain("writer: cannot start a thread: \(lastError())")
      return 1
    }
    threads.append(thread)
  }

  while let line = readLine(), line != "fim" { hall.announce(line) }
  hall.end()

  // Every thread has ended before the sums are right, and before anything may be taken away.
  WaitForMultipleObjects(DWORD(threads.count), threads, TRUE, INFINITE)
  threads.forEach { CloseHandle($0) }
  let sums = hall.sums
  writeLine(Array("readers \(sums.readers) lines \(sums.lines)".utf8))
  return 0
}

guard CommandLine.arguments.count == 3, let limit = DWORD(CommandLine.arguments[2]),
  (1...MAXIMUM_WAIT_OBJECTS).contains(limit)
else {
  complain(#"usage: writer \\.\pipe\NAME LIMIT"#)
  exit(2)
}
exit(serve(CommandLine.arguments[1], limit: limit))
