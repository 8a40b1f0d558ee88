internal import Coursework
internal import IPCSystem
internal import LabReport
internal import LabRunner

/// `ipclab lab check`: builds and checks what a student wrote.
enum LabCheckCommand {
  static let command = Command(
    name: "check", summary: "Build your programs and see what works, and why something does not",
    help: """
      Usage: ipclab lab check [LAB] [OPTIONS]

      Builds the programs in your folder of the lab, runs the checks, and explains the first one that
      does not pass. Without LAB it is the lab whose folder this is.

        --test GLOB            only the checks whose names match, such as copy.binary or 'copy.b*'
        --seed N               the same random data as in an earlier run
        --verbose              explain every check, not only the first that does not pass
        --dir DIR              check the programs in DIR; LAB is needed then
        --command NAME='CMD'   run this for the program NAME, for languages other than Swift
        --labs DIR             another folder of labs than the one ipclab comes with

      Examples:
        ipclab lab check
        ipclab lab check --test copy.binary --seed 17
        ipclab lab check 3 --dir . --command writer='python3 writer.py' --command reader=./reader

      Exit codes: 0 all passed, 1 some did not, 2 your programs cannot be run or built, or usage,
      3 environment.

      """,
    run: run)

  static let options = ["--test", "--seed", "--dir", LabPlace.option]

  static func run(_ words: [String]) throws -> Int32 {
    let arguments = try Arguments(
      words, options: options, flags: ["--verbose"], lists: ["--command"])
    return try LabCheckRun(arguments, interruption: Interruption()).run()
  }
}

/// One run of the checks for a student.
struct LabCheckRun {
  let folder: LabFolder
  let student: StudentFolder?
  /// Where the programs are.
  let path: String
  private let arguments: Arguments
  private let items: [Lab.Item]
  private let interruption: Interruption

  init(_ arguments: Arguments, interruption: Interruption) throws {
    self.arguments = arguments
    self.interruption = interruption
    let catalogue = try LabPlace.catalogue(arguments)
    let word = try LabPlace.word(arguments)
    if let directory = arguments.text("--dir") {
      let own = try StudentFolder.enclosing(directory)
      guard let name = word ?? own?.labID else {
        throw UsageError(
          "which lab is in \(directory)? Such as: ipclab lab check 1 --dir \(directory)")
      }
      folder = try catalogue.lab(name)
      // Programs of one lab may be within the folder of another, which keeps its own progress.
      student = own?.labID == folder.lab.id ? own : nil
      path = LabCatalogue.absolute(directory)
    } else {
      let (lab, own) = try LabPlace.work(word, in: catalogue)
      (folder, student, path) = (lab, own, own.path)
    }
    let glob = arguments.text("--test")
    items = folder.lab.checks.filter { glob.map(Glob.init)?.matches($0.id) ?? true }
    if items.isEmpty {
      throw UsageError(
        "no check of lab \(folder.lab.order) is called “\(glob ?? "")”. There are: "
          + folder.lab.checks.map(\.id).joined(separator: ", "))
    }
  }

  /// Builds, checks, shows, keeps.
  func run() throws -> Int32 {
    let lab = folder.lab
    let seed = try arguments.seed("--seed") ?? Workplace.freshSeed()
    let submission = try Submission(path: path, commands: LabPlace.commands(arguments, of: lab))
    try submission.lookForPrograms()
    // If it cannot be understood, that is said before anybody waits.
    let isFirst = try student?.progress().runs == 0
    Output.data("\(lab.heading)\n")
    let programs: [String: [String]]
    switch try build(submission) {
    case .programs(let found): programs = found
    case .mistake(let text):
      Output.data("\n\(text)\n\n")
      Output.message(
        "ipclab lab check: your programs cannot be checked yet. Correct what stands above, and check "
          + "again.")
      return Exit.usage
    }
    var checker = LabChecker(folder, runner: CheckRunner(executable: try Workplace.executable()))
    checker.submission = submission.path
    Output.data("\n")
    var isExplained = false
    var shown: [CheckReport] = []
    let width = items.map(\.id.count).max() ?? 0
    let reports = try checker.run(programs, seed: seed, items: items) { item in
      waiting(for: item)
    } report: { report in
      clearLine()
      guard let item = lab.check(report.id) else { return }
      Output.data(line(report, item, width))
      shown.append(report)
      let isOver = report.outcome.isPass || report.outcome.word == "skipped"
      if arguments.has("--verbose") ? report.outcome.word != "skipped" : !isOver && !isExplained {
        Output.data(try explanation(report, item, of: shown))
        isExplained = isExplained || !isOver
      }
      if interruption.check() {
        try keep(shown, of: submission)
        throw InterruptedError()
      }
    }
    try keep(reports, of: submission)
    Output.data(try summary(reports, of: submission, isFirst: isFirst))
    return reports.allSatisfy(\.outcome.isPass) ? Exit.done : Exit.failed
  }

