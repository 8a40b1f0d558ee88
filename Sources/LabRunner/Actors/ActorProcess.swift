internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// A process that the runner started to play a part: server, client, or a probe's agent.
///
/// It runs this same program with a hidden command, sees its control channel as descriptor 3 and
/// the descriptors of its endpoint from 10 on, and nothing else of the runner. Its standard error
/// goes to a memory file, so that it can neither block nor get lost.
final class ActorProcess: Sendable {
  /// The hidden command of the program that becomes an actor.
  static let command = "__actor"
  /// The control channel's number in the actor.
  static let controlDescriptor: Int32 = 3
  /// The number of the endpoint's first descriptor in the actor.
  static let firstEndpointDescriptor: Int32 = 10

  let process: ChildProcess
  let channel: ControlChannel
  private let standardError: Int32

  /// Starts an actor and gives it its task.
  ///
  /// - Parameters:
  ///   - executable: The ipclab program.
  ///   - task: What to do; its endpoint is renumbered for the child.
  ///   - group: The process group to join; 0 starts one.
  init(executable: String, task: ActorTask, group: Int32) throws {
    let pair = try LocalSocket.pair(.seqpacket)
    let log = try MemoryFile.make(name: "ipclab-stderr")
    var plan = ChildProcess.Plan(program: executable, arguments: [Self.command])
    let null = OwnedDescriptor(
      adopting: try checked("open(/dev/null)") { unsafe open("/dev/null", O_RDWR | O_CLOEXEC) })
    plan.descriptors = [(0, null.raw), (1, null.raw), (2, log.raw)]
    plan.descriptors.append((Self.controlDescriptor, pair.second.raw))
    var task = task
    for (index, parent) in task.endpoint.descriptors.enumerated() {
      let child = Self.firstEndpointDescriptor + Int32(index)
      plan.descriptors.append((child, parent))
      task.endpoint.descriptors[index] = child
    }
    plan.group = group
    process = try ChildProcess.start(plan)
    channel = ControlChannel(adopting: pair.first)
    standardError = log.release()
    _ = consume null
    pair.second.close()
    do { try channel.send(task) } catch {
      process.signal(SIGKILL)
      _ = try? process.wait()
      throw error
    }
  }

  deinit { _ = Glibc.close(standardError) }

  /// The last part of what the actor wrote to its standard error.
  func standardErrorTail(limit: Int = 2000) -> String {
    let size = Int(lseek(standardError, 0, SEEK_END))
    guard size > 0 else { return "" }
    var bytes = [UInt8](repeating: 0, count: min(size, limit))
    let count = unsafe bytes.withUnsafeMutableBytes {
      unsafe pread(standardError, $0.baseAddress, $0.count, size - $0.count)
    }
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }
}

/// What an actor is to do: the first message on its control channel.
struct ActorTask: Codable {
  /// The parts an actor can play.
  enum Part: String, Codable {
    case server, client, agent
  }
  var part: Part
  /// Id of the transport.
  var transport: String
  /// Where to listen or to connect.
  var endpoint: Endpoint
  /// Id of the scenario; empty for agents.
  var scenario = ""
  /// The trial's scratch directory; empty for agents.
  var scratch = ""
  /// Size, count and seed.
  var parameters = TrialParameters()
  /// Which client this is, from 0.
  var index = 0
  /// The processor to run on; `nil` leaves it to the scheduler.
  var processor: Int?
}
