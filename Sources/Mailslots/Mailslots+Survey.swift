public import IPCSystem

/// A mailslot, as it is found from outside.
public struct SurveyedMailslot: Sendable, Codable {
  /// The whole name; `nil` when it cannot be told.
  public let name: String?
  /// The computer that it is on, and that computer's domain.
  public let computer: String
  /// See ``computer``.
  public let domain: String
  /// The longest message in bytes; `nil` for any.
  public let maximumMessage: Int?
  /// How many messages wait to be read; `nil` when the reader's process does not answer.
  public let waiting: Int?
  /// The size of the next of them in bytes.
  public let next: Int?
  /// The reader's process.
  public let owner: ProcessFacts
  /// Where the name is kept.
  public let place: String
}

extension Mailslots {
  /// How long a reader's process has to answer. One that is stopped does not.
  private static let patience = Duration.milliseconds(500)

  /// The mailslots of this user. Nothing is changed. Also says what is among them that is none.
  public static func survey(
    _ runtime: RuntimeDirectory
  ) -> (mailslots: [SurveyedMailslot], foreign: [SurveyedPath]) {
    var names: [SurveyedName] = []
    let foreign =
      NameRegistry(existing: kind, in: runtime)?.survey { names.append($0) } ?? []
    var mailslots: [SurveyedMailslot] = []
    // Not while a name is locked: an answer may take its time.
    for name in names {
      let entries = name.directory.entries()
      for owner in name.owners {
        let entry = entries.first { $0.owner == owner.number && MailslotEntry($0) != nil }
          .flatMap(MailslotEntry.init)
        let answer = MailslotInquiries.ask(
          name.directory, owner.number, deadline: .after(patience))
        let maximum = entry?.maximum ?? 0
        mailslots.append(
          SurveyedMailslot(
            name: name.text.map { MailslotName.prefix + $0 }, computer: entry?.computer ?? "?",
            domain: entry?.domain ?? "?", maximumMessage: maximum == 0 ? nil : maximum,
            waiting: answer?.count, next: answer?.next, owner: ProcessFacts(of: owner.pid),
            place: name.place))
      }
    }
    return (mailslots, foreign)
  }

  /// Removes what ended readers have left, and says what; never anything alive.
  public static func clean(_ runtime: RuntimeDirectory) -> [SurveyedPath] {
    NameRegistry(existing: kind, in: runtime)?.clean("mailslot") ?? []
  }

  /// What readers that have ended have left; what ``clean(_:)`` would remove at this moment.
  public static func remains(_ runtime: RuntimeDirectory) -> [SurveyedPath] {
    var found: [SurveyedPath] = []
    _ = NameRegistry(existing: kind, in: runtime)?.survey { found += $0.removals("mailslot") }
    return found
  }
}
