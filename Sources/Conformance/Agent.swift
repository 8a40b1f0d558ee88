internal import FoundationEssentials
internal import Glibc
public import IPCSystem

/// Something that takes a line of the step protocol and answers it.
public protocol Agent: AnyObject {
  /// Sends a line and waits for the answer.
  ///
  /// - Throws: ``AgentError`` when none comes, or nonsense.
  func ask(_ line: String, deadline: Deadline) throws -> [String: Scalar]

  /// Ends the agent's input and waits until it has left.
  ///
  /// - Returns: How it ended; `nil` when it did not leave in time and was killed.
  func finish(deadline: Deadline) throws -> ExitStatus?
}

/// An agent that does not do its part.
public struct AgentError: Error, CustomStringConvertible {
  /// What it did or failed to do.
  public let description: String
  init(_ description: String) { self.description = description }
}

/// An agent that is a process of its own, such as `ipclab console --protocol json`.
public final class AgentProcess: Agent {
  private let child: ChildProcess
  private let output: OwnedDescriptor
  private var input: OwnedDescriptor?
  private var buffer: [UInt8] = []
  private var hasEnded = false

  /// Starts the process and waits until it says that it is ready.
  ///
  /// - Parameters:
  ///   - command: The program and its arguments.
  ///   - runtime: The runtime directory that it is to use.
  public init(command: [String], runtime: String, deadline: Deadline) throws {
    BrokenPipes.ignore()  // an agent that has ended is told by its answer
    do {
      let toAgent = try Pipes.make(capacity: nil)
      let fromAgent = try Pipes.make(capacity: nil)
      var plan = ChildProcess.Plan(program: command[0], arguments: Array(command.dropFirst()))
      plan.environment =
        ProcessInfo.processInfo.environment.filter { $0.key != "IPCLAB_RUNTIME_DIR" }
        .map { "\($0.key)=\($0.value)" } + ["IPCLAB_RUNTIME_DIR=\(runtime)"]
      plan.descriptors = [(0, toAgent.readEnd.raw), (1, fromAgent.writeEnd.raw), (2, 2)]
      child = try ChildProcess.start(plan)
      input = try toAgent.writeEnd.duplicate()
      output = try fromAgent.readEnd.duplicate()
    }  // the agent alone has its ends now: when it ends, that is seen here
    let first = try answer(deadline: deadline)
    guard first["status"] == .text("ready") else {
      throw AgentError("the agent's first line is not {\"status\":\"ready\"}")
    }
  }

  /// The process.
  public var pid: Int32 { child.pid }

  deinit { if !hasEnded { kill() } }

  /// Sends a line and waits for the answer.
  public func ask(_ line: String, deadline: Deadline) throws -> [String: Scalar] {
    guard let input = input?.raw else { throw AgentError("the agent has left") }
    var rest = Array((line + "\n").utf8)[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe write(input, $0.baseAddress, $0.count)
      }
      if count < 0 && errno != EINTR { throw AgentError("the agent does not take lines any more") }
      rest = rest.dropFirst(max(0, count))
    }
    return try answer(deadline: deadline)
  }

  /// Closes the standard input of the process and waits until it has left.
  public func finish(deadline: Deadline) throws -> ExitStatus? {
    input = nil
    let pidfd = try child.openPidfd()
    var request = pollfd(fd: pidfd.raw, events: Int16(POLLIN), revents: 0)
    while true {
      let result = unsafe poll(&request, 1, deadline.pollMilliseconds)
      if result > 0 { break }
      if result == 0 {
        kill()
        return nil
      }
    }
    hasEnded = true
    return try child.wait().status
  }

  private func kill() {
    child.signal(SIGKILL)
    _ = try? child.wait()
    hasEnded = true
  }

  private func answer(deadline: Deadline) throws -> [String: Scalar] {
    while true {
      if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
        let line = buffer[..<end]
        buffer.removeFirst(end + 1)
        do { return try JSONDecoder().decode([String: Scalar].self, from: Data(line)) } catch {
          throw AgentError("the agent answers nonsense: \(String(decoding: line, as: UTF8.self))")
        }
      }
      var request = pollfd(fd: output.raw, events: Int16(POLLIN), revents: 0)
      let result = unsafe poll(&request, 1, deadline.pollMilliseconds)
      if result == 0 { throw AgentError("the agent does not answer") }
      if result < 0 { continue }
      let descriptor = output.raw
      let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 65536) { memory, count in
        count = max(0, unsafe read(descriptor, memory.baseAddress, memory.count))
      }
      if bytes.isEmpty { throw AgentError("the agent has ended") }
      buffer += bytes
    }
  }
}
