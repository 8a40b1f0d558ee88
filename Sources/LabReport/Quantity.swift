/// What a figure counts, and how a person reads it.
///
/// Three significant digits, a point as the decimal separator in every locale.
enum Quantity: Sendable {
  /// Nanoseconds.
  case duration
  /// Messages per second.
  case rate
  /// Bytes per second.
  case throughput
  /// Bytes.
  case bytes
  /// A plain number, such as context switches per message.
  case count

  private struct Unit {
    var factor: Double
    var name: String
  }

  private var units: [Unit] {
    switch self {
    case .duration:
      [
        Unit(factor: 1, name: " ns"), Unit(factor: 1e3, name: " µs"),
        Unit(factor: 1e6, name: " ms"), Unit(factor: 1e9, name: " s"),
      ]
    case .rate:
      [
        Unit(factor: 1, name: "/s"), Unit(factor: 1e3, name: " k/s"),
        Unit(factor: 1e6, name: " M/s"), Unit(factor: 1e9, name: " G/s"),
      ]
    case .throughput:
      [
        Unit(factor: 1, name: " B/s"), Unit(factor: 1024, name: " KiB/s"),
        Unit(factor: 1_048_576, name: " MiB/s"), Unit(factor: 1_073_741_824, name: " GiB/s"),
      ]
    case .bytes:
      [
        Unit(factor: 1, name: " B"), Unit(factor: 1024, name: " KiB"),
        Unit(factor: 1_048_576, name: " MiB"), Unit(factor: 1_073_741_824, name: " GiB"),
      ]
    case .count: [Unit(factor: 1, name: "")]
    }
  }

  private func unit(for value: Double) -> Unit {
    // 999.6 ns is read as 1.00 µs, so the step up comes where rounding would need a fourth digit.
    units.last { abs(value) >= $0.factor * 0.9995 } ?? units[0]
  }

  /// The value with its unit, such as `4.83 µs`.
  func format(_ value: Double) -> String {
    let unit = unit(for: value)
    return Self.significant(value / unit.factor) + unit.name
  }

  /// The range with its unit said once where one unit fits both, such as `4.70–4.95 µs`.
  func format(low: Double, high: Double) -> String {
    let (lowUnit, highUnit) = (unit(for: low), unit(for: high))
    guard lowUnit.factor == highUnit.factor else { return "\(format(low))–\(format(high))" }
    return Self.significant(low / lowUnit.factor) + "–" + format(high)
  }

  /// The value as a tick of an axis says it: no zeros that carry nothing.
  func tick(_ value: Double) -> String {
    let unit = unit(for: value)
    return Self.trimmed(value / unit.factor, decimals: 3) + unit.name
  }

  /// A message size: exact where a unit does not divide it.
  static func size(_ bytes: Int) -> String {
    for (factor, name) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]
    where bytes >= factor && bytes % factor == 0 {
      return "\(bytes / factor) \(name)"
    }
    return "\(bytes) B"
  }

  /// Three significant digits, without an exponent where a person would not want one.
  static func significant(_ value: Double) -> String {
    switch abs(value) {
    case 0: "0"
    case ..<0.0005: value < 0 ? ">−0.001" : "<0.001"
    case ..<0.0995: fixed(value, decimals: 3)
    case ..<9.995: fixed(value, decimals: 2)
    case ..<99.95: fixed(value, decimals: 1)
    default: fixed(value, decimals: 0)
    }
  }

  /// A number with at most `decimals` digits after the point and no trailing zeros.
  static func trimmed(_ value: Double, decimals: Int) -> String {
    var text = fixed(value, decimals: decimals)
    guard text.contains("."), !text.contains("e") else { return text }
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return text == "-0" ? "0" : text
  }

  /// A number with exactly `decimals` (at most 3) digits after the point.
  static func fixed(_ value: Double, decimals: Int) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
    let scale = [1.0, 10, 100, 1000][decimals]
    let digits = String(UInt64((abs(value) * scale).rounded()))
    let sign = value < 0 ? "-" : ""
    guard decimals > 0 else { return sign + digits }
    let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    return "\(sign)\(padded.dropLast(decimals)).\(padded.suffix(decimals))"
  }

  /// A ratio, such as `1.6×`, with as many digits as it takes to differ from 1.
  static func factor(_ ratio: Double) -> String {
    switch ratio {
    case ..<1.01: fixed(ratio, decimals: 3) + "×"
    case ..<9.95: fixed(ratio, decimals: 2) + "×"
    default: fixed(ratio, decimals: 0) + "×"
    }
  }

  /// A share in percent, such as `3.4 %`.
  static func percent(_ share: Double) -> String { significant(share * 100) + " %" }
}
