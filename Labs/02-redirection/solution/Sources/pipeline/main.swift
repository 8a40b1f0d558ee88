import Glibc
import Win32

/// Starts a program with its standard input and output at these handles; its standard error is ours.
///
/// - Returns: The process; `nil` when it could not be started, which has then been said.
func start(_ words: [String], input: HANDLE, output: HANDLE) -> HANDLE? {
  var startup = STARTUPINFO()
  startup.dwFlags = STARTF_USESTDHANDLES
  startup.hStdInput = input
  startup.hStdOutput = output
  startup.hStdError = GetStdHandle(STD_ERROR_HANDLE)
  var process = PROCESS_INFORMATION()
  let isStarted = CreateProcess(
    nil, commandLine(words), nil, nil, TRUE, 0, nil, nil, &startup, &process)
  if !isStarted {
    complain("pipeline: cannot start \(words[0]): \(lastError())")
    return nil
  }
  CloseHandle(process.hThread)
  return process.hProcess
}

func run(_ first: [String], _ second: [String]) -> Int32 {
  var hRead: HANDLE = nil
  var hWrite: HANDLE = nil
  if !CreatePipe(&hRead, &hWrite, nil, 0) {
    complain("pipeline: cannot create a pipe: \(lastError())")
    return 1
  }

  // Each child inherits one end only. A child that also had the other end would keep the pipe alive
  // after everybody else has let go of it.
  SetHandleInformation(hWrite, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT)
  let writer = start(first, input: GetStdHandle(STD_INPUT_HANDLE), output: hWrite)
  CloseHandle(hWrite)
  guard let writer else { return 1 }

  SetHandleInformation(hRead, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT)
  let reader = start(second, input: hRead, output: GetStdHandle(STD_OUTPUT_HANDLE))
  CloseHandle(hRead)

  // Both run now. Only when both have been started may anybody be waited for.
  var status: DWORD = 1
  if let reader {
    WaitForSingleObject(reader, INFINITE)
    GetExitCodeProcess(reader, &status)
    CloseHandle(reader)
  }
  WaitForSingleObject(writer, INFINITE)
  CloseHandle(writer)
  return Int32(status)
}

let words = Array(CommandLine.arguments.dropFirst())
let parts = words.split(separator: "|", omittingEmptySubsequences: false)
guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
  complain("usage: pipeline PROGRAM [ARGUMENT ...] '|' PROGRAM [ARGUMENT ...]")
  exit(2)
}
exit(run(Array(parts[0]), Array(parts[1])))
