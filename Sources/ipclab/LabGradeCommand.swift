internal import Coursework
internal import IPCSystem
internal import LabReport
internal import LabRunner

/// `ipclab lab grade`: grades a folder of submissions.
enum LabGradeCommand {
  static let command = Command(
    name: "grade", summary: "Grade a folder of submissions",
    help: """
      Usage: ipclab lab grade SUBMISSIONS --lab LAB --out DIR [OPTIONS]
             ipclab lab grade [SUBMISSIONS] --resume --out DIR

      Builds and checks every folder in SUBMISSIONS (or SUBMISSIONS itself, when it is a package), and
      writes results to DIR: index.html for the class, and a folder for every submission. Results are
      kept after every check; --resume goes on after an interruption, whatever it was.

        --lab LAB              the lab, by number or id
        --out DIR              where results go
        --jobs N               submissions at the same time (1; each builds the library once)
        --timeout S            seconds that a check may take, instead of what the lab says
        --resume               go on with the batch in DIR
        --format A,B           \(names.joined(separator: ", ")) (default: all)
        --seed N               the random data, the same for every submission
        --command NAME='CMD'   run this for the program NAME, for languages other than Swift
        --labs DIR             another folder of labs than the one ipclab comes with

      Examples:
        ipclab lab grade submissions --lab 3 --out results --jobs 2
        ipclab lab grade submissions --lab writer-reader --out results --format gradescope,html

      Exit codes: 0 graded, 1 graded but a check failed of the grader itself, 2 usage, 3 environment,
      130 interrupted. Points decide nothing about it.

      """,
    run: run)

  private static let names = GradeFormat.allCases.map(\.rawValue)

  static func run(_ words: [String]) throws -> Int32 {
    let arguments = try Arguments(
      words,
      options: [
        "--lab", "--out", "--jobs", "--timeout", "--format", "--seed", LabPlace.option,
      ], flags: ["--resume"], lists: ["--command"])
    guard let directory = arguments.text("--out") else {
      throw UsageError("where should the results go? Such as: --out results")
    }
    let formats =
      (try arguments.names("--format", among: names, kind: "format") ?? names)
      .compactMap(GradeFormat.init(rawValue:))
    let jobs = try arguments.number("--jobs", in: 1...64) ?? 1
    let interruption = try Interruption()
    let batch = try batch(arguments, directory)
    let total = batch.plan.submissions.count
    Output.message(
      batch.completeBefore == 0
        ? "\(total) submissions, \(jobs) at a time. Ctrl-C keeps what is graded."
        : "\(batch.completeBefore) of \(total) submissions are graded already.")

    let line = Locked(ProgressLine())
    let isDone = try batch.run(jobs: jobs) {
      interruption.check()
    } progress: { standing in
      line.withLock {
        $0.show(
          done: standing.done, total: standing.total, remaining: standing.remaining,
          label: standing.label, unit: "submissions")
      }
    }
    line.withLock { $0.finish() }
    var result = batch.result()
    for path in try GradeWriter.write(result, to: directory, formats: formats) {
      Output.data(path + "\n")
    }
    // Grades do not wait for the comparison, which only adds to what is there.
    if isDone, let similar = batch.similarities(isStopped: { interruption.check() }) {
      result.similar = similar
      if !similar.isEmpty { _ = try GradeWriter.write(result, to: directory, formats: formats) }
    } else if isDone {
      Output.message(
        "Interrupted before sources were compared. To do that: ipclab lab grade --resume --out "
          + ShellWord.quoted(directory))
      return Exit.interrupted
    }
    if !isDone {
      Output.message(
        "Interrupted. To go on: ipclab lab grade --resume --out \(ShellWord.quoted(directory))")
      return Exit.interrupted
    }
    let flagged = result.submissions.filter(\.needsPerson)
    for submission in flagged {
      Output.message(
        "\(submission.name): the grader itself failed at a check; see its report. It costs no points."
      )
    }
    return flagged.isEmpty ? Exit.done : Exit.failed
  }

  /// What the command line asks for and the plan of the batch does not; `nil` when they agree.
  private static func disagreement(
    _ arguments: Arguments, with plan: BatchPlan, of lab: Lab, _ catalogue: LabCatalogue
  ) throws -> String? {
    if let name = arguments.text("--lab"), try catalogue.lab(name).lab.id != plan.lab {
      return "--lab \(name)"
    }
    if let seed = try arguments.seed("--seed"), seed != plan.seed { return "--seed \(seed)" }
    if let seconds = try arguments.number("--timeout", in: 1...3600),
      Double(seconds) != plan.seconds
    {
      return "--timeout \(seconds)"
    }
    let commands = try LabPlace.commands(arguments, of: lab)
    if !commands.isEmpty && commands != plan.commands { return "--command" }
    return arguments.operands.first { LabCatalogue.absolute($0) != plan.source }
  }

  private static func batch(_ arguments: Arguments, _ directory: String) throws -> Batch {
    let catalogue = try LabPlace.catalogue(arguments)
    let runner = CheckRunner(executable: try Workplace.executable())
    if arguments.has("--resume") {
      let plan = try Batch.plan(in: directory)
      let folder = try catalogue.lab(plan.lab)
      if let other = try disagreement(arguments, with: plan, of: folder.lab, catalogue) {
        throw UsageError(
          "\(other) is not what the batch in \(directory) was begun with, and that is kept. Go on "
            + "without it, or grade into another folder")
      }
      return try Batch.resume(folder, directory: directory, runner: runner)
    }
    guard let source = arguments.operands.first, arguments.operands.count == 1 else {
      throw UsageError("which folder of submissions? Such as: ipclab lab grade submissions …")
    }
    guard let lab = arguments.text("--lab") else {
      throw UsageError("which lab did they do? Such as: --lab 3")
    }
    let folder = try catalogue.lab(lab)
    return try Batch.begin(
      folder, source: source, directory: directory,
      seed: try arguments.seed("--seed") ?? Workplace.freshSeed(),
      seconds: try arguments.number("--timeout", in: 1...3600).map(Double.init),
      commands: try LabPlace.commands(arguments, of: folder.lab), runner: runner)
  }
}
