internal import Glibc
internal import IPCSystem
internal import ReadersWriters
internal import SyncObjects

/// `ipclab readers-writers`: processes that share a record, with a guard and without.
enum ReadersWritersCommand {
  static let command = Command(
    name: "readers-writers", summary: "Watch processes share memory, with a guard and without",
    help: """
      Usage: ipclab readers-writers [--readers N] [--writers N] [--guard KIND | --no-guard]
                                    [--seconds N] [--size BYTES]

      Starts reader and writer processes over one named file mapping. Writers put a record with a
      sequence number and a checksum into it, as fast as they can; readers copy it out and check it.
      At the end it says whether anybody saw a torn record. The program is Sources/ReadersWriters.

        --readers N      reader processes (3)
        --writers N      writer processes (2)
        --guard KIND     mutex (default): one at a time
                         semaphore: readers together, a writer alone, by three semaphores
                         event: the same, by a mutex and an event
        --no-guard       nobody waits for anybody: this is what the guard is for
        --seconds N      how long, up to 3600 (3)
        --size BYTES     size of the record, such as 64, 4K (default), 1M

      Try kill -9 with the process number of a reader or writer while it runs: a mutex tells the
      next one that it was abandoned, a semaphore stays taken. `ipclab run --scenarios
      readers-writers` measures it.

      Examples:
        ipclab readers-writers
        ipclab readers-writers --no-guard
        ipclab readers-writers --guard semaphore --readers 8 --writers 1 --seconds 10

      Exit codes: 0 done, 1 a torn record in spite of the guard, a wrong count or nobody left who can
      go on, 2 usage, 3 environment, 130 interrupted.

      """,
    run: run)

  static func run(_ words: [String]) throws -> Int32 {
    let arguments = try Arguments(
      words, options: ["--readers", "--writers", "--guard", "--seconds", "--size"],
      flags: ["--no-guard"])
    if let word = arguments.operands.first { throw UsageError("what is “\(word)”?") }
    let kinds = GuardKind.allCases.filter { $0 != .none }.map(\.rawValue)
    let chosen = try arguments.name("--guard", among: kinds, kind: "guard")
    if chosen != nil && arguments.has("--no-guard") {
      throw UsageError("--guard and --no-guard cannot stand together")
    }
    let readers = try arguments.number("--readers", in: 0...Board.most) ?? 3
    let writers = try arguments.number("--writers", in: 0...Board.most) ?? 2
    guard (1...Board.most).contains(readers + writers) else {
      throw UsageError("there is room for 1 to \(Board.most) readers and writers together")
    }
    let part = SharingPart(
      name: "readers-writers-\(getpid())",
      accessGuard: arguments.has("--no-guard")
        ? .none : chosen.flatMap(GuardKind.init(rawValue:)) ?? .mutex,
      recordSize: try arguments.size("--size") ?? 4096)
    let seconds = try arguments.number("--seconds", in: 1...3600) ?? 3

    // Before anything else: from now on Ctrl-C is asked for, in this process.
    let signals = try InterruptSignals()
    let runtime = try Workplace.runtime()
    let troupe: SharingTroupe
    do {
      troupe = try SharingTroupe(
        part, readers: readers, writers: writers, program: try Workplace.executable(), in: runtime)
    } catch let error as EnvironmentError { throw error } catch {
      throw EnvironmentError("cannot start readers and writers: \(error)")
    }
    let ending = try troupe.watch(until: .after(.seconds(seconds)), signals.descriptor)
    return try troupe.conclude(ending)
  }
}

/// What a reader or writer process needs to know to take part.
struct SharingPart: Sendable {
  /// The hidden command that makes the program a reader or a writer.
  static let command = "__sharing"

  /// What the names of the shared objects begin with.
  var name: String
  var accessGuard: GuardKind
  var recordSize: Int

  /// The objects that all processes have open.
  struct Stage {
    let board: Board
    let accessGuard: any AccessGuard
    /// Counts who is there.
    let ready: CountingSemaphore
    /// Set when all are to begin.
    let start: Event
    /// Set when all are to end.
    let stop: Event

    func close() {
      board.close()
      accessGuard.close()
      ready.close()
      start.close()
      stop.close()
    }
  }

  /// Creates the objects, or opens them.
  func open(in runtime: RuntimeDirectory) throws(ObjectError) -> Stage {
    let board = try Board(name, recordSize: recordSize, in: runtime)
    return Stage(
      board: board, accessGuard: try accessGuard.open(name, board, in: runtime),
      ready: try CountingSemaphore.create(
        ObjectName(name + "-ready"), count: 0, limit: Int32(Board.most), in: runtime
      ).semaphore,
      start: try Event.create(ObjectName(name + "-start"), .manual, in: runtime).event,
      stop: try Event.create(ObjectName(name + "-stop"), .manual, in: runtime).event)
  }

  /// The command line of one process.
  func words(slot: Int, isWriter: Bool) -> [String] {
    [
      Self.command, name, accessGuard.rawValue, "\(recordSize)", "\(slot)",
      isWriter ? "writer" : "reader", "\(getpid())",
    ]
  }

  /// The life of a reader or a writer; returns the exit code.
  static func main(_ words: [String]) -> Int32 {
    guard words.count == 6, let kind = GuardKind(rawValue: words[1]), let size = Int(words[2]),
      let slot = Int(words[3]), (0..<Board.most).contains(slot), let director = Int32(words[5])
    else { return Exit.usage }
    do {
      try ChildProcess.dieWithParent()
      if getppid() != director { return Exit.failed }
      let part = SharingPart(name: words[0], accessGuard: kind, recordSize: size)
      let stage = try part.open(in: try RuntimeDirectory.open())
      var participant = Participant(stage.board, stage.accessGuard, slot: slot)
      try stage.ready.release()
      _ = Waiting.any(of: [stage.start, stage.stop], deadline: .never)
      while !stage.stop.isSignalled(since: 0) {
        if words[4] == "writer" { _ = participant.write() } else { _ = participant.read() }
      }
      stage.close()
      return Exit.done
    } catch {
      Output.message("ipclab readers-writers: \(words[4]) \(slot): \(error)")
      return Exit.failed
    }
  }
}
