import LabResults
import TestSupport
import Testing

@testable import LabReport

@Suite("Charts")
struct ChartTests {
  private func chart(_ points: [LineChart.Point?]) throws -> PageReader {
    let frame = LineChart.Frame(
      title: "t", description: "d", xTitle: "x", yTitle: "y",
      xTicks: [.init(x: 0, label: "a"), .init(x: 1, label: "b"), .init(x: 2, label: "c")],
      quantity: .duration)
    let style = MechanismStyle(family: 0, member: 0)
    let chart = try #require(
      LineChart(frame, [LineChart.Series(label: "m", style: style, points: points)]))
    let page = PageReader.read(chart.svg(id: "c").source)
    #expect(page.problem == nil)
    return page
  }

  private func point(_ x: Double, _ y: Double) -> LineChart.Point {
    LineChart.Point(x: x, median: y, low: y, high: y, note: "n")
  }

  @Test("a missing point is a gap in the line")
  func gap() throws {
    let page = try chart([point(0, 10), nil, point(2, 20)])
    let path = try #require(page.all("path").first?.attributes["d"])
    #expect(path.filter { $0 == "M" }.count == 2)
    #expect(!path.contains("L"))
    #expect(page.all("circle").count == 3, "two points and the sample beside the label")
  }

  @Test("neighbouring points are joined")
  func joined() throws {
    let page = try chart([point(0, 10), point(1, 15), nil])
    let path = try #require(page.all("path").first?.attributes["d"])
    #expect(path.filter { $0 == "M" }.count == 1)
    #expect(path.filter { $0 == "L" }.count == 1)
  }

  @Test("a chart without a point is no chart")
  func nothing() {
    let frame = LineChart.Frame(
      title: "t", description: "d", xTitle: "x", yTitle: "y", xTicks: [], quantity: .duration)
    let style = MechanismStyle(family: 0, member: 0)
    let series = LineChart.Series(label: "m", style: style, points: [nil, nil])
    #expect(LineChart(frame, [series]) == nil)
  }

  @Test("more lines than fit beside the chart get a legend below")
  func legend() throws {
    let frame = LineChart.Frame(
      title: "t", description: "d", xTitle: "x", yTitle: "y", xTicks: [.init(x: 0, label: "a")],
      quantity: .duration)
    func height(_ count: Int) throws -> Double {
      let series = (0..<count).map {
        LineChart.Series(
          label: "m\($0)", style: MechanismStyle(family: $0 % 8, member: $0 / 8),
          points: [point(0, Double($0 + 1))])
      }
      let chart = try #require(LineChart(frame, series))
      let page = PageReader.read(chart.svg(id: "c").source)
      for index in 0..<count {
        #expect(page.all("text").contains { $0.text == "m\(index)" }, "no label m\(index)")
      }
      let box = try #require(page.all("svg").first?.attributes["viewBox"])
      return try #require(box.split(separator: " ").last.flatMap { Double($0) })
    }
    #expect(try height(60) > height(15))
  }

  @Test("a bar without a figure has its reason in place of the bar")
  func missingBar() throws {
    let style = MechanismStyle(family: 0, member: 0)
    let bars = [
      BarChart.Bar(
        label: "a", style: style, value: .init(median: 5, low: 4, high: 6), note: "5 ns"),
      BarChart.Bar(label: "b", style: style, value: nil, note: "not applicable: why"),
    ]
    let chart = BarChart(
      title: "t", description: "d", groups: [BarChart.Group(title: "g", bars: bars)])
    let page = PageReader.read(chart.svg(id: "c").source)
    #expect(page.problem == nil)
    #expect(page.all("rect").count == 1)
    #expect(page.all("text").contains { $0.text == "not applicable: why" })
  }

  @Test("bars begin at 0 and are as long as their figures")
  func proportional() throws {
    let style = MechanismStyle(family: 0, member: 0)
    let bars = [10.0, 5, 0].map {
      BarChart.Bar(label: "m", style: style, value: .init(median: $0, low: $0, high: $0), note: "")
    }
    let chart = BarChart(
      title: "t", description: "d", groups: [BarChart.Group(title: "g", bars: bars)])
    let widths = PageReader.read(chart.svg(id: "c").source).all("rect").compactMap {
      $0.attributes["width"].flatMap { Double($0) }
    }
    #expect(widths.count == 3)
    #expect(widths[2] == 0)
    #expect(abs(widths[0] - 2 * widths[1]) < 0.2)
  }

  @Test("labels keep their distance, their order and the limits")
  func labels() throws {
    var random = SeededGenerator(seed: 99)
    for _ in 0..<200 {
      let wanted = (0..<12).map { _ in 400 * random.unit() - 50 }
      let placed = try #require(LabelLayout.spread(wanted, height: 15, from: 0, to: 300))
      let sorted = zip(wanted, placed).sorted { $0.0 < $1.0 }.map(\.1)
      for (above, below) in zip(sorted, sorted.dropFirst()) {
        #expect(below - above >= 15 - 1e-6, "\(wanted)")
      }
      #expect(placed.allSatisfy { (-1e-6...300 + 1e-6).contains($0) }, "\(wanted)")
    }
    #expect(LabelLayout.spread([10, 200], height: 15, from: 0, to: 300) == [10, 200])
    #expect(LabelLayout.spread(Array(repeating: 5, count: 30), height: 15, from: 0, to: 300) == nil)
  }

  @Test("an axis begins and ends on a tick and covers every figure")
  func domains() throws {
    for (least, most) in [(3.0, 7.0), (0.2, 55_000), (1, 1), (900, 1100), (1e-9, 1e12)] {
      for binary in [false, true] {
        let domain = try #require(LogDomain.covering([least, most], binary: binary))
        #expect(domain.low <= least && domain.high >= most, "\(least) \(most)")
        #expect(domain.low < domain.high)
        #expect(domain.ticks.first == domain.low && domain.ticks.last == domain.high)
        #expect(domain.ticks.count <= 11)
      }
    }
    #expect(LogDomain.covering([0, -1, .infinity], binary: false) == nil)
  }

  @Test("each nine of a percentile is equally wide and the maximum has no place")
  func nines() throws {
    let places = try [0.9, 0.99, 0.999].map { try #require(Nines.position($0)) }
    for (place, nines) in zip(places, [1.0, 2, 3]) { #expect(abs(place - nines) < 1e-9) }
    #expect(Nines.position(1) == nil)
    #expect(
      Nines.ticks(upTo: 3.3).map(\.label) == ["0 %", "50 %", "90 %", "99 %", "99.9 %"])
  }

  @Test("a percentile that fewer than half of the trials support is not drawn")
  func curves() {
    var trials = [Fixture.trip(100), Fixture.trip(200), Fixture.trip(300)]
    trials[0].latency?.curve.append(.init(quantile: 0.99, nanoseconds: 900))
    let curve = PercentileCurve(Fixture.cell("a", "echo", "same", 64, trials))
    #expect(curve.points.map(\.median) == [100, 200, 400])
    #expect(curve.points.map(\.high) == [150, 300, 600])
  }

  @Test("mechanisms of a family share a colour and no two look the same")
  func styles() {
    let mechanisms = SampleDocument.make().mechanisms
    let styles = MechanismStyle.assign(mechanisms)
    #expect(styles["tcp"]?.className == styles["udp"]?.className)
    #expect(styles["tcp"]?.className != styles["fifo"]?.className)
    let looks = Set(mechanisms.map { "\(styles[$0.id]!.className) \(styles[$0.id]!.dash)" })
    #expect(looks.count == mechanisms.count)
    let strange = MechanismStyle.assign(
      (0..<9).map { Fixture.mechanism("\($0)", family: "f\($0)") })
    #expect(strange.values.allSatisfy { (6..<MechanismStyle.classCount).contains($0.family) })
  }
}
