import IPCTransport
import LabResults
import LabRunner
import Testing
import TransportCatalog

@testable import LabReport

@Suite("Decisions")
struct DecisionTests {
  private let a = Fixture.mechanism("a")
  private let b = Fixture.mechanism("b")
  private let spin = Fixture.mechanism("spin", waiting: "polling")

  private func latency(
    _ document: ResultDocument, _ waiting: Waiting = .blocking
  ) throws -> (Outcome, OutcomeWords) {
    let model = ReportModel(document)
    let need = try #require(model.needs.first { $0.title.hasPrefix("Lowest latency") })
    let outcome = model.outcome(need, waiting: waiting, placement: "same")
    return (outcome, model.words(outcome, for: need, waiting: waiting, name: { $0 }))
  }

  @Test("the mechanism whose trials all lie below wins, and by how much is said")
  func clear() throws {
    let (outcome, words) = try latency(
      Fixture.echoes([(b, [2000, 2100, 2200]), (a, [1000, 1050, 1100])]))
    guard case .clear(let winner, let runnerUp) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(winner.mechanism == "a" && runnerUp.mechanism == "b")
    #expect(words.line == "a, 1.05 µs (1.00–1.10 µs), 2.00× ahead of b (2.10 µs)")
  }

  @Test("overlapping ranges are a tie, however far apart the medians are")
  func tie() throws {
    let (outcome, words) = try latency(
      Fixture.echoes([(a, [1000, 1050, 2500]), (b, [2000, 2100, 2200])]))
    guard case .tie(let standings, _) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(standings.map(\.mechanism) == ["a", "b"])
    #expect(words.who == "no clear winner")
    #expect(words.remark.contains("a 1.05 µs · b 2.10 µs"))
  }

  @Test("a lead within what the A/A control saw is a tie")
  func noise() throws {
    var document = Fixture.echoes([(a, [1000, 1001, 1002]), (b, [1040, 1041, 1042])])
    func control(_ difference: Double, _ placement: String) -> NoiseGrade {
      NoiseGrade(
        grade: "noisy", explanation: "",
        comparisons: [
          .init(
            mechanism: "a", scenario: "echo", placement: placement, size: 64, first: 1, second: 1,
            relativeDifference: difference)
        ])
    }
    document.noise = control(0.01, "same")
    guard case .clear = try latency(document).0 else {
      Issue.record("a lead of 4 % over noise of 1 % is clear")
      return
    }
    document.noise = control(0.08, "same")
    guard case .tie(let standings, let why) = try latency(document).0 else {
      Issue.record("a lead of 4 % within noise of 8 % is none")
      return
    }
    #expect(standings.count == 2)
    #expect(why.contains("8.00 %"))
    document.noise = control(0.08, "cross")
    guard case .clear = try latency(document).0 else {
      Issue.record("noise of another placement says nothing about this one")
      return
    }
  }

  @Test(
    "a lead in processor time or tail is held against what the control saw in it")
  func noiseOfFigure() throws {
    var document = Fixture.echoes([(a, [1000, 1001, 1002]), (b, [1040, 1041, 1042])])
    document.cells = document.cells.map { cell in
      let trials = cell.trials.map { trial in
        var trial = trial
        let tail = trial.latency?.p90
        trial.latency?.p99 = tail
        return trial
      }
      return Fixture.cell(cell.mechanism, "echo", "same", 64, trials)
    }
    func isClear(_ title: String, p99: Double?, cpu: Double?) throws -> Bool {
      document.noise = NoiseGrade(
        grade: "usable", explanation: "",
        comparisons: [
          .init(
            mechanism: "a", scenario: "echo", placement: "same", size: 64, first: 1, second: 1,
            relativeDifference: 0.01, p99Difference: p99, cpuDifference: cpu)
        ])
      let model = ReportModel(document)
      let need = try #require(model.needs.first { $0.title.hasPrefix(title) })
      let outcome = model.outcome(need, waiting: .blocking, placement: "same")
      return if case .clear = outcome { true } else { false }
    }
    let (tail, cost) = ("Lowest tail latency", "Least processor time per round trip")
    #expect(try isClear(tail, p99: 0.02, cpu: 0.5) && isClear(cost, p99: 0.5, cpu: 0.02))
    #expect(try !isClear(tail, p99: 0.08, cpu: 0.02) && !isClear(cost, p99: 0.02, cpu: 0.08))
    #expect(try isClear(cost, p99: nil, cpu: nil), "what the control saw at all stands in")
  }

  @Test("no tail is asked for where no trial is long enough to have one")
  func noTail() {
    let model = ReportModel(Fixture.echoes([(a, [1000, 1001]), (b, [2000, 2001])]))
    #expect(!model.needs.contains { $0.title.contains("tail") })
  }

