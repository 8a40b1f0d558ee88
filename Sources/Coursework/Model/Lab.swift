/// A lab as its `lab.json` describes it.
public struct Lab: Codable, Sendable, Equatable {
  /// The version of the format that this build reads.
  public static let currentSchema = 1

  /// The version of the format.
  public var schema: Int
  /// A short word, also the beginning of the ids of its checks: `copy`.
  public var id: String
  /// Its number.
  public var order: Int
  /// A few words.
  public var title: String
  /// One sentence.
  public var summary: String
  /// The programs that a submission consists of, and what each is.
  public var programs: [String: String]
  /// The checks, in the order in which they run.
  public var checks: [Item]

  /// A check: what it is worth and what it is about. What it does is elsewhere.
  public struct Item: Codable, Sendable, Equatable {
    /// The lab's id, a dot and a word: `copy.binary`.
    public var id: String
    /// What passing it earns.
    public var points: Int
    /// What must be so, in a few words.
    public var title: String
    /// The task of the handout that it belongs to.
    public var task: Int
    /// What it tests and why.
    public var explain: String
    /// Where to read about it: a file of the lab and a heading, `README.md#task-2`.
    public var read: String?
    /// Checks without which this one is skipped.
    public var after: [String]?
    /// How long it may take; ``wallSeconds`` when it does not say.
    public var seconds: Int?
    /// The command of a check that is a program of the lab's folder.
    public var run: [String]?
    /// Whether students see its result only when grades are published.
    public var hidden: Bool?

    /// How long it may take in seconds.
    public var wallSeconds: Int { seconds ?? 10 }
  }

  /// The names of the programs, sorted.
  public var programNames: [String] { programs.keys.sorted() }

  /// What all checks together are worth.
  public var maxPoints: Int { checks.reduce(0) { $0 + $1.points } }

  /// The check of this id.
  public func check(_ id: String) -> Item? { checks.first { $0.id == id } }

  /// The number and the title, as lists show them: `3  Writer and reader`.
  public var heading: String { "Lab \(order): \(title)" }
}

// MARK: - Decoding that refuses what it does not know

extension Lab {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case schema, id, order, title, summary, programs, checks
  }

  /// Decodes a lab; a key that is not known is an error, so that a misspelled one does not go unseen.
  public init(from decoder: any Decoder) throws {
    try decoder.refuseKeys(notIn: CodingKeys.allCases.map(\.rawValue))
    let values = try decoder.container(keyedBy: CodingKeys.self)
    schema = try values.decode(Int.self, forKey: .schema)
    id = try values.decode(String.self, forKey: .id)
    order = try values.decode(Int.self, forKey: .order)
    title = try values.decode(String.self, forKey: .title)
    summary = try values.decode(String.self, forKey: .summary)
    programs = try values.decode([String: String].self, forKey: .programs)
    checks = try values.decode([Item].self, forKey: .checks)
  }
}

extension Lab.Item {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case id, points, title, task, explain, read, after, seconds, run, hidden
  }

  /// Decodes a check; a key that is not known is an error.
  public init(from decoder: any Decoder) throws {
    try decoder.refuseKeys(notIn: CodingKeys.allCases.map(\.rawValue))
    let values = try decoder.container(keyedBy: CodingKeys.self)
    id = try values.decode(String.self, forKey: .id)
    points = try values.decode(Int.self, forKey: .points)
    title = try values.decode(String.self, forKey: .title)
    task = try values.decode(Int.self, forKey: .task)
    explain = try values.decode(String.self, forKey: .explain)
    read = try values.decodeIfPresent(String.self, forKey: .read)
    after = try values.decodeIfPresent([String].self, forKey: .after)
    seconds = try values.decodeIfPresent(Int.self, forKey: .seconds)
    run = try values.decodeIfPresent([String].self, forKey: .run)
    hidden = try values.decodeIfPresent(Bool.self, forKey: .hidden)
  }
}

extension Decoder {
  /// Refuses an object that has a key which is not in the list.
  func refuseKeys(notIn known: [String]) throws {
    let present = try container(keyedBy: AnyKey.self).allKeys.map(\.stringValue).sorted()
    if let stranger = present.first(where: { !known.contains($0) }) {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: codingPath,
          debugDescription: "“\(stranger)” is not a key that is known "
            + "(known are \(known.joined(separator: ", ")))"))
    }
  }
}

private struct AnyKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }
  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}
