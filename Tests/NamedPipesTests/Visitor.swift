import Glibc
import IPCSystem
import TestSupport
import Testing

/// A process of another user; see `Tests/PipeVisitor`.
final class Visitor: Sendable {
  let runtime: String
  private let child: ChildProcess
  private let input: Int32
  private let output: Int32

  var pid: Int32 { child.pid }

  /// Starts it. That takes root.
  init(_ scratch: Scratch, uid: UInt32, groups: [UInt32] = []) throws {
    runtime = scratch.runtime.path + "-\(uid)-\(UInt32.random(in: .min ... .max))"
    let toChild = try Pipes.make(capacity: nil)
    let fromChild = try Pipes.make(capacity: nil)
    let others = groups.isEmpty ? "-" : groups.map(String.init).joined(separator: ",")
    var plan = ChildProcess.Plan(
      program: BuiltPrograms.directory + "/PipeVisitor",
      arguments: ["\(uid)", "\(uid)", others, runtime, scratch.runtime.sharedPath])
    plan.descriptors = [(0, toChild.readEnd.raw), (1, fromChild.writeEnd.raw), (2, 2)]
    child = try ChildProcess.start(plan)
    input = try toChild.writeEnd.duplicate().release()
    output = try fromChild.readEnd.duplicate().release()
  }

  deinit {
    close(input)
    close(output)
    child.signal(SIGKILL)
    _ = try? child.wait()
    Scratch.remove(runtime)
  }

  /// Kills it as `kill -9` does, and waits until it is gone.
  func kill() throws {
    child.signal(SIGKILL)
    _ = try child.wait()
  }

  /// Gives a command and waits for the answer.
  func ask(_ command: String) throws -> String {
    try tell(command)
    return try answer()
  }

  func tell(_ command: String) throws {
    let bytes = Array((command + "\n").utf8)
    try #require(write(input, bytes, bytes.count) == bytes.count)
  }

  func answer() throws -> String {
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while true {
      let count = read(output, &byte, 1)
      if count == -1 && errno == EINTR { continue }
      try #require(count == 1, "the visitor has ended")
      if byte == 10 { return String(decoding: line, as: UTF8.self) }
      line.append(byte)
    }
  }

  /// Waits until its one thread watches a name and sleeps.
  func waitUntilAsleep() throws {
    while true {
      let isWatching = DirectoryListing.names(in: "/proc/\(pid)/fd").contains { number in
        Self.target(of: "/proc/\(pid)/fd/\(number)").contains("inotify")
      }
      let isAsleep = kernelState(of: pid) == "S"
      if isWatching && isAsleep { return }
      sched_yield()
    }
  }

  /// Where a symbolic link leads.
  private static func target(of link: String) -> String {
    var bytes = [CChar](repeating: 0, count: 4096)
    let count = readlink(link, &bytes, bytes.count)
    return String(
      decoding: bytes.prefix(max(0, count)).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
