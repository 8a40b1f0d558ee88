internal import Win32

/// What a handle's object is like at this moment, in words.
enum HandleState {
  /// The state of a handle. Asks only what no call changes.
  ///
  /// - Parameter busy: Who is in which call on the same object: then it is not asked, since calls
  ///   on one handle wait for each other.
  static func text(_ entry: Session.Entry, busy: String?) -> String {
    if !entry.isOpen { return "closed" }
    switch entry.sort {
    case .server, .client, .readEnd, .writeEnd:
      let title = [side(entry.sort), entry.title].compactMap(\.self).joined(separator: " of ")
      return title + ": " + (busy.map { "busy, \($0)" } ?? pipe(entry))
    case .file:
      let size = GetFileSize(entry.handle, nil)
      return ["file \(entry.title ?? "")", size == INVALID_FILE_SIZE ? nil : "\(size) bytes"]
        .compactMap(\.self).joined(separator: ", ")
    case .process:
      var code: DWORD = 0
      guard unsafe GetExitCodeProcess(entry.handle, &code) else { return "process" }
      return code == STILL_ACTIVE
        ? "process \(GetProcessId(entry.handle)), running" : "process, exit code \(code)"
    case .thread:
      var code: DWORD = 0
      guard unsafe GetExitCodeThread(entry.handle, &code) else { return "thread" }
      return code == STILL_ACTIVE
        ? "thread \(GetThreadId(entry.handle)), running" : "thread, exit code \(code)"
    case .event: return named("event", entry)
    case .mutex: return named("mutex", entry)
    case .semaphore: return named("semaphore", entry)
    case .mapping: return named("file mapping", entry)
    case .mailslot: return mailslot(entry)
    case .mailslotWriter: return "mailslot \(entry.title ?? ""), for writing"
    }
  }

  private static func named(_ kind: String, _ entry: Session.Entry) -> String {
    kind + (entry.title.map { " “\($0)”" } ?? "")
  }

  private static func mailslot(_ entry: Session.Entry) -> String {
    var (next, count): (DWORD, DWORD) = (0, 0)
    let title = "mailslot \(entry.title ?? "")"
    guard unsafe GetMailslotInfo(entry.handle, nil, &next, &count, nil) else { return title }
    if count == 0 { return title + ": no message" }
    return title + ": \(count) message\(count == 1 ? "" : "s"), the next of \(next) bytes"
  }

  private static func side(_ sort: Session.Sort) -> String {
    switch sort {
    case .server: "server end"
    case .client: "client end"
    case .readEnd: "read end of a pipe"
    default: "write end of a pipe"
    }
  }

  private static func pipe(_ entry: Session.Entry) -> String {
    var words: [String] = []
    var flags: DWORD = 0
    if unsafe GetNamedPipeInfo(entry.handle, &flags, nil, nil, nil) {
      words.append(flags & PIPE_TYPE_MESSAGE != 0 ? "message pipe" : "byte pipe")
    }
    var (mode, instances): (DWORD, DWORD) = (0, 0)
    if unsafe GetNamedPipeHandleState(entry.handle, &mode, &instances, nil, nil, nil, 0) {
      if flags & PIPE_TYPE_MESSAGE != 0 {
        words.append("reads " + (mode & PIPE_READMODE_MESSAGE != 0 ? "messages" : "bytes"))
      }
      if mode & PIPE_NOWAIT != 0 { words.append("does not wait") }
    }
    if let link = link(entry, isMessage: flags & PIPE_TYPE_MESSAGE != 0) { words.append(link) }
    if entry.sort == .server || entry.sort == .client {
      words.append("\(instances) instance\(instances == 1 ? "" : "s")")
    }
    return words.joined(separator: ", ")
  }

  /// Whether it is connected, and what there is to read.
  private static func link(_ entry: Session.Entry, isMessage: Bool) -> String? {
    if entry.sort == .writeEnd { return nil }
    var (available, left): (DWORD, DWORD) = (0, 0)
    if unsafe PeekNamedPipe(entry.handle, nil, 0, nil, &available, &left) {
      let connected = entry.sort == .readEnd ? "" : "connected, "
      if available == 0 && left == 0 { return connected + "nothing to read" }
      let first = isMessage ? ", \(left) of them in the first message" : ""
      return connected + "\(available) byte\(available == 1 ? "" : "s") to read" + first
    }
    switch GetLastError() {
    case ERROR_BROKEN_PIPE: return "the other end is closed"
    case ERROR_PIPE_NOT_CONNECTED: return "disconnected by the server"
    case ERROR_BAD_PIPE:
      // Reading nothing tells the two states apart and changes neither.
      var (nothing, count): (UInt8, DWORD) = (0, 0)
      _ = unsafe ReadFile(entry.handle, &nothing, 0, &count, nil)
      return GetLastError() == ERROR_PIPE_LISTENING ? "waits for a client" : "disconnected"
    default:
      // An end that is only written: whether there is a client is all that can be asked.
      var client: DWORD = 0
      guard entry.sort == .server else { return nil }
      return unsafe GetNamedPipeClientProcessId(entry.handle, &client) ? "connected" : nil
    }
  }
}
