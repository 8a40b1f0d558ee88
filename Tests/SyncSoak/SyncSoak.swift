import FileMappings
import Glibc
import IPCSystem
import SyncObjects

/// Readers and writers over one mapping, guarded by a mutex, a semaphore and an event, of which a
/// random one is killed again and again: `SyncSoak RUNTIME KILLS [SEED]`. `SyncSoak bench` measures a
/// mutex instead.
///
/// After each kill every other one must get on (nobody hangs). What the mutex guards is whole unless
/// the mutex was abandoned, and then that is told, once: who is killed is stopped before, so that it is
/// known whether it owned the mutex. At the end nothing is left behind.
/// Exits with 0 when all of that was so. The short form is run by the tests.
@main
struct SyncSoak {
  static func main() throws {
    let words = CommandLine.arguments
    if words.dropFirst() == ["bench"] { return try MutexBenchmark.run() }
    guard words.count >= 3 else {
      print(
        "usage: SyncSoak RUNTIME KILLS [SEED] | SyncSoak RUNTIME strays ROUNDS | SyncSoak bench")
      exit(2)
    }
    let runtime = try RuntimeDirectory(verifying: words[1])
    if words[2] == "member", words.count == 5, let slot = Int(words[3]), let seed = UInt64(words[4])
    {
      try ChildProcess.dieWithParent()
      var member = try Member(runtime, slot: slot, seed: seed)
      try member.run()
      exit(0)
    }
    if words[2] == "stray" {
      try ChildProcess.dieWithParent()
      return try StrayDeaths.victim(runtime)
    }
    if words[2] == "strays", words.count == 4, let rounds = Int(words[3]) {
      exit(try StrayDeaths.run(runtime, rounds: rounds) ? 0 : 1)
    }
    guard let kills = Int(words[2]) else { exit(2) }
    let seed = words.count > 3 ? UInt64(words[3]) ?? 0 : UInt64.random(in: 0...UInt64.max)
    var director = try Director(runtime, seed: seed)
    exit(try director.run(kills: kills) ? 0 : 1)
  }
}

/// A reproducible source of numbers.
struct Chance: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}

/// What all of them share.
struct Stage {
  static let members = 6
  static let (first, second, holder, told, broken, progress) = (0, 1, 2, 3, 4, 16)

  let mutex: OwnedMutex
  /// The director's for as long as the play lasts.
  let spare: OwnedMutex
  let items: CountingSemaphore
  let bell: Event
  let stop: Event
  let gate: Event
  let mapping: FileMapping
  let view: MappedView

  init(_ runtime: RuntimeDirectory) throws {
    mutex = try OwnedMutex.create(ObjectName("guard"), in: runtime).mutex
    spare = try OwnedMutex.create(ObjectName("spare"), in: runtime).mutex
    items = try CountingSemaphore.create(ObjectName("items"), count: 0, limit: 1000, in: runtime)
      .semaphore
    bell = try Event.create(ObjectName("bell"), .automatic, in: runtime).event
    stop = try Event.create(ObjectName("stop"), .manual, in: runtime).event
    gate = try Event.create(ObjectName("gate"), .manual, isSet: true, in: runtime).event
    mapping = try FileMapping.create(ObjectName("data"), size: 4096, .readWrite, in: runtime)
      .mapping
    view = try mapping.view(.readWrite)
  }

  func get(_ index: Int) -> Int {
    unsafe view.address.load(fromByteOffset: index * 8, as: Int.self)
  }

  func set(_ index: Int, _ value: Int) {
    unsafe view.address.storeBytes(of: value, toByteOffset: index * 8, as: Int.self)
  }

  func close() {
    mutex.close()
    spare.close()
    items.close()
    bell.close()
    stop.close()
    gate.close()
    mapping.close()
  }
}

/// A reader (even slots) or a writer (odd slots).
struct Member {
  let stage: Stage
  let slot: Int
  let own = OwnedMutex()
  var chance: Chance

  init(_ runtime: RuntimeDirectory, slot: Int, seed: UInt64) throws {
    stage = try Stage(runtime)
    self.slot = slot
    chance = Chance(state: seed)
  }

  mutating func run() throws {
    while !stage.stop.takeIfSignalled() {
      if slot % 2 == 0 {
        let outcome = Waiting.any(
          of: [stage.stop, stage.items, stage.bell], deadline: .never)
        if outcome == .taken(0) { break }
        guard enter() else { break }
      } else {
        guard enter() else { break }
        let value = stage.get(Stage.first) + 1
        stage.set(Stage.first, value)
        if chance.next() % 16 == 0 { sched_yield() }
        stage.set(Stage.second, value)
      }
      stage.set(Stage.progress + slot, stage.get(Stage.progress + slot) + 1)
      stage.set(Stage.holder, 0)
      try stage.mutex.unlock()
      if slot % 2 == 1 {
        _ = try? stage.items.release()
        if chance.next() % 4 == 0 { stage.bell.set() }
      }
    }
    stage.close()
  }

