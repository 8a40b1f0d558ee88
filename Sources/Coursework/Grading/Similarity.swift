/// Two submissions that have much in common.
public struct SimilarPair: Codable, Sendable, Equatable {
  /// The name of the one submission.
  public var one: String
  /// The name of the other.
  public var other: String
  /// The part of the smaller one that is also in the other, 0 to 1.
  public var share: Double
  /// The longest common passages: a place in each, and how many lines of the first it covers.
  public var passages: [Passage]

  /// A passage that both have.
  public struct Passage: Codable, Sendable, Equatable {
    /// Where it begins in the one, as `file:line`.
    public var one: String
    /// Where it begins in the other.
    public var other: String
    /// How many lines of the first it covers.
    public var lines: Int
  }
}

/// Compares sources without regard to names, layout and comments.
///
/// Every submission is a set of fingerprints of short runs of tokens, of which the smallest in each
/// window is kept (winnowing: Schleimer, Wilkerson, Aiken 2003). What the starter has, and what a
/// third of the class has, counts for nobody. It is a triage aid: it says where to look, not who
/// copied.
enum Similarity {
  /// What every listing of pairs says first.
  static let warning =
    "This listing is a triage aid: it says which pairs a person may want to read side by side, and "
    + "proves nothing. Short programs that follow the same handout look alike."

  /// Tokens in a fingerprint, and fingerprints in a window.
  private static let length = 14
  private static let window = 6
  /// Pairs below this are not listed.
  private static let least = 0.4
  private static let fewest = 6

  private struct Print {
    var hash: UInt64
    var position: Int
  }

  /// The pairs that have most in common, at most 100.
  ///
  /// - Parameters:
  ///   - sources: The submissions.
  ///   - given: What everybody was given.
  static func pairs(_ sources: [(String, SourceText)], given: [SourceText]) -> [SimilarPair] {
    let common = Set(given.flatMap { hashes($0).map(\.hash) })
    var prints = sources.map { source in
      winnow(hashes(source.1)).filter { !common.contains($0.hash) }
    }
    var owners: [UInt64: [Int]] = [:]
    for (index, list) in prints.enumerated() {
      for hash in Set(list.map(\.hash)) { owners[hash, default: []].append(index) }
    }
    let usual = max(3, sources.count / 3)
    prints = prints.map { $0.filter { owners[$0.hash, default: []].count <= usual } }
    let twins = twins(sources, given: given)
    let sets = prints.map { Set($0.map(\.hash)) }
    var shared: [Int: Int] = [:]
    for list in owners.values where list.count > 1 && list.count <= usual {
      for (place, one) in list.enumerated() {
        for other in list[(place + 1)...] { shared[one * sources.count + other, default: 0] += 1 }
      }
    }
    var pairs: [SimilarPair] = []
    for (key, count) in shared where count >= fewest {
      let (one, other) = (key / sources.count, key % sources.count)
      let share = Double(count) / Double(max(1, min(sets[one].count, sets[other].count)))
      guard share >= least else { continue }
      pairs.append(
        SimilarPair(
          one: sources[one].0, other: sources[other].0, share: min(1, share),
          passages: passages(sources[one].1, prints[one], sources[other].1, prints[other])))
    }
    let listed = Set(pairs.map { $0.one + "\n" + $0.other })
    pairs += twins.filter { !listed.contains($0.one + "\n" + $0.other) }
    let ranked = pairs.sorted { a, b in
      a.share != b.share ? a.share > b.share : (a.one, a.other) < (b.one, b.other)
    }
    return Array(ranked.prefix(100))
  }

  /// Submissions that are the same token by token, also where a third of the class has it so.
  private static func twins(
    _ sources: [(String, SourceText)], given: [SourceText]
  ) -> [SimilarPair] {
    func whole(_ text: SourceText) -> [UInt64] { text.tokens.map(\.kind) }
    let handedOut = Set(given.map(whole))
    let groups = Dictionary(grouping: sources) { whole($0.1) }
      .filter { !$0.key.isEmpty && !handedOut.contains($0.key) }
    return groups.values.flatMap { group in
      zip(group, group.dropFirst()).map { one, other in
        let lines = one.1.tokens.last.map(\.line) ?? 0
        let (first, second) = (one.1.files.first ?? "", other.1.files.first ?? "")
        return SimilarPair(
          one: one.0, other: other.0, share: 1,
          passages: [.init(one: first + ":1", other: second + ":1", lines: lines)])
      }
    }
  }

  private static func hashes(_ text: SourceText) -> [Print] {
    let tokens = text.tokens
    guard tokens.count >= length else { return [] }
    return (0...(tokens.count - length)).map { start in
      var hash: UInt64 = 0xCBF2_9CE4_8422_2325
      for token in tokens[start..<(start + length)] {
        hash = (hash ^ token.kind) &* 0x100_0000_01B3
        hash ^= hash >> 29
      }
      return Print(hash: hash, position: start)
    }
  }

  /// The smallest of every window, each once.
  private static func winnow(_ prints: [Print]) -> [Print] {
    guard prints.count > window else { return prints }
    var kept: [Print] = []
    var last = -1
    for start in 0...(prints.count - window) {
      var smallest = start
      for index in start..<(start + window) where prints[index].hash <= prints[smallest].hash {
        smallest = index
      }
      if smallest != last {
        kept.append(prints[smallest])
        last = smallest
      }
    }
    return kept
  }

  /// The three longest runs of fingerprints that follow each other closely in both.
  private static func passages(
    _ one: SourceText, _ onePrints: [Print], _ other: SourceText, _ otherPrints: [Print]
  ) -> [SimilarPair.Passage] {
    let places = Dictionary(
      otherPrints.map { ($0.hash, $0.position) }, uniquingKeysWith: { a, _ in a })
    var runs: [(from: Int, to: Int, other: Int)] = []
    var previous: (one: Int, other: Int)?
    for print in onePrints {
      guard let place = places[print.hash] else { continue }
      if let before = previous, print.position - before.one < 3 * length,
        abs((place - before.other) - (print.position - before.one)) < 2 * length
      {
        runs[runs.count - 1].to = print.position
      } else {
        runs.append((print.position, print.position, place))
      }
      previous = (print.position, place)
    }
    func place(_ text: SourceText, _ token: Int) -> String {
      "\(text.files[text.tokens[token].file]):\(text.tokens[token].line)"
    }
    return runs.sorted { $0.to - $0.from > $1.to - $1.from }.prefix(3).map { run in
      let first = one.tokens[run.from]
      let last = one.tokens[min(run.to + length - 1, one.tokens.count - 1)]
      return SimilarPair.Passage(
        one: place(one, run.from), other: place(other, run.other),
        lines: last.file == first.file ? last.line - first.line + 1 : 1)
    }
  }
}
