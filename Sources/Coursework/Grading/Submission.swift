internal import FoundationEssentials
internal import Glibc
internal import IPCSystem

/// What is checked: a folder with a Swift package, with commands of another language, or both.
public struct Submission: Sendable {
  /// The folder.
  public let path: String
  /// The commands of programs that are not Swift, by name, in words.
  public let commands: [String: [String]]

  /// The file in which a submission names its commands.
  static let commandsFile = "ipclab.json"

  private struct CommandsFile: Codable {
    var commands: [String: String]
  }

  /// Looks at a folder.
  ///
  /// - Parameters:
  ///   - path: The folder. If it holds nothing but one folder, that one is meant, as archives often
  ///     unpack so.
  ///   - commands: Commands from outside, as text; they win over those of the folder.
  /// - Throws: ``CourseworkError`` when there is no such folder, or `ipclab.json` makes no sense.
  public init(path: String, commands: [String: String] = [:]) throws {
    var place = LabCatalogue.absolute(path)
    guard Self.isFolder(place) else {
      throw CourseworkError.usage("\(path) is not a folder. Name the folder of a submission.")
    }
    for _ in 0..<3 {
      if FileManager.default.fileExists(atPath: place + "/Package.swift")
        || FileManager.default.fileExists(atPath: place + "/" + Self.commandsFile)
      {
        break
      }
      let names = DirectoryListing.names(in: place).filter {
        !$0.hasPrefix(".") && $0 != "__MACOSX"
      }
      guard names.count == 1, FolderCopy.kind(of: place + "/" + names[0]) == .folder else { break }
      place += "/" + names[0]
    }
    self.path = place
    if FolderCopy.kind(of: place + "/" + Self.commandsFile) == .other {
      throw CourseworkError.usage(
        "\(Self.commandsFile) is not a file. Replace it by what it means.")
    }
    let own: CommandsFile?
    do {
      own = try JSONFile.read(CommandsFile.self, from: place + "/" + Self.commandsFile)
    } catch {
      throw CourseworkError.usage(
        "\(error) It is written like this: { \"commands\": { \"writer\": \"python3 writer.py\" } }")
    }
    var all: [String: [String]] = [:]
    for (name, text) in (own?.commands ?? [:]).merging(commands, uniquingKeysWith: { $1 }) {
      all[name] = try Self.words(of: text, program: name).map { word in
        // A word that names a file of the submission means it wherever the program runs.
        let file = place + "/" + word
        let isFile = !word.hasPrefix("-") && Self.isInside(file, place)
        if !isFile, commands[name] == nil, word.split(separator: "/").contains("..") {
          throw CourseworkError.usage(
            "the command for \(name) leads out of the submission: \(word). Only its own files are "
              + "there when it is graded.")
        }
        return isFile ? file : word
      }
    }
    self.commands = all
  }

  private init(path: String, commands: [String: [String]]) {
    self.path = path
    self.commands = commands
  }

  /// The same submission after its files were copied to another folder.
  func moved(to folder: String) -> Submission {
    Submission(
      path: folder,
      commands: commands.mapValues { words in
        words.map { $0.hasPrefix(path + "/") ? folder + $0.dropFirst(path.count) : $0 }
      })
  }

  /// Whether there is a Swift package.
  public var isPackage: Bool { FileManager.default.fileExists(atPath: path + "/Package.swift") }

  /// Takes a command apart: words between blanks, quotes around what belongs together.
  static func words(of command: String, program: String) throws -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    for character in command {
      if let open = quote {
        if character == open { quote = nil } else { word?.append(character) }
      } else if character == "'" || character == "\"" {
        quote = character
        word = word ?? ""
      } else if character.isWhitespace {
        if let done = word { words.append(done) }
        word = nil
      } else {
        word = (word ?? "") + String(character)
      }
    }
    if let done = word { words.append(done) }
    if quote != nil || words.isEmpty {
      throw CourseworkError.usage(
        "the command for \(program) makes no sense: “\(command)”. "
          + "It is a program and its arguments, such as: python3 \(program).py")
    }
    return words
  }

  /// Sees that the programs of the commands are there, and can be run.
  ///
  /// - Throws: ``CourseworkError`` when one is not.
  public func lookForPrograms() throws {
    for (name, words) in commands.sorted(by: { $0.key < $1.key }) {
      try Self.look(for: words.first ?? "", of: name)
    }
  }

  private static func look(for file: String, of name: String) throws {
    let path = unsafe getenv("PATH").map { unsafe String(cString: $0) } ?? ""
    let places = file.contains("/") ? [file] : path.split(separator: ":").map { "\($0)/\(file)" }
    if places.contains(where: { unsafe access($0, X_OK) == 0 }) { return }
    let isThere = places.contains(where: Files.exist)
    throw CourseworkError.usage(
      isThere
        ? "the command for \(name) cannot be run: \(file). If it is a script, name the program that "
          + "runs it first, such as: python3 \(name).py"
        : "the command for \(name) is not there: \(file). Programs of compiled languages have to be "
          + "compiled before, and the path begins at the folder of the submission.")
  }

  /// Whether a file is there, and in a folder, wherever links lead.
  static func isInside(_ file: String, _ folder: String) -> Bool {
    guard let file = real(file), let folder = real(folder) else { return false }
    return file == folder || file.isBelow(folder)
  }

  private static func real(_ path: String) -> String? {
    guard let text = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(text) }
    return unsafe String(cString: text)
  }

  /// Whether there is a folder, links followed: for what a person names.
  static func isFolder(_ path: String) -> Bool {
    var isDirectory = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory
  }
}
