import LabResults
import TestSupport

/// A made-up run of everything: fifteen mechanisms, five scenarios, fifteen probes.
///
/// Figures are of a plausible size and mean nothing. The same seed gives the same document.
struct SampleDocument {
  private struct Profile {
    var id: String
    var title: String
    var family: String
    var waiting = "blocking"
    /// Round trip of 64 B in microseconds: on one core, on two.
    var trip: (Double, Double)
    /// Millions of 64 B messages per second: on one core, on two.
    var rate: (Double, Double)
    /// Nanoseconds per byte.
    var perByte: Double
    var largest = Int.max
  }

  private static let profiles = [
    Profile(
      id: "anonymous-pipe", title: "Anonymous pipe", family: "pipe", trip: (4.8, 48.6),
      rate: (1.4, 1.1), perByte: 0.11),
    Profile(
      id: "fifo", title: "FIFO", family: "pipe", trip: (4.9, 48.9), rate: (1.38, 1.08),
      perByte: 0.11),
    Profile(
      id: "named-pipe-message", title: "Named pipe, message mode", family: "named-pipe",
      trip: (9.6, 46.1), rate: (0.8, 0.71), perByte: 0.2),
    Profile(
      id: "named-pipe-byte", title: "Named pipe, byte mode", family: "named-pipe",
      trip: (9.9, 46.7), rate: (0.79, 0.7), perByte: 0.21),
    Profile(
      id: "mailslot", title: "Mailslot", family: "mailslot", trip: (11.6, 51.2),
      rate: (0.62, 0.5), perByte: 0.23),
    Profile(
      id: "shared-memory-event", title: "Shared memory, event", family: "shared-memory",
      trip: (3.9, 44.0), rate: (7.1, 6.2), perByte: 0.05),
    Profile(
      id: "shared-memory-semaphore", title: "Shared memory, semaphore", family: "shared-memory",
      trip: (4.1, 44.9), rate: (4.0, 2.9), perByte: 0.05),
    Profile(
      id: "shared-memory-spin", title: "Shared memory, spin", family: "shared-memory",
      waiting: "polling", trip: (8012, 0.21), rate: (3.1, 11.5), perByte: 0.04),
    Profile(
      id: "shared-memory-hybrid", title: "Shared memory, hybrid", family: "shared-memory",
      waiting: "hybrid", trip: (4.2, 0.26), rate: (6.8, 10.9), perByte: 0.045),
    Profile(
      id: "unix-stream", title: "Unix stream socket", family: "socket", trip: (8.7, 43.7),
      rate: (0.92, 0.85), perByte: 0.19),
    Profile(
      id: "unix-seqpacket", title: "Unix seqpacket socket", family: "socket", trip: (8.5, 43.9),
      rate: (0.94, 0.84), perByte: 0.19, largest: 212_960),
    Profile(
      id: "unix-datagram", title: "Unix datagram socket", family: "socket", trip: (8.9, 44.4),
      rate: (0.7, 0.31), perByte: 0.2, largest: 212_960),
    Profile(
      id: "tcp", title: "TCP, no delay", family: "socket", trip: (16.9, 55.2), rate: (0.61, 0.57),
      perByte: 0.28),
    Profile(
      id: "udp", title: "UDP", family: "socket", trip: (13.1, 51.8), rate: (0.55, 0.49),
      perByte: 0.3, largest: 65_507),
    Profile(
      id: "message-queue", title: "POSIX message queue", family: "queue", trip: (6.3, 46.3),
      rate: (1.0, 0.66), perByte: 0.4, largest: 8192),
  ]

  private static let scenarios = [
    ScenarioInfo(
      id: "echo", title: "Round trip",
      summary: "The client sends a message and waits for the same one back; each trip is timed.",
      measures: "latency"),
    ScenarioInfo(
      id: "stream", title: "Stream",
      summary: "The client sends without waiting; the server acknowledges the last message.",
      measures: "throughput"),
    ScenarioInfo(
      id: "fan-in", title: "Fan-in", summary: "Four clients stream into one server.",
      measures: "throughput"),
    ScenarioInfo(
      id: "notify", title: "Notify", summary: "The server sends every message to each client.",
      measures: "throughput"),
    ScenarioInfo(
      id: "connect", title: "Connect", summary: "A client connects, says one word and leaves.",
      measures: "latency"),
  ]

  private var random: SeededGenerator
  private var order = 0

  private init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  static func make(seed: UInt64 = 7) -> ResultDocument {
    var sample = SampleDocument(seed: seed)
    return sample.document()
  }

