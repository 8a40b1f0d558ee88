internal import Glibc
internal import LabResults

/// The percentile curve of a cell: at each quantile, the median and the range of its trials.
struct PercentileCurve {
  /// One quantile.
  struct Point: Equatable {
    /// The quantile as a number of nines.
    var nines: Double
    var median: Double
    var low: Double
    var high: Double
  }

  var points: [Point]

  /// Joins the curves of the trials where at least half of them have a point.
  init(_ cell: Cell) {
    let curves = cell.goodTrials.compactMap(\.latency?.curve)
    var figures: [Double: [Double]] = [:]
    for point in curves.joined() where point.nanoseconds > 0 {
      figures[point.quantile, default: []].append(Double(point.nanoseconds))
    }
    points = figures.sorted { $0.key < $1.key }.compactMap { quantile, values in
      guard values.count * 2 >= curves.count, let nines = Nines.position(quantile) else {
        return nil
      }
      let sorted = values.sorted()
      let median = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
      return Point(
        nines: nines, median: median, low: sorted[0], high: sorted[sorted.count - 1])
    }
  }
}

extension Double {
  /// Position on an axis where each doubling is equally wide.
  var logarithm: Double { log2(self) }
}
