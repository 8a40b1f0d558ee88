internal import Glibc
public import IPCSystem
public import IPCTransport
internal import Synchronization

extension Pipeline {
  /// Starts the programs.
  ///
  /// - Throws: `.notFound` or `.accessDenied` naming the program that cannot be started or the file
  ///   that cannot be opened; programs that were started before it are ended and collected.
  ///   `.invalidArgument` without stages.
  public func start() throws(TransportError) -> RunningPipeline {
    guard !stages.isEmpty else {
      throw TransportError(.invalidArgument, "start a pipeline", remedy: "It has no programs")
    }
    guard standardError != .pipe else {
      throw TransportError(
        .notSupported, "start a pipeline",
        remedy: "Nobody would read the pipe for standard error; use a file")
    }
    let first: Redirection.Input =
      switch input {
      case .data: .pipe
      case .file(let path): .file(path)
      case .null: .null
      case .inherit: .inherit
      }
    let last: Redirection.Output =
      switch output {
      case .collected: .pipe
      case .file(let path): .file(path)
      case .appending(let path): .appending(path)
      case .null: .null
      case .inherit: .inherit
      }
    // Files first: nothing is started when one of them cannot be opened.
    let source = try Wire(input: first)
    let sink = try Wire(output: last, inherited: 1)
    let errors = try Wire(output: standardError, inherited: 2)
    let cancellation = try AnonymousPipe()

    var processes: [ChildProcess] = []
    var pidfds: [DescriptorIO] = []
    do {
      // What the next stage reads; `nil` before the first.
      var upstream: OwnedDescriptor? = nil
      for (index, stage) in stages.enumerated() {
        var plan = ChildProcess.Plan(program: stage.program, arguments: stage.arguments)
        if hasOwnGroup { plan.group = processes.first?.pid ?? 0 }
        let reads = upstream?.raw ?? source.number
        if index == stages.count - 1 {
          plan.descriptors = [(0, reads), (1, sink.number), (2, errors.number)]
          processes.append(try RedirectedProcess.start(plan))
        } else {
          let ends = try AnonymousPipe().release()
          let writeEnd = OwnedDescriptor(adopting: ends.write)
          let readEnd = OwnedDescriptor(adopting: ends.read)
          plan.descriptors = [(0, reads), (1, writeEnd.raw), (2, errors.number)]
          processes.append(try RedirectedProcess.start(plan))
          upstream = consume readEnd
        }
        let process = processes[index]
        pidfds.append(
          DescriptorIO(
            adopting: try translating("watch \(stage.program)") { () throws(SystemError) in
              try process.openPidfd()
            }))
      }
    } catch {
      for process in processes { process.signal(SIGKILL) }
      if hasOwnGroup { processes.first?.signalGroup(SIGKILL) }
      for process in processes { _ = try? process.wait() }
      throw error
    }
    return RunningPipeline(
      pipeline: self, processes: processes, pidfds: pidfds,
      feed: source.takeParentsEnd(), collect: sink.takeParentsEnd(), cancellation: cancellation)
  }
}

/// A pipeline whose programs were started. They are killed when it goes away before they ended.
public final class RunningPipeline: @unchecked Sendable {
  // Sendable: `cancel()` touches `cancellation` only, which never changes; the rest is touched by the
  // one thread inside `wait`, for which `isWaiting` answers.

  /// The programs' process ids, in the order of the stages.
  public let pids: [Int32]

  private let pipeline: Pipeline
  private let processes: [ChildProcess]
  private let cancellation: AnonymousPipe
  private let isWaiting = Atomic<Bool>(false)

  private var pidfds: [DescriptorIO?]
  private var feed: DescriptorIO?
  private var collect: DescriptorIO?
  private var statuses: [ExitStatus?]
  private var fed = 0
  private var collected: [UInt8] = []
  private var collectedCount = 0
  private var ending = Pipeline.Outcome.Ending.completed

  init(
    pipeline: Pipeline, processes: [ChildProcess], pidfds: [DescriptorIO],
    feed: consuming OwnedDescriptor?, collect: consuming OwnedDescriptor?,
    cancellation: consuming AnonymousPipe
  ) {
    self.pipeline = pipeline
    self.processes = processes
    self.pids = processes.map(\.pid)
    self.pidfds = pidfds
    self.cancellation = cancellation
    statuses = Array(repeating: nil, count: processes.count)
    if let feed { self.feed = DescriptorIO(adopting: feed) }
    if let collect { self.collect = DescriptorIO(adopting: collect) }
  }

  deinit {
    guard statuses.contains(where: { $0 == nil }) else { return }
    killAll()
    for (process, status) in zip(processes, statuses) where status == nil {
      _ = try? process.wait()
    }
  }

  /// Kills the programs; ``wait(deadline:interruptedBy:)`` then returns. From any thread.
  public func cancel() {
    var byte: UInt8 = 1
    unsafe _ = Glibc.write(cancellation.writeEnd.raw, &byte, 1)
  }

