internal import FoundationEssentials
internal import LabReport

/// The folder of a lab: its description, and where the parts lie.
public struct LabFolder: Sendable {
  /// Absolute path of the folder.
  public let path: String
  /// What its `lab.json` says.
  public let lab: Lab

  /// The handout.
  public var handout: String { path + "/README.md" }
  /// The package that students begin with.
  public var starter: String { path + "/starter" }
  /// The reference.
  public var solution: String { path + "/solution" }
  /// What programs that are graded must not see.
  var secrets: [String] {
    ["solution", "mutants", "hints"].map { "\(path)/\($0)" }
      .filter { FileManager.default.fileExists(atPath: $0) }
  }
  /// The name of the folder, such as `03-writer-reader`.
  public var name: String { path.lastComponent }

  /// Reads and checks `lab.json` in a folder.
  ///
  /// - Parameter builtIn: Ids of the checks that this build has.
  /// - Throws: ``CourseworkError`` that names the file, what is wrong and what to do.
  public init(path: String, builtIn: Set<String>) throws {
    let file = path + "/lab.json"
    guard let data = FileManager.default.contents(atPath: file) else {
      throw CourseworkError.environment(
        "\(file) cannot be read. A lab is a folder with a lab.json; see Labs/INSTRUCTORS.md.")
    }
    do { lab = try JSONDecoder().decode(Lab.self, from: data) } catch {
      throw CourseworkError.environment(
        "\(file) is not a lab: \(DecodingProblem.explain(error)). "
          + "Labs/INSTRUCTORS.md shows every key.")
    }
    self.path = path
    let problems = lab.problems(builtIn: builtIn) + missingFiles
    if !problems.isEmpty {
      let shown = problems.prefix(4).map { "\n  - \($0)" }.joined()
      let more = problems.count > 4 ? "\n  and \(problems.count - 4) more" : ""
      throw CourseworkError.environment("\(file) has mistakes. Correct these:\(shown)\(more)")
    }
  }

  /// Files that `lab.json` speaks of and that are not there.
  private var missingFiles: [String] {
    var problems: [String] = []
    for check in lab.checks {
      guard let read = check.read else { continue }
      let parts = read.split(separator: "#", maxSplits: 1).map(String.init)
      guard let name = parts.first, let text = Self.text(path + "/" + name) else {
        problems.append("\(check.id): “read” names \(read), and there is no such file")
        continue
      }
      if parts.count == 2, !Headings.slugs(of: text).contains(where: { $0.hasPrefix(parts[1]) }) {
        problems.append("\(check.id): “read” names \(read), and \(name) has no such heading")
      }
    }
    return problems
  }

  static func text(_ path: String) -> String? {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
  }
}

extension Lab {
  /// What is wrong with the description, each in a clause; empty when nothing is.
  ///
  /// - Parameter builtIn: Ids of the checks that this build has.
  func problems(builtIn: Set<String>) -> [String] {
    var problems: [String] = []
    if schema != Self.currentSchema {
      return ["“schema” is \(schema); this ipclab reads \(Self.currentSchema)"]
    }
    if !Self.isWord(id) {
      problems.append("“id” is “\(id)”; use small letters, digits and hyphens")
    }
    if !(1...99).contains(order) { problems.append("“order” is \(order); use 1 to 99") }
    if title.isEmpty { problems.append("“title” is empty") }
    if summary.isEmpty { problems.append("“summary” is empty") }
    if programs.isEmpty { problems.append("“programs” is empty; name at least one program") }
    for name in programNames where !Self.isWord(name) {
      problems.append("the program “\(name)” needs a name of small letters, digits and hyphens")
    }
    if checks.isEmpty { return problems + ["“checks” is empty; a lab needs at least one"] }
    var earlier: Set<String> = []
    for check in checks {
      problems += check.problems(of: self, earlier: earlier, builtIn: builtIn)
      if !earlier.insert(check.id).inserted { problems.append("\(check.id) stands twice") }
    }
    if maxPoints != 100 {
      problems.append("the points of the checks sum to \(maxPoints); they must sum to 100")
    }
    return problems
  }

  static func isWord(_ text: String) -> Bool {
    !text.isEmpty && text.first != "-"
      && text.utf8.allSatisfy {
        (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D
      }
  }
}

extension Lab.Item {
  fileprivate func problems(of lab: Lab, earlier: Set<String>, builtIn: Set<String>) -> [String] {
    var problems: [String] = []
    let word = id.dropFirst(lab.id.count + 1)
    if !id.hasPrefix(lab.id + ".") || !Lab.isWord(String(word)) {
      problems.append("the check “\(id)” must be called “\(lab.id).” and a word")
    }
    if !(0...100).contains(points) { problems.append("\(id): “points” is \(points)") }
    if title.isEmpty { problems.append("\(id): “title” is empty") }
    if explain.isEmpty { problems.append("\(id): “explain” is empty") }
    if task < 1 { problems.append("\(id): “task” is \(task); tasks count from 1") }
    if !(1...600).contains(wallSeconds) {
      problems.append("\(id): “seconds” is \(wallSeconds); use 1 to 600")
    }
    for parent in after ?? [] where !earlier.contains(parent) {
      problems.append("\(id): “after” names \(parent), which is not a check that stands before it")
    }
    if let run {
      if run.isEmpty { problems.append("\(id): “run” is empty; give the command as a list") }
    } else if !builtIn.contains(id) {
      problems.append("\(id) is no built-in check; give its program with “run”")
    }
    return problems
  }
}

extension String {
  /// What follows the last slash.
  var lastComponent: String {
    var path = self[...]
    while path.count > 1 && path.last == "/" { path.removeLast() }
    return path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? String(path)
  }

  /// What stands before the last slash: `.` when there is none.
  var parentPath: String {
    var path = self[...]
    while path.count > 1 && path.last == "/" { path.removeLast() }
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}
