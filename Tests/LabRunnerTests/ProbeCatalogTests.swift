import Glibc
import IPCSystem
import IPCTransport
import LabResults
import TestSupport
import Testing
import TransportCatalog

@testable import LabRunner

/// Every probe on every transport, with real processes.
@Suite("Every probe on every transport", .timeLimit(.minutes(4)))
struct ProbeCatalogTests {
  /// Probes whose other outcome is a spoiled input within the experiment, not another transport.
  static let controlledInside: Set<String> = ["order", "several-clients"]

  @Test("observes what the mechanism claims, comes out differently somewhere, leaves nothing")
  func claimsHold() throws {
    let place = try Scratch()
    let results = try ProbeRunner.run(
      transports: TransportCatalog.all, probes: ProbeCatalog.all,
      executable: try LabExecutable.find(), runtime: place.runtime)
    #expect(results.count == TransportCatalog.all.count * ProbeCatalog.all.count)
    for result in results {
      if result.verdict == .disagrees || result.verdict == .failed {
        Issue.record(
          """
          \(result.probe) on \(result.mechanism): claimed “\(result.claim)”, observed \
          “\(result.observed)”
          \(result.evidence.joined(separator: "\n"))
          """)
      }
      #expect(!result.evidence.isEmpty, "\(result.probe) on \(result.mechanism)")
      // Only what needs another user may be impossible, and only without root.
      if result.verdict == .notPossibleHere {
        #expect(result.probe == "access" && geteuid() != 0)
      }
    }
    for probe in ProbeCatalog.all where !Self.controlledInside.contains(probe.info.id) {
      let seen = Set(
        results.filter { $0.probe == probe.info.id && $0.verdict == .agrees }.map(\.observed))
      #expect(seen.count > 1, "\(probe.info.id) came out as \(seen) everywhere: it has no control")
    }
    #expect(DirectoryListing.names(in: place.runtime.path + "/run") == [".lock"])
  }

  @Test("has an id of its own, a question and a method")
  func described() {
    #expect(Set(ProbeCatalog.all.map(\.info.id)).count == ProbeCatalog.all.count)
    for info in ProbeCatalog.all.map(\.info) {
      #expect(info.question.hasSuffix("?"))
      #expect(!info.title.isEmpty && info.method.hasSuffix("."))
      #expect(ProbeCatalog.probe(info.id)?.info == info)
    }
    #expect(ProbeCatalog.probe("no such probe") == nil)
  }
}
