import Glibc
import Win32

/// How many readers there can be at a time.
let mostReaders: DWORD = 10

/// Takes readers in for as long as there are lines, and returns the exit status.
func serve(_ name: String) -> Int32 {
  let readers = Readers()
  // TASK 1: create an instance, of messages and outbound, wait for a reader, and add it to `readers`;
  // then do the same with the next instance.
  // TASK 2: before that, start a thread with CreateThread that reads the lines of standard input and
  // gives each to readers.broadcast; after "fim", or at the end of the input, it calls readers.end
  // and ends the program.
  // TASK 3: when there are as many instances as there can be, wait until one is free again.
  _ = readers
  complain("writer: no pipe is made yet. Start with TASK 1 in Sources/writer/main.swift.")
  return 1
}

guard CommandLine.arguments.count == 2 else {
  complain(#"usage: writer \\.\pipe\NAME"#)
  exit(2)
}
exit(serve(CommandLine.arguments[1]))
