import LabResults
import Testing

@testable import LabRunner

@Suite("Statistics")
struct StatisticsTests {
  private func distribution(_ values: [UInt64]) throws -> LatencyDistribution {
    var samples = Samples(capacity: values.count)
    for value in values { samples.record(value) }
    let distribution = samples.distribution()
    return try #require(distribution)
  }

  @Test("the percentiles of 1 to 10000 are what they are by definition")
  func percentiles() throws {
    let result = try distribution((1...10_000).shuffled().map { UInt64($0) })
    #expect(result.min == 1)
    #expect(result.p50 == 5000)
    #expect(result.p90 == 9000)
    #expect(result.p99 == 9900)
    #expect(result.p999 == 9990)
    #expect(result.max == 10_000)
    #expect(result.mean == 5000.5)
    #expect(result.samples == 10_000)
  }

  @Test("a percentile with fewer than ten samples beyond it is not given")
  func support() throws {
    let few = try distribution((1...90).map { UInt64($0) })
    #expect(few.p90 == nil)
    #expect(try distribution((1...100).map { UInt64($0) }).p90 != nil)
    let some = try distribution((1...9_000).map { UInt64($0) })
    #expect(some.p99 != nil)
    #expect(some.p999 == nil)
    #expect(some.curve.allSatisfy { $0.quantile < 0.999 })
  }

  @Test("a summary is of trials, and leaves out those that failed")
  func summary() throws {
    var trials = [100.0, 300, 200].enumerated().map { order, rate in
      Trial(
        order: order, seed: 1, count: 10, warmup: 1, elapsedNanoseconds: 1, messagesPerSecond: rate,
        bytesPerSecond: rate * 64,
        serverUsage: Usage(userNanoseconds: 40, voluntarySwitches: 20),
        clientUsage: Usage(systemNanoseconds: 60, involuntarySwitches: 10))
    }
    trials.append(Trial(order: 3, seed: 1, count: 0, warmup: 1, failure: "killed"))
    let summary = try #require(Statistics.summary(of: trials))
    #expect(summary.trials == 3)
    #expect(summary.messagesPerSecond == Spread(median: 200, low: 100, high: 300))
    #expect(summary.cpuNanosecondsPerMessage.median == 10)
    #expect(summary.switchesPerMessage.median == 3)
    #expect(Statistics.summary(of: [trials[3]]) == nil)
  }

  @Test("noise is the largest difference of a mechanism from itself")
  func noise() throws {
    func comparison(_ difference: Double) -> NoiseGrade.Comparison {
      .init(
        mechanism: "fifo", scenario: "echo", placement: "same", size: 64, first: 1, second: 1,
        relativeDifference: difference)
    }
    #expect(Statistics.noise([]) == nil)
    #expect(Statistics.noise([comparison(0.01), comparison(0.04)])?.grade == "quiet")
    #expect(Statistics.noise([comparison(0.01), comparison(0.1)])?.grade == "usable")
    #expect(Statistics.noise([comparison(0.5), comparison(0.01)])?.grade == "noisy")
  }
}
