internal import FoundationEssentials
internal import IPCSystem
internal import IPCTransport
internal import Mailslots
internal import NamedPipes
internal import SyncObjects

/// `ipclab objects`: what is alive, and what crashed processes left.
enum ObjectsCommand {
  static let command = Command(
    name: "objects", summary: "List what is alive, and remove what crashed processes left",
    help: #"""
      Usage: ipclab objects [--json] [--clean]

      Lists what this user's processes have in the runtime directory: named pipes with their
      instances and clients, mailslots with the messages that wait in them, file mappings, mutexes,
      semaphores, events, and the sockets, FIFOs and ports of `ipclab listen` and of runs; and the
      pipes that other users share. Each with the process that owns it.

        --json    the same as one JSON object
        --clean   remove what processes that have ended left behind, and say what. What is alive, and
                  files that ipclab has not made, are never touched.

      Examples:
        ipclab objects
        ipclab objects --clean
        ipclab objects --json | jq '.pipes[].name'

      Exit codes:
        0    done, also when there is nothing
        2    usage
        3    the runtime directory cannot be used

      """#,
    run: run)

  static func run(_ words: [String]) throws -> Int32 {
    let arguments = try Arguments(words, flags: ["--json", "--clean"])
    if let word = arguments.operands.first { throw UsageError("takes no “\(word)”") }
    let runtime = try Workplace.openRuntime()
    let removed = arguments.has("--clean") ? ObjectCensus.clean(runtime) : nil
    let census = ObjectCensus(runtime, removed: removed)
    if arguments.has("--json") {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      Output.data(String(decoding: try encoder.encode(census), as: UTF8.self) + "\n")
    } else {
      Output.data(census.text)
    }
    return Exit.done
  }
}

/// Everything that is there.
struct ObjectCensus: Encodable {
  let runtimeDirectory: String
  let sharedDirectory: String
  var pipes: [SurveyedPipe] = []
  var mailslots: [SurveyedMailslot] = []
  var mappings: [Mapping] = []
  var mutexes: [Mutex] = []
  var semaphores: [Semaphore] = []
  var events: [Event] = []
  /// Whose memory does not hold what it must.
  var damaged: [Named] = []
  var transports: [ServiceNames.Service] = []
  var runs: [Run] = []
  var leftBehind: [SurveyedPath] = []
  var foreign: [SurveyedPath] = []
  /// What `--clean` removed; `nil` without it.
  let removed: [SurveyedPath]?

  struct Mapping: Encodable {
    let name: String
    let size: Int
    let protection: String
    let file: String?
    let owners: [ProcessFacts]
  }

  struct Mutex: Encodable {
    let name: String
    let state: String
    let thread: Int32?
    let holder: ProcessFacts?
    let owners: [ProcessFacts]
  }

  struct Semaphore: Encodable {
    let name: String
    let count: Int32
    let limit: Int32
    let owners: [ProcessFacts]
  }

  struct Event: Encodable {
    let name: String
    let isSet: Bool
    let reset: String
    let owners: [ProcessFacts]
  }

  struct Named: Encodable {
    let name: String
    let owners: [ProcessFacts]
  }

  struct Run: Encodable {
    let path: String
    let owner: ProcessFacts
    let names: [String]
  }

  private static let rooms: Set<String> = ["mailslots", "objects", "services", "run"]

  /// Looks at everything; changes nothing.
  init(_ runtime: RuntimeDirectory, removed: [SurveyedPath]?) {
    runtimeDirectory = runtime.path
    sharedDirectory = runtime.sharedPath
    self.removed = removed
    look(at: runtime)
    let (services, unknown) = ServiceNames(in: runtime).survey()
    transports = services
    foreign += unknown
    leftBehind += ServiceNames(in: runtime).remains()
    let (found, strangers) = ScratchDirectory.survey(below: runtime)
    foreign += strangers
    for run in found {
      guard run.isAlive else {
        leftBehind.append(Self.ended(run.path, run.pid))
        continue
      }
      if let inside = try? RuntimeDirectory(verifying: run.path, shared: run.path + "/shared") {
        look(at: inside)
      }
      runs.append(
        Run(
          path: run.path, owner: ProcessFacts(of: run.pid),
          names: DirectoryListing.names(in: run.path).sorted().compactMap(Self.transportName)))
    }
    for name in DirectoryListing.names(in: runtime.path).sorted()
    where !Self.rooms.contains(name) && !NamedPipes.isPlace(name) {
      foreign.append(SurveyedPath(path: runtime.path + "/" + name, what: "not made by ipclab"))
    }
    // In the directory for all users, what is a name of no kind is found once for each.
    foreign = Array(Set(foreign)).sorted { $0.path < $1.path }
  }

  /// Removes what ended processes have left, and says what.
  static func clean(_ runtime: RuntimeDirectory) -> [SurveyedPath] {
    var removed = NamedPipes.clean(runtime) + Mailslots.clean(runtime)
    removed += ObjectSurvey.clean(runtime) + ServiceNames(in: runtime).clean()
    let runs = ScratchDirectory.survey(below: runtime).runs
    for path in (try? ScratchDirectory.sweep(below: runtime)) ?? [] {
      removed.append(ended(path, runs.first { $0.path == path }?.pid ?? 0))
    }
    return removed
  }

  private static func ended(_ path: String, _ pid: Int32) -> SurveyedPath {
    SurveyedPath(
      path: path,
      what: "the names of a run" + (pid > 0 ? " of process \(pid)" : "") + ", which has ended")
  }

  /// What a file of a run's directory is the name of.
  private static func transportName(_ file: String) -> String? {
    let kinds = [
      ("s-", "socket"), ("ring-", "shared memory"), ("fifo-", "FIFO"),
      ("q-", "message queue (meeting place)"), ("mq%", "message queue"),
    ]
    return kinds.first { file.hasPrefix($0.0) }.map { "\($0.1) \(file)" }
  }

  private mutating func look(at runtime: RuntimeDirectory) {
    let (pipes, strangePipes) = NamedPipes.survey(runtime)
    let (mailslots, strangeMailslots) = Mailslots.survey(runtime)
    let (objects, strangeObjects) = ObjectSurvey.objects(runtime)
    self.pipes += pipes
    self.mailslots += mailslots
    foreign += strangePipes + strangeMailslots + strangeObjects
    leftBehind += NamedPipes.remains(runtime) + Mailslots.remains(runtime)
    leftBehind += ObjectSurvey.remains(runtime)
    for object in objects { add(object) }
  }

  private mutating func add(_ object: SurveyedObject) {
    let name = object.name ?? "?"
    let owners = object.owners
    func mutex(_ state: String, _ thread: Int32? = nil, _ process: Int32? = nil) -> Mutex {
      Mutex(
        name: name, state: state, thread: thread, holder: process.map { ProcessFacts(of: $0) },
        owners: owners)
    }
    switch object.state {
    case .freeMutex: mutexes.append(mutex("free"))
    case .abandonedMutex: mutexes.append(mutex("abandoned"))
    case .ownedMutex(let thread, let process): mutexes.append(mutex("owned", thread, process))
    case .semaphore(let count, let limit):
      semaphores.append(Semaphore(name: name, count: count, limit: limit, owners: owners))
    case .event(let isSet, let reset):
      events.append(Event(name: name, isSet: isSet, reset: reset, owners: owners))
    case .mapping(let size, let protection, let file):
      mappings.append(
        Mapping(name: name, size: size, protection: protection, file: file, owners: owners))
    case .damaged: damaged.append(Named(name: name, owners: owners))
    }
  }
}