  /// Feeds the input, collects the output, and waits until every program has ended and nobody holds
  /// the collected output open any more. Call it once.
  ///
  /// - Parameters:
  ///   - deadline: When to kill the programs.
  ///   - interrupt: A descriptor that cancels when it becomes readable, such as a `signalfd`. It is
  ///     not read.
  /// - Throws: `.invalidArgument` at a second call; `.system` when the system's bookkeeping fails.
  public func wait(
    deadline: Deadline = .never, interruptedBy interrupt: Int32? = nil
  ) throws(TransportError) -> Pipeline.Outcome {
    guard !isWaiting.exchange(true, ordering: .acquiringAndReleasing) else {
      throw TransportError(.invalidArgument, "wait for a pipeline a second time")
    }
    feedMore()
    while statuses.contains(where: { $0 == nil }) || (ending == .completed && collect != nil) {
      try waitForSomething(deadline, interrupt)
    }
    // After a kill, what had been written is still in the pipe, and somebody else may hold it open.
    collectMore()
    closeFeed()
    collect?.close()
    collect = nil
    let stages = zip(pipeline.stages, zip(pids, statuses)).compactMap { stage, ended in
      ended.1.map {
        Pipeline.StageOutcome(program: stage.program, pid: ended.0, status: $0)
      }
    }
    return Pipeline.Outcome(
      ending: ending, stages: stages, output: collected, outputCount: collectedCount)
  }

  private enum Source {
    case cancellation
    case feed
    case collect
    case process(Int)
  }

  private func waitForSomething(
    _ deadline: Deadline, _ interrupt: Int32?
  ) throws(TransportError) {
    var entries: [pollfd] = []
    var sources: [Source] = []
    func add(_ descriptor: Int32, _ events: Int32, _ source: Source) {
      entries.append(pollfd(fd: descriptor, events: Int16(events), revents: 0))
      sources.append(source)
    }
    let isRunning = ending == .completed
    if isRunning {
      add(cancellation.readEnd.raw, POLLIN, .cancellation)
      if let interrupt { add(interrupt, POLLIN, .cancellation) }
    }
    if let feed { add(feed.descriptor, POLLOUT, .feed) }
    if let collect { add(collect.descriptor, POLLIN, .collect) }
    for (index, pidfd) in pidfds.enumerated() {
      if let pidfd { add(pidfd.descriptor, POLLIN, .process(index)) }
    }
    let ready = unsafe poll(
      &entries, nfds_t(entries.count), isRunning ? deadline.pollMilliseconds : -1)
    let code = errno
    if ready == -1 {
      if code == EINTR { return }
      throw TransportError(SystemError(code: code, call: "poll"), "wait for a pipeline")
    }
    for (entry, source) in zip(entries, sources) where entry.revents != 0 {
      switch source {
      case .cancellation: end(.cancelled)
      case .feed: feedMore()
      case .collect: collectMore()
      case .process(let index): try reap(index)
      }
    }
    if isRunning, ready == 0, deadline.hasPassed { end(.timedOut) }
  }

  private func end(_ ending: Pipeline.Outcome.Ending) {
    guard self.ending == .completed else { return }
    self.ending = ending
    killAll()
    closeFeed()
  }

  private func killAll() {
    // A number whose process was collected may belong to somebody else by now.
    for (process, status) in zip(processes, statuses) where status == nil {
      process.signal(SIGKILL)
    }
    // The group lives on, and its number stays taken, while any process is in it.
    if pipeline.hasOwnGroup, statuses.contains(where: { $0 == nil }) || collect != nil {
      processes.first?.signalGroup(SIGKILL)
    }
  }

  private func reap(_ index: Int) throws(TransportError) {
    let process = processes[index]
    let ended = try translating("wait for process \(process.pid)") { () throws(SystemError) in
      try process.poll()
    }
    guard let ended else { return }
    statuses[index] = ended.status
    pidfds[index]?.close()
    pidfds[index] = nil
    // Nobody will read more input once the first program is gone.
    if index == 0 { closeFeed() }
  }

  private func closeFeed() {
    feed?.close()
    feed = nil
  }

  private func feedMore() {
    guard case .data(let bytes) = pipeline.input, let feed else { return }
    while fed < bytes.count {
      do throws(SystemError) {
        fed += try write(bytes, from: fed, to: feed)
      } catch {
        // Full: go on when there is room. Else the program has closed its input: it wants no more.
        if error.code == ETIMEDOUT { return }
        break
      }
    }
    closeFeed()
  }

  private func write(
    _ bytes: [UInt8], from start: Int, to feed: DescriptorIO
  ) throws(SystemError) -> Int {
    let result = unsafe bytes.withUnsafeBytes { source -> Result<Int, SystemError> in
      do throws(SystemError) {
        return .success(
          unsafe try feed.write(
            UnsafeRawBufferPointer(rebasing: source[start...]), deadline: .immediate))
      } catch { return .failure(error) }
    }
    return try result.get()
  }

  private func collectMore() {
    guard case .collected(let limit) = pipeline.output, let collect else { return }
    unsafe withUnsafeTemporaryAllocation(byteCount: 64 * 1024, alignment: 16) { buffer in
      while true {
        do throws(SystemError) {
          let count = unsafe try collect.read(into: buffer, deadline: .immediate)
          if count == 0 { break }
          collectedCount += count
          let wanted = min(count, max(0, limit - collected.count))
          unsafe collected.append(contentsOf: buffer[..<wanted])
        } catch {
          if error.code == ETIMEDOUT { return }
          break
        }
      }
      collect.close()
      self.collect = nil
    }
  }
}
