internal import IPCSystem
internal import LabResults

/// Durations of individually timed operations, recorded without allocating.
@safe struct Samples: ~Copyable {
  private let values: UnsafeMutableBufferPointer<UInt64>
  private(set) var count = 0

  /// Makes room for `capacity` samples and touches the memory, so that recording never faults.
  init(capacity: Int) {
    unsafe values = .allocate(capacity: capacity)
    unsafe values.initialize(repeating: 1)
  }

  /// Makes room for as many operations as a trial can have: none takes less than 100 ns.
  init(for parameters: TrialParameters) { self.init(capacity: Self.most(for: parameters)) }

  /// The most operations that a trial can have.
  static func most(for parameters: TrialParameters) -> Int {
    let inTime =
      parameters.nanoseconds == 0 ? .max : Int(clamping: parameters.nanoseconds / 100) + 1
    return min(parameters.count, inTime)
  }

  deinit { unsafe values.deallocate() }

  var isFull: Bool { unsafe count == values.count }

  @inline(__always)
  mutating func record(_ nanoseconds: UInt64) {
    unsafe values[count] = nanoseconds
    count += 1
  }

  /// The distribution of what was recorded; `nil` when nothing was.
  mutating func distribution() -> LatencyDistribution? {
    guard count > 0 else { return nil }
    var recorded = unsafe UnsafeMutableBufferPointer(rebasing: values[..<count])
    unsafe recorded.sort()
    return unsafe LatencyDistribution(sorted: UnsafeBufferPointer(recorded))
  }
}

extension LatencyDistribution {
  /// Quantiles of a curve that are wanted where the samples support them.
  private static let quantiles: [Double] = [
    0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999,
    0.99999,
  ]

  /// Computes the distribution of sorted samples, of which there must be at least one.
  ///
  /// A quantile is supported when at least ten samples lie beyond it.
  init(sorted: UnsafeBufferPointer<UInt64>) {
    let count = sorted.count
    func index(_ quantile: Double) -> Int { Int(Double(count - 1) * quantile) }
    func at(_ quantile: Double) -> UInt64 { unsafe sorted[index(quantile)] }
    func supported(_ quantile: Double) -> Bool { count - 1 - index(quantile) >= 10 }
    func percentile(_ quantile: Double) -> UInt64? { supported(quantile) ? at(quantile) : nil }
    var sum = 0.0
    for index in 0..<count { unsafe sum += Double(sorted[index]) }
    self.init(
      samples: count, min: at(0), p50: at(0.5), p90: percentile(0.9), p99: percentile(0.99),
      p999: percentile(0.999), max: at(1), mean: sum / Double(count),
      curve: Self.quantiles.filter { $0 <= 0.5 || supported($0) }
        .map { Point(quantile: $0, nanoseconds: at($0)) })
  }
}
