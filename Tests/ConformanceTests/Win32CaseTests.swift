public import Conformance
import Foundation
import LabRunner
public import Testing

/// The cases of what Win32 does, played against the real program.
enum Win32Cases {
  /// Those that came from outside, and the project's own: what documentation and conformance tests of
  /// others say of what the first ones leave open.
  static let all = ["win32-cases.json", "more-pipe-cases.json", "more-object-cases.json"]
    .flatMap(load)

  private static func load(_ name: String) -> [ConformanceCase] {
    let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: name)
    do { return try ConformanceCase.load(path: path.path) } catch {
      Issue.record("the cases of \(name) cannot be read: \(error)")
      return []
    }
  }

  static func cases(_ area: String, isSure: Bool = true) -> [ConformanceCase] {
    all.filter { $0.area == area && ($0.confidence != .low) == isSure }
  }

  static let syncAreas = ["mutex", "semaphore", "event", "wait multiple", "sync names"]

  /// Few at a time: each case is a handful of processes that mostly wait.
  static let queue: Result<CaseQueue, any Error> = Result {
    CaseQueue(
      CaseRunner(command: [try LabExecutable.find(), "console", "--protocol", "json"]), limit: 4)
  }
}

extension ConformanceCase: CustomTestStringConvertible {
  /// What a list of tests shows.
  public var testDescription: String { description }
}

@Suite("Win32 does so", .timeLimit(.minutes(5)))
struct Win32CaseTests {
  @Test("with named pipes", arguments: Win32Cases.cases("named pipe"))
  func namedPipe(_ item: ConformanceCase) async throws { try await check(item) }

  @Test("with anonymous pipes", arguments: Win32Cases.cases("anonymous pipe"))
  func anonymousPipe(_ item: ConformanceCase) async throws { try await check(item) }

  @Test("with file mappings", arguments: Win32Cases.cases("file mapping"))
  func fileMapping(_ item: ConformanceCase) async throws { try await check(item) }

  @Test(
    "with mutexes, semaphores, events and waits",
    arguments: Win32Cases.syncAreas.flatMap { Win32Cases.cases($0) })
  func syncObject(_ item: ConformanceCase) async throws { try await check(item) }

  @Test("with mailslots", arguments: Win32Cases.cases("mailslot"))
  func mailslot(_ item: ConformanceCase) async throws { try await check(item) }

  @Test(
    "perhaps: what differs is told and no failure",
    arguments: (["named pipe", "anonymous pipe", "mailslot", "file mapping"] + Win32Cases.syncAreas)
      .flatMap {
        Win32Cases.cases($0, isSure: false)
      })
  func unsure(_ item: ConformanceCase) async throws {
    let outcome = try await Win32Cases.queue.get().run(item)
    if !outcome.isMatch { print("\(item)\n\(Self.report(outcome))") }
  }

  @Test("in as many cases as there are")
  func count() {
    #expect(Win32Cases.cases("named pipe").count == 111 + 123)
    #expect(Win32Cases.cases("anonymous pipe").count == 12 + 26)
    #expect(Win32Cases.cases("file mapping").count == 22 + 47)
    #expect(Win32Cases.syncAreas.flatMap { Win32Cases.cases($0) }.count == 35 + 100)
    #expect(Win32Cases.cases("mailslot").count == 18 + 34)
    #expect(Set(Win32Cases.all.map(\.id)).count == Win32Cases.all.count)
  }

  private func check(_ item: ConformanceCase) async throws {
    let outcome = try await Win32Cases.queue.get().run(item)
    #expect(outcome.isMatch, "\(item)\n\(Self.report(outcome))")
  }

  private static func report(_ outcome: CaseRunner.Outcome) -> String {
    outcome.differences.joined(separator: "\n") + "\n" + outcome.transcript
  }
}