  @Test("polling is never ranked with blocking")
  func polling() throws {
    let document = Fixture.echoes([
      (a, [1000, 1010]), (b, [2000, 2010]), (spin, [10, 11]),
    ])
    guard case .clear(let winner, _) = try latency(document).0 else {
      Issue.record("no winner among the blocking ones")
      return
    }
    #expect(winner.mechanism == "a")
    #expect(
      try latency(document, .polling).0
        == .only(
          Standing(mechanism: "spin", spread: Spread(median: 11, low: 10, high: 11), trials: 2)))
  }

  @Test("a way of waiting that is not known is kept apart from blocking")
  func unknownWaiting() throws {
    let document = Fixture.echoes([
      (a, [1000, 1010]), (Fixture.mechanism("odd", waiting: "telepathy"), [1, 2]),
    ])
    guard case .only(let standing) = try latency(document).0 else {
      Issue.record("something unknown was ranked with blocking")
      return
    }
    #expect(standing.mechanism == "a")
  }

  @Test("one trial each is a figure and not a finding")
  func singleTrial() throws {
    let (outcome, words) = try latency(Fixture.echoes([(a, [1000]), (b, [2000])]))
    guard case .singleTrial = outcome else {
      Issue.record("\(outcome)")
      return
    }
    #expect(words.remark.contains("not a finding"))
  }

  @Test("a mechanism that lost messages cannot win and is named as left out")
  func losses() throws {
    var document = Fixture.echoes([(a, [1000, 1010]), (b, [2000, 2010])])
    document.cells[0].summary?.lost = 3
    guard case .only(let standing) = try latency(document).0 else {
      Issue.record("a lossy mechanism was ranked")
      return
    }
    #expect(standing.mechanism == "b")
    let model = ReportModel(document)
    #expect(
      model.leftOut(try #require(model.needs.first)) == [
        LeftOut(mechanism: "a", placement: "same", reason: "lost 3 messages")
      ])
  }

  @Test("more is better in throughput, at the largest size for large messages")
  func throughput() throws {
    var document = Fixture.empty
    document.scenarios = [Fixture.stream]
    document.mechanisms = [a, b]
    for (size, rates) in [(64, (10.0, 20.0)), (4096, (9.0, 3.0))] {
      for (mechanism, rate) in [("a", rates.0), ("b", rates.1)] {
        let trials = [rate, rate * 1.01].map { Fixture.flow($0, size: size) }
        document.cells.append(Fixture.cell(mechanism, "stream", "same", size, trials))
      }
    }
    let model = ReportModel(document)
    func winner(_ title: String) throws -> String? {
      let need = try #require(model.needs.first { $0.title.hasPrefix(title) })
      let outcome = model.outcome(need, waiting: .blocking, placement: "same")
      guard case .clear(let winner, _) = outcome else { return nil }
      return winner.mechanism
    }
    #expect(try winner("Most small messages") == "b")
    #expect(try winner("Highest throughput") == "a")
  }

  @Test("a scenario that was not run answers no need")
  func absent() {
    #expect(ReportModel(Fixture.empty).needs.isEmpty)
    let document = Fixture.echoes([(a, [1])])
    #expect(ReportModel(document).needs.allSatisfy { $0.scenario == "echo" })
  }

  @Test("a feature need counts observations and not claims")
  func observedNotClaimed() throws {
    var document = Fixture.echoes([(a, [1]), (b, [1]), (spin, [1])])
    document.probes = [ProbeInfo(id: "boundaries", title: "", question: "", method: "")]
    document.features = [
      FeatureResult(
        probe: "boundaries", mechanism: "a", claim: "kept", observed: "merged",
        verdict: .disagrees, evidence: []),
      FeatureResult(
        probe: "boundaries", mechanism: "b", claim: "kept", observed: "Kept, all 5",
        verdict: .agrees, evidence: []),
      FeatureResult(
        probe: "boundaries", mechanism: "spin", claim: "kept", observed: "kept",
        verdict: .failed, evidence: []),
    ]
    let answer = try #require(ReportModel(document).featureAnswers.first)
    #expect(answer.satisfied == ["b"])
    #expect(answer.others == [AnswerGroup(answer: "merged", mechanisms: ["a"])])
    #expect(answer.unknown == [AnswerGroup(answer: "experiment failed", mechanisms: ["spin"])])
  }

  @Test(
    "an answer counts as a whole or up to the end of a word",
    arguments: [
      ("any process", true), ("Any process: 3 tried", true), ("any host", true),
      ("any processor", false), ("not any process", false), ("related processes", false),
      ("any process-group", false), ("", false),
    ])
  func answers(observed: String, isMet: Bool) throws {
    let need = try #require(FeatureNeed.all.first { $0.probe == "reach" })
    #expect(need.isSatisfied(by: observed) == isMet)
  }

  @Test("every need asks a probe that exists, and each answer can be met")
  func needsAskProbes() {
    let probes = Set(ProbeCatalog.all.map(\.info.id))
    for need in FeatureNeed.all {
      #expect(probes.contains(need.probe), "\(need.title)")
      let claims = Set(
        TransportCatalog.all.compactMap {
          ProbeCatalog.probe(need.probe)?.claim(of: $0.capabilities)
        })
      #expect(claims.contains { need.isSatisfied(by: $0) }, "\(need.title): \(claims)")
    }
  }
}
