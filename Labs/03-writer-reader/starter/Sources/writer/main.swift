import Glibc
import Win32

/// Sends a text as one message.
func send(_ text: String, to hPipe: HANDLE) -> Bool {
  // TASK 2: write the bytes of the text, Array(text.utf8), with one WriteFile.
  return false
}

/// Serves the lines of standard input to one reader and returns the exit status.
func serve(_ name: String) -> Int32 {
  // TASK 1: create the pipe, of messages and outbound, and wait for a reader.
  // TASK 2: send every line of standard input, up to and with "fim".
  // TASK 2: let the reader read all of it before you disconnect.
  // TASK 5: when the reader is gone, say so and return 1.
  complain("writer: no pipe is made yet. Start with TASK 1 in Sources/writer/main.swift.")
  return 1
}

guard CommandLine.arguments.count == 2 else {
  complain(#"usage: writer \\.\pipe\NAME"#)
  exit(2)
}
exit(serve(CommandLine.arguments[1]))
