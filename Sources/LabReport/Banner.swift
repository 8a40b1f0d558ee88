internal import LabResults

/// Something a reader must know before the figures.
struct Banner: Equatable {
  /// How loud it is.
  enum Weight: String {
    /// The figures mean nothing, or some are missing.
    case severe
    /// The figures want care.
    case caution
  }

  var weight: Weight
  var title: String
  var text: String
}

extension ReportModel {
  /// Everything to say before the figures, the gravest first.
  var banners: [Banner] {
    var banners: [Banner] = []
    let run = document.run
    if run.build != "release" {
      banners.append(
        Banner(
          weight: .severe,
          title: "\(PlainText.sentence(run.build)) build: the figures mean nothing",
          text: "Unoptimised code was timed. Run again with `swift run -c release ipclab run`."))
    }
    if run.isPartial {
      banners.append(
        Banner(
          weight: .severe, title: "Partial run",
          text: run.partialReason ?? "The run ended before its plan did."))
    }
    let disagreements = disagreements.count
    if disagreements > 0 {
      banners.append(
        Banner(
          weight: .severe,
          title: disagreements == 1
            ? "1 claim does not hold" : "\(disagreements) claims do not hold",
          text: "A mechanism did not do what it claims; see the feature matrix."))
    }
    let broken = document.features.count { $0.verdict == .failed }
    if broken > 0 {
      banners.append(
        Banner(
          weight: .severe,
          title: broken == 1 ? "1 experiment failed" : "\(broken) experiments failed",
          text: "Nothing is known about those features; see the feature matrix."))
    }
    let failed = document.cells.filter { $0.trials.contains { $0.failure != nil } }
    if !failed.isEmpty {
      let trials = failed.reduce(0) { $0 + $1.trials.count - $1.goodTrials.count }
      banners.append(
        Banner(
          weight: .severe, title: trials == 1 ? "1 trial failed" : "\(trials) trials failed",
          text: "Affected: \(names(failed)). Their figures rest on the trials that succeeded."))
    }
    let lossy = document.cells.filter { ($0.summary?.lost ?? 0) > 0 }
    if !lossy.isEmpty {
      let total = lossy.reduce(0.0) { $0 + Double($1.summary?.lost ?? 0) }
      banners.append(
        Banner(
          weight: .caution, title: "Messages were lost",
          text: "\(names(lossy)) lost \(Quantity.fixed(total, decimals: 0)) messages in all. "
            + "A figure with losses is shown and is never declared a winner."))
    }
    if let noise = document.noise, noise.grade == "noisy" {
      banners.append(
        Banner(weight: .caution, title: "Noisy machine", text: noise.explanation))
    }
    return banners
  }

  private func names(_ cells: [Cell]) -> String {
    let ids = Set(cells.map(\.mechanism))
    return mechanisms.filter { ids.contains($0.id) }.map { title(of: $0.id) }
      .joined(separator: " · ")
  }
}
