internal import IPCSystem

/// A deliberately wrong solution: edits of the reference, and the check that must notice.
struct Mutant: Sendable {
  /// The name of its file.
  let name: String
  /// What is wrong with it.
  let title: String
  /// The id of the check that must not pass.
  let caughtBy: String
  private let edits: [Edit]

  private struct Edit: Codable {
    var file: String
    var replace: String
    var with: String

    init(from decoder: any Decoder) throws {
      try decoder.refuseKeys(notIn: ["file", "replace", "with"])
      let values = try decoder.container(keyedBy: CodingKeys.self)
      file = try values.decode(String.self, forKey: .file)
      replace = try values.decode(String.self, forKey: .replace)
      with = try values.decode(String.self, forKey: .with)
    }
  }

  private struct Document: Codable {
    var title: String
    var caughtBy: String
    var edits: [Edit]

    init(from decoder: any Decoder) throws {
      try decoder.refuseKeys(notIn: ["title", "caughtBy", "edits"])
      let values = try decoder.container(keyedBy: CodingKeys.self)
      title = try values.decode(String.self, forKey: .title)
      caughtBy = try values.decode(String.self, forKey: .caughtBy)
      edits = try values.decode([Edit].self, forKey: .edits)
    }
  }

  /// The mutants of a lab, by name.
  ///
  /// - Throws: ``CourseworkError`` for one that makes no sense.
  static func all(of folder: LabFolder) throws -> [Mutant] {
    let place = folder.path + "/mutants"
    return try DirectoryListing.names(in: place).filter { $0.hasSuffix(".json") }.sorted().map {
      try Mutant(path: "\(place)/\($0)", lab: folder.lab)
    }
  }

  private init(path: String, lab: Lab) throws {
    guard let document = try JSONFile.read(Document.self, from: path) else {
      throw CourseworkError.environment("\(path) cannot be read.")
    }
    if lab.check(document.caughtBy) == nil {
      throw CourseworkError.environment(
        "\(path): “caughtBy” is \(document.caughtBy), which is no check of \(lab.id).")
    }
    if document.edits.isEmpty { throw CourseworkError.environment("\(path) has no edits.") }
    name = String(path.lastComponent.dropLast(5))
    title = document.title
    caughtBy = document.caughtBy
    edits = document.edits
  }

  /// Makes the edits in a copy of the solution.
  ///
  /// - Throws: ``MutantMisfit`` when the text to replace is not there exactly once.
  func apply(to package: String) throws {
    for edit in edits {
      let path = "\(package)/\(edit.file)"
      guard let text = LabFolder.text(path) else {
        throw MutantMisfit(description: "the solution has no file \(edit.file)")
      }
      let count = text.ranges(of: edit.replace).count
      guard count == 1 else {
        throw MutantMisfit(
          description: "what it replaces in \(edit.file) is there "
            + (count == 0 ? "not at all" : "\(count) times") + "; it must be there once")
      }
      try AtomicFile.write(text.replacing(edit.replace, with: edit.with), to: path)
    }
  }
}

/// A mutant that does not fit the solution any more.
struct MutantMisfit: Error, CustomStringConvertible {
  let description: String
}