  private mutating func document() -> ResultDocument {
    var document = ResultDocument(
      run: RunInfo(
        toolVersion: "0.1.0", build: "release", startedAt: "2025-11-21T09:14:03Z",
        finishedAt: "2025-11-21T09:18:40Z", seed: 4242,
        commandLine: ["ipclab", "run", "--sizes", "64,4096,65536", "--seed", "4242"],
        plannedTrials: 5),
      environment: Environment(
        kernel: "Linux 6.18.0", operatingSystem: "Debian GNU/Linux 13", architecture: "x86_64",
        processor: "Example CPU @ 3.10GHz", processorCount: 2, hypervisor: "kvm",
        memoryBytes: 8 << 30, timerOverheadNanoseconds: 21.5,
        settings: [
          .init(name: "fs.pipe-max-size", value: "1048576"),
          .init(name: "fs.mqueue.msgsize_max", value: "8192"),
          .init(name: "net.core.wmem_default", value: "212992"),
        ],
        warnings: ["The machine is a virtual one: other guests may take its processors."]),
      mechanisms: Self.profiles.map {
        MechanismInfo(
          id: $0.id, title: $0.title, family: $0.family,
          summary: "Messages over \($0.title.lowercased()).", waiting: $0.waiting,
          sources: ["\($0.id)(7)"])
      }, scenarios: Self.scenarios, probes: SampleFeatures.probes,
      features: SampleFeatures.results(of: Self.profiles.map(\.id)))
    for scenario in Self.scenarios {
      let isSized = scenario.id == "echo" || scenario.id == "stream"
      for placement in ["same", "cross"] {
        for size in isSized ? [64, 4096, 65536] : [64] {
          for profile in Self.profiles {
            document.cells.append(cell(profile, scenario.id, placement, size))
          }
        }
      }
    }
    document.noise = NoiseGrade(
      grade: "usable",
      explanation: "Equal things differed by up to 4.1 % in echo; smaller leads mean nothing.",
      comparisons: [
        .init(
          mechanism: "anonymous-pipe", scenario: "echo", placement: "same", size: 64, first: 4810,
          second: 4905, relativeDifference: 0.0198),
        .init(
          mechanism: "anonymous-pipe", scenario: "echo", placement: "cross", size: 64,
          first: 48_600, second: 50_600, relativeDifference: 0.041),
      ])
    return document
  }

  private mutating func cell(
    _ profile: Profile, _ scenario: String, _ placement: String, _ size: Int
  ) -> Cell {
    let clients = scenario == "fan-in" || scenario == "notify" ? 4 : 1
    var cell = Cell(
      mechanism: profile.id, scenario: scenario, placement: placement, size: size,
      clients: clients, status: .measured)
    guard size <= profile.largest else {
      cell.status = .notApplicable
      cell.reason = "a message of \(size) bytes; its largest is \(profile.largest)"
      return cell
    }
    if scenario == "fan-in", profile.id == "anonymous-pipe" {
      cell.status = .notApplicable
      cell.reason = "needs several clients at once"
      return cell
    }
    cell.trials = (0..<5).map { _ in trial(profile, scenario, placement, size) }
    cell.summary = Fixture.summary(of: cell.trials)
    return cell
  }

  private mutating func trial(
    _ profile: Profile, _ scenario: String, _ placement: String, _ size: Int
  ) -> Trial {
    let isSame = placement == "same"
    let jitter = 1 + 0.06 * (random.unit() - 0.4)
    let copy = profile.perByte * Double(size - 64)
    let count = 20_000
    var trial = Trial(order: order, seed: random.next(), count: count, warmup: 1000)
    order += 1
    switch scenario {
    case "echo", "connect":
      let factor = scenario == "connect" ? 6.0 : 1
      let trip = ((isSame ? profile.trip.0 : profile.trip.1) * 1000 * factor + 2 * copy) * jitter
      trial.latency = distribution(median: trip, samples: count)
      trial.elapsedNanoseconds = UInt64(trip * 1.08 * Double(count))
    default:
      let rate = (isSame ? profile.rate.0 : profile.rate.1) * (scenario == "notify" ? 0.7 : 1)
      let period = (1000 / rate + copy) * jitter
      trial.elapsedNanoseconds = UInt64(period * Double(count))
      if profile.id == "udp", scenario == "stream" { trial.lost = 31 }
    }
    let seconds = Double(trial.elapsedNanoseconds) / 1e9
    trial.messagesPerSecond = Double(count) / seconds
    trial.bytesPerSecond = Double(count * size) / seconds
    trial.sequenceChecked = count
    trial.checksumChecked = 1000
    let busy = profile.waiting == "polling" ? 1.0 : 0.45
    let usage = Usage(
      userNanoseconds: UInt64(Double(trial.elapsedNanoseconds) * busy * 0.3),
      systemNanoseconds: UInt64(Double(trial.elapsedNanoseconds) * busy * 0.7),
      voluntarySwitches: profile.waiting == "polling" ? 0 : count,
      involuntarySwitches: 12)
    trial.serverUsage = usage
    trial.clientUsage = usage
    return trial
  }

  private mutating func distribution(median: Double, samples: Int) -> LatencyDistribution {
    let tail = 0.9 + 0.4 * random.unit()
    func at(_ nines: Double) -> UInt64 {
      UInt64(median * (0.86 + 0.14 * (nines / 0.301) + 0.05 * tail * nines * nines * nines))
    }
    let quantiles: [(Double, Double)] = [
      (0, 0), (0.25, 0.125), (0.5, 0.301), (0.75, 0.602), (0.9, 1), (0.95, 1.301), (0.98, 1.699),
      (0.99, 2), (0.995, 2.301), (0.998, 2.699), (0.999, 3), (0.9995, 3.301),
    ]
    return LatencyDistribution(
      samples: samples, min: at(0), p50: at(0.301), p90: at(1), p99: at(2), p999: at(3),
      max: at(4.4), mean: median * 1.05,
      curve: quantiles.map { .init(quantile: $0.0, nanoseconds: at($0.1)) })
  }
}

extension SeededGenerator {
  /// A number from 0 up to 1.
  mutating func unit() -> Double { Double(next() >> 11) / 9_007_199_254_740_992 }
}