  /// Keeps the student's progress.
  private func keep(_ reports: [CheckReport], of submission: Submission) throws {
    guard let student, submission.commands.isEmpty || arguments.text("--dir") == nil else { return }
    var progress = try student.progress()
    progress.add(reports)
    try student.keep(progress)
  }

  // MARK: - Building

  private func build(_ submission: Submission) throws -> Workshop.Result {
    let missing = folder.lab.programNames.filter { submission.commands[$0] == nil }
    if missing.isEmpty { return .programs(submission.commands) }
    if !submission.isPackage {
      throw UsageError(Workshop.noPackage(submission, folder, missing))
    }
    let isFirst = !Workshop.hasBuilt(submission.path)
    StandardError.write(
      isFirst ? "Building, the first time with the library: about a minute …\n" : "Building …\n")
    return try Workshop.buildInPlace(submission, of: folder, with: PackageBuilder())
  }

  // MARK: - Showing

  private func waiting(for item: Lab.Item) {
    if StandardError.isTerminal { StandardError.write("  …  \(item.id)") }
  }

  private func clearLine() {
    if StandardError.isTerminal { StandardError.write("\r\u{1B}[K") }
  }

  private func line(_ report: CheckReport, _ item: Lab.Item, _ width: Int) -> String {
    let word = report.outcome.isPass ? "pass" : report.outcome.word.uppercased()
    let points = "\(Points.text(report.earned))/\(item.points)"
    let padded = word + String(repeating: " ", count: max(0, 12 - word.count))
    let name = item.id + String(repeating: " ", count: width - item.id.count)
    let right = String(repeating: " ", count: max(0, 6 - points.count)) + points
    return "  \(paint(padded, report.outcome))\(right)  \(name)  \(item.title)\n"
  }

  private func paint(_ text: String, _ outcome: Outcome) -> String {
    guard Output.color(on: 1) else { return text }
    let code = outcome.isPass ? "32" : outcome.word == "skipped" ? "33" : "31"
    return "\u{1B}[\(code)m\(text)\u{1B}[0m"
  }

  /// The task to work at for a check to pass.
  private func task(_ item: Lab.Item, _ reports: [CheckReport]) throws -> Int {
    var progress = try student?.progress() ?? Progress()
    progress.add(reports)
    return progress.task(for: item, in: folder.lab)
  }

  private func explanation(
    _ report: CheckReport, _ item: Lab.Item, of reports: [CheckReport]
  ) throws -> String {
    var text = CheckText(report)
    if !report.outcome.isPass {
      text.hint = "ipclab lab hint \(folder.lab.order) --task \(try task(item, reports))"
    }
    text.again = again(item.id, report.seed)
    return "\n" + text.lines.map { "      \($0)\n" }.joined() + "\n"
  }

  private func again(_ id: String, _ seed: UInt64) -> String {
    var command = "ipclab lab check \(folder.lab.order) --test \(id) --seed \(seed)"
    for option in ["--dir", LabPlace.option] {
      if let value = arguments.text(option) { command += " \(option) \(ShellWord.quoted(value))" }
    }
    for value in arguments.texts("--command") { command += " --command \(ShellWord.quoted(value))" }
    return command
  }

  private func summary(
    _ reports: [CheckReport], of submission: Submission, isFirst: Bool
  ) throws -> String {
    let lab = folder.lab
    let passed = reports.count(where: \.outcome.isPass)
    var text = "\n\(passed) of \(reports.count) checks passed, "
    text +=
      "\(Points.text(Points.earned(reports))) of \(Points.text(Points.possible(reports))) points"
    text += " (seed \(reports.first?.seed ?? 0)).\n"
    let open = reports.filter { !$0.outcome.isPass }
    guard let first = open.first, let item = lab.check(first.id) else {
      return text + (reports.count == lab.checks.count ? "Everything passes. Well done.\n" : "")
    }
    if open.count > 1 && !arguments.has("--verbose") {
      text += "Only the first that did not pass is explained; --verbose explains all.\n"
    }
    if open.contains(where: { $0.outcome.word == "skipped" }) {
      text += "SKIPPED: waits for another check to pass, so it may come by itself.\n"
    }
    if passed == 0 && isFirst {
      text += "That nothing passes is how it should be: nothing is written yet.\n"
    }
    let task = try task(item, reports)
    text += "\nWhat to do next: task \(task) of README.md"
    text += task == item.task ? " (" : ", then task \(item.task) ("
    text += item.title.prefix(1).lowercased() + item.title.dropFirst() + ").\n"
    if submission.isPackage {
      text += "  Where to write:           in Sources, at // TASK \(task)\n"
    }
    text += "  What the check is about:  ipclab lab explain \(item.id)\n"
    text += "  A hint:                   ipclab lab hint \(lab.order) --task \(task)\n"
    return text
  }
}

/// Ctrl-C came.
struct InterruptedError: Error {}
