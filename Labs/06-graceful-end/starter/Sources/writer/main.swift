import Glibc
import Win32

func serve(_ name: String, limit: DWORD) -> Int32 {
  let hall = Hall()
  // TASK 1: make `limit` instances of the pipe, and a thread for each that waits for a reader, sends
  // "pronto", and then the lines that come.
  // TASK 2: when a reader leaves, its thread disconnects the instance and waits for the next.
  // TASK 3: read the lines of standard input; after "fim", or at the end, wait for all threads.
  // TASK 4: print the sums, "readers R lines L", and return 0.
  _ = hall
  complain("writer: no pipe is made yet. Start with TASK 1 in Sources/writer/main.swift.")
  return 1
}

guard CommandLine.arguments.count == 3, let limit = DWORD(CommandLine.arguments[2]),
  (1...MAXIMUM_WAIT_OBJECTS).contains(limit)
else {
  complain(#"usage: writer \\.\pipe\NAME LIMIT"#)
  exit(2)
}
exit(serve(CommandLine.arguments[1], limit: limit))
