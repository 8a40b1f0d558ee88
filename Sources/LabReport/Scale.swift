internal import Glibc

/// Maps values onto pixels.
struct Scale {
  private let low: Double
  private let high: Double
  private let start: Double
  private let end: Double
  private let transform: @Sendable (Double) -> Double

  /// A scale on which equal distances are equal differences.
  static func linear(_ low: Double, _ high: Double, to start: Double, _ end: Double) -> Scale {
    Scale(low: low, high: high, start: start, end: end) { $0 }
  }

  /// A scale on which equal distances are equal ratios. Values must be greater than 0.
  static func logarithmic(
    _ low: Double, _ high: Double, to start: Double, _ end: Double
  ) -> Scale {
    Scale(low: log2(low), high: log2(high), start: start, end: end) { log2($0) }
  }

  private init(
    low: Double, high: Double, start: Double, end: Double,
    transform: @escaping @Sendable (Double) -> Double
  ) {
    self.low = low
    self.high = high
    self.start = start
    self.end = end
    self.transform = transform
  }

  /// The pixel of a value. Where all values are one, it is in the middle.
  func position(_ value: Double) -> Double {
    guard high > low else { return (start + end) / 2 }
    return start + (end - start) * (transform(value) - low) / (high - low)
  }
}

/// A domain of a logarithmic axis that begins and ends on a tick.
struct LogDomain: Equatable {
  var low: Double
  var high: Double
  /// Values that are labelled.
  var ticks: [Double]
}

extension LogDomain {
  /// Covers `values` with 1-2-5 ticks, or with powers of ten or of two where those are too many.
  ///
  /// - Parameter binary: Whether ticks are powers of two, for figures in KiB and MiB.
  /// - Returns: `nil` without a value greater than 0.
  static func covering(_ values: [Double], binary: Bool) -> LogDomain? {
    let values = values.filter { $0 > 0 && $0.isFinite }
    guard let least = values.min(), let most = values.max() else { return nil }
    let ladders = (binary ? Self.binaryLadders : Self.decimalLadders).lazy
    let candidates = ladders.map { $0.ticks(from: least, to: most) }
    guard let ticks = candidates.first(where: { $0.count <= Self.mostTicks }) ?? candidates.last,
      let low = ticks.first, let high = ticks.last
    else { return nil }
    return LogDomain(low: low, high: high, ticks: ticks)
  }

  private static let mostTicks = 11

  /// Ticks at `base` to every whole power, times each of `steps`.
  private struct Ladder {
    var base: Double
    var steps: [Double]

    func ticks(from least: Double, to most: Double) -> [Double] {
      let factors = [1] + steps
      let first = Int((log(least) / log(base)).rounded(.down))
      let last = Int((log(most) / log(base)).rounded(.up)) + 1
      let all = (first...last).flatMap { power in factors.map { $0 * pow(base, Double(power)) } }
      let start = all.lastIndex { $0 <= least } ?? 0
      let end = max(all.firstIndex { $0 >= most } ?? all.count - 1, min(start + 1, all.count - 1))
      return Array(all[start...end])
    }
  }

  private static let decimalLadders = [
    Ladder(base: 10, steps: [2, 5]), Ladder(base: 10, steps: [3]), Ladder(base: 10, steps: []),
    Ladder(base: 1000, steps: []),
  ]
  private static let binaryLadders = [
    Ladder(base: 4, steps: [2]), Ladder(base: 16, steps: [4]), Ladder(base: 64, steps: []),
    Ladder(base: 4096, steps: []),
  ]
}

/// The axis of the percentile charts: how many nines a quantile has.
///
/// 0.9, 0.99 and 0.999 are equally far apart, so that the tail is as wide as it matters.
enum Nines {
  /// Number of nines; `nil` for the maximum, which is not a percentile and infinitely far right.
  static func position(_ quantile: Double) -> Double? {
    guard quantile >= 0, quantile < 1 else { return nil }
    return -log10(1 - quantile)
  }

  /// Labels up to the given number of nines.
  static func ticks(upTo end: Double) -> [(position: Double, label: String)] {
    var ticks: [(Double, String)] = [(0, "0 %"), (-log10(0.5), "50 %")]
    var (nines, label) = (1, "90 %")
    while Double(nines) <= end + 0.01, nines <= 9 {
      ticks.append((Double(nines), label))
      nines += 1
      label = nines == 2 ? "99 %" : "99." + String(repeating: "9", count: nines - 2) + " %"
    }
    return ticks.map { (position: $0.0, label: $0.1) }
  }
}
