internal import Glibc
internal import IPCSystem
internal import Win32

/// The small programs that `SpawnChild` starts: a hidden command of the program itself.
public enum ConsoleChild {
  /// The hidden command.
  public static let command = "console-child"

  enum Kind: Hashable {
    case cat
    case echo(String)
    case exit(UInt32)
    case sleep

    /// `cat`, `echo:TEXT`, `exit:N` or `sleep`.
    init?(_ text: String) {
      let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      switch (parts[0], parts.count > 1 ? String(parts[1]) : nil) {
      case ("cat", nil): self = .cat
      case ("sleep", nil): self = .sleep
      case ("echo", let words?): self = .echo(words)
      case ("exit", let code?):
        guard let code = UInt32(code) else { return nil }
        self = .exit(code)
      default: return nil
      }
    }
  }

  /// The exit code of `cat` at the end of its input: `ERROR_BROKEN_PIPE`, which ends the loop of a
  /// Win32 program that copies a pipe.
  static let endOfInput: Int32 = 109

  /// Plays the child and returns its exit code.
  ///
  /// - Parameter words: The process id of the console, and the kind.
  public static func main(_ words: [String]) -> Int32 {
    guard words.count == 2, let console = Int32(words[0]), let kind = Kind(words[1]) else {
      StandardError.write("usage: ipclab \(command) PID cat|echo:TEXT|exit:N|sleep\n")
      return 2
    }
    BrokenPipes.ignore()
    endWith(console)
    switch kind {
    case .exit(let code): ExitProcess(code)
    case .echo(let text):
      _ = write(Array(text.utf8))
      return 0
    case .sleep:
      while true { pause() }
    case .cat:
      while let bytes = read() {
        guard write(bytes.map { (97...122).contains($0) ? $0 - 32 : $0 }) else { break }
      }
      return endOfInput
    }
  }

  /// Nobody is left to end a child whose console was killed.
  private static func endWith(_ console: Int32) {
    guard let pidfd = try? Processes.openPidfd(console) else { _exit(1) }
    let raw = pidfd.release()
    _ = try? PeerWatcher.shared.watch(raw, pidfd: true) { _exit(1) }
  }

  private static func read() -> [UInt8]? {
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 65536) { memory, count in
      var result = unsafe Glibc.read(0, memory.baseAddress, memory.count)
      while result == -1 && errno == EINTR {
        result = unsafe Glibc.read(0, memory.baseAddress, memory.count)
      }
      count = max(0, result)
    }
    return bytes.isEmpty ? nil : bytes
  }

  private static func write(_ bytes: [UInt8]) -> Bool { OutputBytes.write(bytes, to: 1) }
}
