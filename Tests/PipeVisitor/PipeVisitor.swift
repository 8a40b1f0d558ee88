import Glibc
import IPCSystem
import IPCTransport
import NamedPipes

/// A process of another user, for the tests of access control: `PipeVisitor UID GID GROUPS RUNTIME
/// SHARED`, with GROUPS separated by commas or `-`.
///
/// It becomes that user, and then answers commands from standard input with a line each on standard
/// output, until the input ends.
@main
struct PipeVisitor {
  private let runtime: RuntimeDirectory
  private var client: NamedPipeClient?
  private var instance: NamedPipeInstance?

  static func main() throws {
    let words = CommandLine.arguments
    guard words.count == 6, let user = UInt32(words[1]), let group = UInt32(words[2]) else {
      exit(2)
    }
    let groups = words[3].split(separator: ",").compactMap { UInt32($0) }
    guard unsafe setgroups(groups.count, groups) == 0, setgid(group) == 0, setuid(user) == 0 else {
      exit(3)
    }
    // Only now: to become another user undoes it.
    try ChildProcess.dieWithParent()
    var visitor = PipeVisitor(
      runtime: try RuntimeDirectory(verifying: words[4], shared: words[5]))
    while let line = readLine() {
      let words = line.split(separator: " ").map(String.init)
      var answer: String
      do { answer = try visitor.obey(words[0], Array(words.dropFirst())) } catch {
        answer = (error as? TransportError).map { "error \($0.code.rawValue)" } ?? "\(error)"
      }
      answer += "\n"
      let bytes = Array(answer.utf8)
      _ = unsafe write(1, bytes, bytes.count)
    }
  }

  private init(runtime: RuntimeDirectory) { self.runtime = runtime }

  private struct Misuse: Error {}

  private mutating func obey(_ command: String, _ words: [String]) throws -> String {
    switch command {
    case "connect":
      client?.close()
      let before = ResourceUsage.current()
      let client = try NamedPipeClient(
        try PipeName(words[0]), in: runtime, deadline: deadline(words[1]),
        serverUser: words.count > 2 ? UInt32(words[2]) : nil)
      self.client = client
      return
        "connected \(identity(client.peer)) \(ResourceUsage.current().since(before).voluntarySwitches)"
    case "wait":
      try NamedPipes.waitForInstance(
        of: try PipeName(words[0]), in: runtime, deadline: deadline(words[1]))
      return "free"
    case "serve":
      var options = NamedPipes.Options(kind: .message)
      options.access = access(words[1])
      instance = try NamedPipeInstance(try PipeName(words[0]), in: runtime, options: options)
      return "serving"
    case "accept":
      do { try end(instance).waitForClient(deadline: .never) } catch {
        guard (error as? TransportError)?.code == .alreadyConnected else { throw error }
      }
      return "accepted \(identity(instance?.peer))"
    case "write":
      _ = try end().write(Array(words[0].utf8).span, deadline: .never)
      return "written"
    case "read":
      let bytes = try [UInt8](capacity: 4096) { (buffer) throws(TransportError) in
        do { _ = try end().read(into: &buffer, deadline: .never) } catch {
          throw error as? TransportError ?? TransportError(.invalidState, "read")
        }
      }
      return "data " + String(decoding: bytes, as: UTF8.self)
    case "count": return "\(try end().instanceCount)"
    case "disconnect":
      try end(instance).disconnect()
      return "disconnected"
    case "close":
      client?.close()
      client = nil
      instance?.close()
      instance = nil
      return "closed"
    // Makes a directory that others may write to.
    case "mkdir":
      return unsafe mkdir(words[0], 0o777) == 0 && chmod(words[0], 0o777) == 0 ? "made" : "failed"
    default: throw Misuse()
    }
  }

  private func end() throws -> any NamedPipeEnd {
    if let client { return client }
    return try end(instance)
  }

  private func end<End>(_ end: End?) throws -> End {
    guard let end else { throw Misuse() }
    return end
  }

  private func identity(_ peer: PeerIdentity?) -> String {
    peer.map { "\($0.pid) \($0.uid)" } ?? "unknown"
  }

  private func deadline(_ word: String) -> Deadline {
    switch word {
    case "never": .never
    case "now": .immediate
    default: .after(.milliseconds(Int64(word) ?? 0))
    }
  }

  private func access(_ word: String) -> NamedPipes.AccessControl {
    let numbers = word.split(separator: ",").compactMap { UInt32($0) }
    return switch word.first {
    case "s": .sameUser
    case "e": .everyone
    case "g": .group(UInt32(word.dropFirst()) ?? 0)
    default: .users(numbers)
    }
  }
}
