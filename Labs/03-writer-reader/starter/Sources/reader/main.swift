import Glibc
import Win32

/// Opens the pipe; waits for the writer when it has not made it yet.
///
/// - Returns: The handle; `nil` when the pipe cannot be opened.
func open(_ name: String) -> HANDLE? {
  // TASK 3: open the pipe with CreateFile.
  // TASK 4: when there is no such pipe yet, try again for five seconds.
  return nil
}

/// Receives one message, whatever its length.
///
/// - Returns: The message; `nil` when the writer is gone.
func receive(from hPipe: HANDLE) -> [UInt8]? {
  // TASK 3: read a message.
  // TASK 4: read on when there is more of it than the buffer holds.
  return nil
}

/// Prints the lines of a writer and returns the exit status.
func printLines(of name: String) -> Int32 {
  // TASK 3: open the pipe, read by messages, print each as a line, until "fim".
  // TASK 5: when the writer is gone before it said "fim", say so and return 1.
  complain("reader: nothing is read yet. Start with TASK 3 in Sources/reader/main.swift.")
  return 1
}

guard CommandLine.arguments.count == 2 else {
  complain(#"usage: reader \\.\pipe\NAME"#)
  exit(2)
}
exit(printLines(of: CommandLine.arguments[1]))
