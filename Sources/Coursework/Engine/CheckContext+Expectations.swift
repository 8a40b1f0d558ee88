internal import Glibc
internal import IPCSystem

extension CheckContext {
  /// Waits until the condition holds.
  ///
  /// A program that ends meanwhile, and has not been waited for, ends the wait if it failed or was the
  /// last one.
  ///
  /// - Parameter what: What should happen, such as “the pipe \(name) exists”.
  /// - Throws: ``CheckFailure`` when it does not in time.
  public func until(
    _ what: String, within: Duration = .seconds(5), _ condition: () throws -> Bool
  ) throws {
    let within = patient(within)
    let end = min(deadline, .after(within))
    var hopeless: Deadline?
    while true {
      if try condition() { return }
      if end.hasPassed {
        throw CheckFailure(
          .timeout, expected: "\(what) within \(within)", seen: "that did not happen")
      }
      if let hopeless, hopeless.hasPassed, let ending = surprise {
        throw CheckFailure(expected: what, seen: ending)
      }
      // What it did before it ended may take a moment to show.
      if hopeless == nil && surprise != nil { hopeless = .after(.milliseconds(300)) }
      usleep(2000)
    }
  }

  /// How a program ended with which nobody has reckoned: one that failed, or the last that ran.
  private var surprise: String? {
    let ended = programs.filter { program in
      program.state.look { $0.isOver && !$0.wasAwaited && !$0.wasKilled }
    }
    let failed = ended.first { $0.status?.isSuccess == false }
    let isAnyRunning = programs.contains(where: \.isRunning)
    return (failed ?? (isAnyRunning ? nil : ended.last))?.ending
  }

  /// Goes on if the condition holds.
  ///
  /// - Throws: ``CheckFailure`` if not.
  public func expect(
    _ condition: Bool, expected: String, seen: @autoclosure () -> String, cause: String? = nil
  ) throws {
    if !condition { try fail(expected: expected, seen: seen(), cause: cause) }
  }

  /// Goes on if both are the same.
  ///
  /// - Parameter what: What they are, such as “the copy”.
  /// - Throws: ``CheckFailure`` with the offset of the first difference.
  public func expectEqual(
    _ seen: [UInt8], _ expected: [UInt8], _ what: String, cause: String? = nil
  ) throws {
    if seen == expected { return }
    let offset = zip(seen, expected).enumerated().first { $1.0 != $1.1 }?.offset
    let place = offset ?? min(seen.count, expected.count)
    let start = max(0, place - 8)
    func part(_ bytes: [UInt8]) -> String {
      if place >= bytes.count {
        return "\(what) of \(bytes.count) bytes, ending with "
          + Escaped.text(bytes.suffix(min(24, bytes.count)))
      }
      return "\(what) of \(bytes.count) bytes, from offset \(start): "
        + Escaped.text(bytes[start..<min(bytes.count, place + 24)])
    }
    try fail(
      expected: part(expected),
      seen: part(seen) + "; the first difference is at offset \(place)", cause: cause)
  }

  /// Goes on if both are the same.
  public func expectEqual(
    _ seen: String, _ expected: String, _ what: String, cause: String? = nil
  ) throws {
    try expectEqual(Array(seen.utf8), Array(expected.utf8), what, cause: cause)
  }

  /// Ends the check: it has failed.
  public func fail(expected: String, seen: String, cause: String? = nil) throws -> Never {
    throw CheckFailure(expected: expected, seen: seen, cause: cause)
  }
}
