internal import IPCSystem
internal import LabRunner

/// How far a run is: a bar on a terminal, a line now and then elsewhere. Drawn between trials only.
struct ProgressLine {
  private let isTerminal = Output.canDraw(on: 2)
  private let color = Output.color(on: 2)
  private var lastDrawn: UInt64 = 0

  /// Shows how the run stands, if it is time to; `remaining` is `nil` while nobody can tell.
  mutating func show(
    done: Int, total: Int, remaining: UInt64?, label: String, unit: String = "trials"
  ) {
    let now = MonotonicClock.now()
    let interval: UInt64 = isTerminal ? 100_000_000 : 10_000_000_000
    guard lastDrawn == 0 || now - lastDrawn >= interval else { return }
    lastDrawn = now
    let percent = total == 0 ? 100 : done * 100 / total
    let left = remaining.map { Self.duration($0) + " left" } ?? ""
    if isTerminal {
      let slots = 24
      let filled = total == 0 ? slots : done * slots / total
      let bar =
        String(repeating: "█", count: filled) + String(repeating: "░", count: slots - filled)
      let text = "\(bar) \(percent) %  \(left)  \(label)".prefix(max(20, Output.width - 1))
      StandardError.write("\r\u{1B}[K" + (color ? "\u{1B}[36m\(text)\u{1B}[0m" : String(text)))
    } else {
      let estimate = left.isEmpty ? "" : ", about \(left)"
      StandardError.write("\(done) of \(total) \(unit) (\(percent) %)\(estimate)\n")
    }
  }

  /// Removes the bar.
  func finish() {
    if isTerminal { StandardError.write("\r\u{1B}[K") }
  }

  /// `45 s`, `3 min 20 s`.
  static func duration(_ nanoseconds: UInt64) -> String {
    let seconds = max(1, (nanoseconds + 500_000_000) / 1_000_000_000)
    return seconds < 60 ? "\(seconds) s" : "\(seconds / 60) min \(seconds % 60) s"
  }
}
