import Glibc
import Win32

/// Starts a program with its standard input and output at these handles; its standard error is ours.
///
/// - Returns: The process; `nil` when it could not be started, which has then been said.
func start(_ words: [String], input: HANDLE, output: HANDLE) -> HANDLE? {
  // TASK 2: fill in a STARTUPINFO with the three standard handles and STARTF_USESTDHANDLES.
  // TASK 2: call CreateProcess with commandLine(words), and return the handle of the process.
  // TASK 4: when it fails, say so with the program's name, and return nil.
  return nil
}

/// Runs two programs connected by a pipe and returns the exit status.
func run(_ first: [String], _ second: [String]) -> Int32 {
  // TASK 1: create the pipe.
  // TASK 2: start both programs, each with its end of the pipe.
  // TASK 3: let go of the ends that are not yours, so that each program sees when the other is gone.
  // TASK 4: wait for both programs and return the exit status of the second.
  complain("pipeline: nothing is started yet. Begin with TASK 1 in Sources/pipeline/main.swift.")
  return 1
}

let words = Array(CommandLine.arguments.dropFirst())
let parts = words.split(separator: "|", omittingEmptySubsequences: false)
guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
  complain("usage: pipeline PROGRAM [ARGUMENT ...] '|' PROGRAM [ARGUMENT ...]")
  exit(2)
}
exit(run(Array(parts[0]), Array(parts[1])))