  /// Takes the mutex in one of five ways, and checks what it guards; false at the end.
  private mutating func enter() -> Bool {
    var isAbandoned = false
    switch chance.next() % 5 {
    case 0: isAbandoned = stage.mutex.lock() == .abandoned
    case 1:
      switch Waiting.any(of: [stage.stop, stage.mutex], deadline: .never) {
      case .taken(0): return false
      case .abandoned: isAbandoned = true
      default: break
      }
    case 2:
      switch Waiting.any(of: [stage.stop, stage.spare, stage.mutex], deadline: .never) {
      case .taken(0): return false
      case .abandoned: isAbandoned = true
      default: break
      }
    case 3:
      if case .abandonedAll = Waiting.all(of: [stage.gate, stage.mutex], deadline: .never) {
        isAbandoned = true
      }
    default:
      if case .abandonedAll = Waiting.all(of: [own, stage.gate, stage.mutex], deadline: .never) {
        isAbandoned = true
      }
      try? own.unlock()
    }
    if isAbandoned { stage.set(Stage.told, stage.get(Stage.told) + 1) }
    let isWhole = stage.get(Stage.first) == stage.get(Stage.second)
    if (!isWhole || stage.get(Stage.holder) != 0) && !isAbandoned {
      stage.set(Stage.broken, stage.get(Stage.broken) + 1)
    }
    stage.set(Stage.second, stage.get(Stage.first))
    stage.set(Stage.holder, slot + 1)
    return true
  }
}

/// Starts them, kills them, and looks.
struct Director {
  let runtime: RuntimeDirectory
  let stage: Stage
  var chance: Chance

  init(_ runtime: RuntimeDirectory, seed: UInt64) throws {
    print("seed \(seed)")
    self.runtime = runtime
    stage = try Stage(runtime)
    chance = Chance(state: seed)
  }

  private mutating func start(_ slot: Int) throws -> ChildProcess {
    var plan = ChildProcess.Plan(
      program: "/proc/self/exe",
      arguments: [runtime.path, "member", "\(slot)", "\(chance.next())"])
    plan.descriptors = [(2, 2)]
    return try ChildProcess.start(plan)
  }

  /// Stops a process and waits until it does nothing any more.
  private func stop(_ process: ChildProcess) throws {
    process.signal(SIGSTOP)
    // `T` behind the program's name, in parentheses: see proc_pid_stat(5).
    while try process.poll() == nil {
      let text = SmallFile.read("/proc/\(process.pid)/stat") ?? ""
      if text.split(separator: ")").last?.hasPrefix(" T") == true { return }
      sched_yield()
    }
  }

  mutating func run(kills: Int) throws -> Bool {
    _ = stage.spare.lock()
    var members: [ChildProcess] = []
    var owners = 0
    for slot in 0..<Stage.members { members.append(try start(slot)) }
    var problem: String?
    for kill in 0..<kills where problem == nil {
      problem = waitForProgress("before kill \(kill)", of: members)
      stage.gate.clear()
      usleep(UInt32.random(in: 0...1000, using: &chance))
      stage.gate.set()
      usleep(UInt32.random(in: 0...2000, using: &chance))
      let victim = Int.random(in: 0..<Stage.members, using: &chance)
      try stop(members[victim])
      if stage.mutex.owner == members[victim].pid { owners += 1 }
      members[victim].signal(SIGKILL)
      _ = try members[victim].wait()
      // The others must get on before a new one comes and wakes them.
      if problem == nil {
        problem = waitForProgress("after kill \(kill)", of: members, except: victim)
      }
      members[victim] = try start(victim)
    }
    if problem == nil { problem = waitForProgress("at the end", of: members) }
    stage.stop.set()
    for slot in 0..<Stage.members {
      var patience = Patience(.seconds(20))
      while try members[slot].poll() == nil {
        if patience.isOver() {
          problem = problem ?? "member \(slot) does not leave"
          members[slot].signal(SIGKILL)
        }
        usleep(500)
      }
    }
    let (told, broken) = (stage.get(Stage.told), stage.get(Stage.broken))
    if broken != 0 { problem = problem ?? "\(broken) times something was half done untold" }
    if told != owners {
      problem = problem ?? "\(owners) owners were killed, and that was told \(told) times"
    }
    print(
      "\(kills) kills, \(owners) of owners, abandoned \(told) times, \(stage.get(Stage.first)) writes"
    )
    try stage.spare.unlock()
    stage.close()
    let left = DirectoryListing.names(in: runtime.path + "/objects")
    if !left.isEmpty { problem = problem ?? "left behind: \(left)" }
    if let problem { print("FAILED: \(problem)") }
    return problem == nil
  }

  /// Waits until everybody has got on; tells who has not.
  private func waitForProgress(
    _ when: String, of members: [ChildProcess], except: Int? = nil
  ) -> String? {
    let before = (0..<Stage.members).map { stage.get(Stage.progress + $0) }
    var patience = Patience(.seconds(20))
    for slot in 0..<Stage.members where slot != except {
      while stage.get(Stage.progress + slot) == before[slot] {
        if patience.isOver() {
          let word = stage.mutex.owner.map { "owned by \($0)" } ?? "free"
          return "\(when): member \(slot) hangs (mutex \(word), items \(stage.items.count), "
            + "\(Self.whereabouts(of: members[slot].pid)))"
        }
        usleep(100)
      }
    }
    return nil
  }

  /// Where a process is, as the kernel tells.
  private static func whereabouts(of pid: Int32) -> String {
    ["stat", "wchan", "syscall"].map { name in
      guard let file = unsafe fopen("/proc/\(pid)/\(name)", "r") else { return "no \(name)" }
      defer { unsafe fclose(file) }
      var line = [CChar](repeating: 0, count: 200)
      unsafe fgets(&line, 199, file)
      return String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map(UInt8.init), as: UTF8.self)
    }.joined(separator: "; ")
  }
}
