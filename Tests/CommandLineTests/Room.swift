import Foundation
import IPCSystem
import LabRunner
import TestSupport
import Testing

/// A place for the processes of one test: a runtime directory, a working directory, and a shared one.
final class Room: Sendable {
  private let scratch: Scratch
  var path: String { scratch.path }
  var runtime: String { path + "/r" }
  var shared: String { path + "/s" }

  init() throws {
    scratch = try Scratch()
  }

  /// Starts this project's program.
  func ipclab(_ words: String..., inherit: [(child: Int32, parent: Int32)] = []) throws -> Actor {
    try Actor(self, try LabExecutable.find(), words, inherit)
  }

  /// Starts another program. One that is missing fails the test: nothing is skipped in silence.
  func tool(_ name: String, _ words: String...) throws -> Actor {
    let packages = ["nc": "netcat-openbsd"]
    let places = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")
      .split(separator: ":").map { $0 + "/" + name }
    let found = places.first { FileManager.default.isExecutableFile(atPath: String($0)) }
    let program = try #require(
      found.map { String($0) },
      "this test needs \(name): apt-get install \(packages[name] ?? name) (.ci/run does)")
    return try Actor(self, program, words, [])
  }

  /// Runs this project's program without input.
  func run(_ words: String...) throws -> (
    status: IPCSystem.ExitStatus, output: String, messages: String
  ) {
    let actor = try Actor(self, try LabExecutable.find(), words, [])
    actor.endInput()
    return try actor.finish()
  }

  /// What is left in the runtime directory, but for directories and the lock of runs.
  func leftovers() -> [String] {
    let all = FileManager.default.subpaths(atPath: runtime) ?? []
    return all.filter { name in
      var isDirectory: ObjCBool = false
      let there = FileManager.default.fileExists(
        atPath: runtime + "/" + name, isDirectory: &isDirectory)
      return !(there && isDirectory.boolValue) && name != "run/.lock"
    }
  }
}

/// A process with pipes at its standard input, output and error.
final class Actor {
  private let child: ChildProcess
  private var input: Int32
  private let output: Reader
  private let messages: Reader
  private var hasEnded = false

  var pid: Int32 { child.pid }

  init(
    _ room: Room, _ program: String, _ words: [String],
    _ inherit: [(child: Int32, parent: Int32)]
  ) throws {
    // To write to a program that has ended must not end this one.
    BrokenPipes.ignore()
    let stdin = try Pipes.make(capacity: nil)
    let stdout = try Pipes.make(capacity: nil)
    let stderr = try Pipes.make(capacity: nil)
    var plan = ChildProcess.Plan(program: program, arguments: words)
    let hidden: Set = ["NO_COLOR", "IPCLAB_RUNTIME_DIR", "IPCLAB_SHARED_DIR"]
    plan.environment =
      ProcessInfo.processInfo.environment.filter { !hidden.contains($0.key) }
      .map { "\($0.key)=\($0.value)" }
      + ["IPCLAB_RUNTIME_DIR=\(room.runtime)", "IPCLAB_SHARED_DIR=\(room.shared)"]
    plan.directory = room.path
    plan.descriptors =
      [(0, stdin.readEnd.raw), (1, stdout.writeEnd.raw), (2, stderr.writeEnd.raw)] + inherit
    child = try ChildProcess.start(plan)
    input = stdin.writeEnd.release()
    output = Reader(stdout.readEnd.release())
    messages = Reader(stderr.readEnd.release())
  }

  deinit {
    endInput()
    if !hasEnded {
      child.signal(SIGKILL)
      _ = try? child.wait()
    }
  }

  func type(_ text: String) throws { try type(Array(text.utf8)) }

  func type(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(input, $0.baseAddress, $0.count) }
      if count == -1 && errno == EINTR { continue }
      // Thrown rather than recorded, so that it counts for the test also on a thread of its own.
      if count == -1 { throw SystemError(code: errno, call: "write to process \(pid)") }
      rest = rest.dropFirst(count)
    }
  }

  func endInput() {
    if input != -1 { close(input) }
    input = -1
  }

  func signal(_ number: Int32) { child.signal(number) }

  /// The next line of output; `nil` at its end.
  func line() -> String? { output.line() }

  /// Waits until a message holds `text`; false when they end before.
  @discardableResult
  func says(_ text: String) -> Bool {
    while let line = messages.line() { if line.contains(text) { return true } }
    return false
  }

  /// Waits until output holds `text`.
  @discardableResult
  func prints(_ text: String) -> Bool {
    while let line = output.line() { if line.contains(text) { return true } }
    return false
  }

  /// Waits until there are so many bytes of output, or it ends; they can still be read.
  func awaitOutput(_ count: Int) { output.await(count) }

  /// Waits for the end; what has not been read of output and messages.
  func finish() throws -> (status: IPCSystem.ExitStatus, output: String, messages: String) {
    let (status, bytes, messages) = try finishBytes()
    return (status, String(decoding: bytes, as: UTF8.self), messages)
  }

  func finishBytes() throws -> (status: IPCSystem.ExitStatus, output: [UInt8], messages: String) {
    let rest = output.all()
    let said = String(decoding: messages.all(), as: UTF8.self)
    let status = try child.wait().status
    hasEnded = true
    return (status, rest, said)
  }

  /// Waits for the end.
  @discardableResult
  func status() throws -> IPCSystem.ExitStatus { try finish().status }

  /// Reads a pipe by lines. What it has read is kept when the other end has gone.
  private final class Reader {
    private let descriptor: Int32
    private var bytes: [UInt8] = []
    private var start = 0

    init(_ descriptor: Int32) { self.descriptor = descriptor }
    deinit { close(descriptor) }

    func line() -> String? {
      while true {
        if let end = bytes[start...].firstIndex(of: 10) {
          defer { start = end + 1 }
          return String(decoding: bytes[start..<end], as: UTF8.self)
        }
        if !more() {
          if start == bytes.count { return nil }
          defer { start = bytes.count }
          return String(decoding: bytes[start...], as: UTF8.self)
        }
      }
    }

    func await(_ count: Int) { while bytes.count - start < count && more() {} }

    func all() -> [UInt8] {
      while more() {}
      defer { start = bytes.count }
      return Array(bytes[start...])
    }

    private func more() -> Bool {
      var piece = [UInt8](repeating: 0, count: 65536)
      while true {
        let count = read(descriptor, &piece, piece.count)
        if count == -1 && errno == EINTR { continue }
        if count <= 0 { return false }
        bytes += piece.prefix(count)
        return true
      }
    }
  }
}

/// Where this project's program is.
enum LabProgram {
  static func path() throws -> String { try LabExecutable.find() }
}

/// A value that is handed to another thread and that only one uses at a time, or each a part of.
struct Unshared<Value>: @unchecked Sendable {
  // Sendable: the tests see to it; see above.
  let value: Value
  init(_ value: Value) { self.value = value }
}
