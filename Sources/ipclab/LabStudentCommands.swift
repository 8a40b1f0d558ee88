internal import Console
internal import Coursework
internal import FoundationEssentials

/// `ipclab lab list`: the labs, and how far the student is.
enum LabListCommand {
  static let command = Command(
    name: "list", summary: "The labs: how far you are, and what is next",
    help: """
      Usage: ipclab lab list [--labs DIR]

      Shows every lab with your points, when you checked it last, and what to do next. It looks for
      your labs in this folder, and beside it when this is the folder of a lab.

        --labs DIR    another folder of labs than the one ipclab comes with

      """,
    run: run)

  static func run(_ words: [String]) throws -> Int32 {
    let arguments = try Arguments(words, options: [LabPlace.option])
    if let word = arguments.operands.first { throw UsageError("takes no “\(word)”") }
    let catalogue = try LabPlace.catalogue(arguments)
    let folders = try StudentFolder.around(".")
    var rows = [["", "lab", "points", "last check", "folder"]]
    var next: String?
    for folder in catalogue.labs {
      let lab = folder.lab
      let own = folders.first { $0.labID == lab.id }
      guard let own else {
        rows.append(["\(lab.order)", lab.title, "not started", "", ""])
        next = next ?? "ipclab lab start \(lab.order)"
        continue
      }
      let progress = try own.progress()
      let points = progress.points(in: lab)
      let place = LabPlace.relative(own.path)
      rows.append([
        "\(lab.order)", lab.title, "\(points) of \(lab.maxPoints)",
        progress.last.map(Timestamp.short) ?? "never", place,
      ])
      if points < lab.maxPoints && next == nil {
        next = (place == "." ? "" : "cd \(place) && ") + "ipclab lab check"
      }
    }
    Output.data(TextTable.text(rows, right: [0]))
    for (name, _) in catalogue.broken {
      Output.message(
        "\(name) is left out: its lab.json has mistakes. They are shown by: ipclab lab explain \(name)"
      )
    }
    if catalogue.labs.isEmpty { return Exit.environment }
    Output.data("\nNext: \(next ?? "nothing. All labs have full points.")\n")
    return Exit.done
  }
}

/// `ipclab lab progress`: points and checks, lab by lab.
enum LabProgressCommand {
  static let command = Command(
    name: "progress", summary: "Your points, check by check",
    help: """
      Usage: ipclab lab progress [LAB] [--labs DIR]

      Shows what each check of your labs said when it ran last. With a lab's number or id, of that lab
      only.

      """,
    run: run)

  static func run(_ words: [String]) throws -> Int32 {
    let arguments = try Arguments(words, options: [LabPlace.option])
    let catalogue = try LabPlace.catalogue(arguments)
    let wanted = try LabPlace.word(arguments).map { try catalogue.lab($0).lab.id }
    var shown = 0
    for folder in try StudentFolder.around(".") where wanted == nil || folder.labID == wanted {
      guard let lab = catalogue.labs.first(where: { $0.lab.id == folder.labID })?.lab else {
        continue
      }
      let progress = try folder.progress()
      let points = progress.points(in: lab)
      Output.data(
        "\(lab.heading)  \(bar(points, lab.maxPoints))  \(points) of \(lab.maxPoints) points, "
          + "\(progress.passed(in: lab)) of \(lab.checks.count) checks\n")
      let rows = lab.checks.map { check in
        let result = progress.checks[check.id]
        return [
          "  " + (result?.outcome ?? "not run"), check.id,
          "\(Int(result?.points ?? 0))/\(check.points)", check.title,
        ]
      }
      Output.data(TextTable.text(rows, right: [2]) + "\n")
      shown += 1
    }
    if shown == 0 {
      throw UsageError("there is no folder of a lab here. Start one with: ipclab lab start 1")
    }
    return Exit.done
  }

  private static func bar(_ done: Int, _ total: Int) -> String {
    let filled = total == 0 ? 0 : done * 20 / total
    return String(repeating: "█", count: filled) + String(repeating: "░", count: 20 - filled)
  }
}

/// `ipclab lab start`: a copy of the starter.
enum LabStartCommand {
  static let command = Command(
    name: "start", summary: "Make a folder with the starter of a lab",
    help: """
      Usage: ipclab lab start LAB [DIR] [--labs DIR]

      Copies the starter of a lab, given by number or id, into a new folder: DIR, or one that is named
      after the lab. The folder is a Swift package that builds with swift build.

      Examples:
        ipclab lab start 1
        ipclab lab start 3 ~/labs/three

      """,
    run: run)

  static func run(_ words: [String]) throws -> Int32 {
    let arguments = try Arguments(words, options: [LabPlace.option])
    guard let word = arguments.operands.first else {
      throw UsageError("which lab? ipclab lab list shows them. Such as: ipclab lab start 1")
    }
    if arguments.operands.count > 2 { throw UsageError("takes a lab and a folder, no more") }
    let lab = try LabPlace.catalogue(arguments).lab(word)
    let path = arguments.operands.count == 2 ? arguments.operands[1] : lab.name
    let folder = try StudentFolder.start(lab, at: path)
    let place = LabPlace.relative(folder.path)
    let isTranslated = FileManager.default.fileExists(atPath: folder.path + "/README.pt.md")
    let translation = isTranslated ? " (em português: README.pt.md)" : ""
    let programs = lab.lab.programNames.map { name in
      let text = lab.lab.programs[name] ?? ""
      return text.hasPrefix(name + " ") ? "  \(text)" : "  \(name): \(text)"
    }
    Output.data(
      """
      \(lab.lab.heading)
      \(lab.lab.summary)

      Your folder is \(place). You write:
      \(programs.joined(separator: "\n"))

      What to do now:
        1. cd \(place)
        2. Read README.md\(translation). It explains the tasks, one after the other.
        3. ipclab lab check       (the first time it also builds the library, about a minute)
        4. Change the files in Sources where it says TASK, and check again.

      """)
    return Exit.done
  }
}

/// `ipclab lab reset`: the starter again.
enum LabResetCommand {
  static let command = Command(
    name: "reset", summary: "Bring the starter back; what you wrote is kept aside",
    help: """
      Usage: ipclab lab reset [LAB] [--labs DIR]

      Puts the starter back into your folder of the lab. What you wrote is moved into a folder below
      .ipclab, not deleted.

      """,
    run: run)

  static func run(_ words: [String]) throws -> Int32 {
    let arguments = try Arguments(words, options: [LabPlace.option])
    let catalogue = try LabPlace.catalogue(arguments)
    let (lab, folder) = try LabPlace.work(LabPlace.word(arguments), in: catalogue)
    let kept = try folder.reset(lab)
    let place = LabPlace.relative(folder.path)
    Output.data(
      "The starter of \(lab.lab.heading) is back \(place == "." ? "here" : "in \(place)").\n"
        + "What you had is in \(LabPlace.relative(kept)).\n")
    return Exit.done
  }
}

/// `ipclab lab explain`: what a check is about.
enum LabExplainCommand {
  static let command = Command(
    name: "explain", summary: "What a check tests and why, and where to read",
    help: """
      Usage: ipclab lab explain CHECK [--labs DIR]

      Examples:
        ipclab lab explain copy.binary
        ipclab lab explain copy          every check of the lab

      """,
    run: run)

  static func run(_ words: [String]) throws -> Int32 {
    let arguments = try Arguments(words, options: [LabPlace.option])
    let catalogue = try LabPlace.catalogue(arguments)
    guard let word = arguments.operands.first, arguments.operands.count == 1 else {
      throw UsageError(
        "which check? Their names stand in front of each line of ipclab lab check, such as copy.binary"
      )
    }
    if let folder = catalogue.lab(havingCheck: word), let check = folder.lab.check(word) {
      Output.data(text(check, of: folder))
    } else if let folder = try lab(word, in: catalogue) {
      Output.data(folder.lab.checks.map { text($0, of: folder) }.joined(separator: "\n"))
    } else {
      let ids = catalogue.labs.flatMap { $0.lab.checks.map(\.id) }
      throw UsageError(
        "no check is called “\(word)”" + Suggestion.phrase(for: word, among: ids)
          + ". Those of a lab are shown by: ipclab lab explain LAB")
    }
    return Exit.done
  }

  /// The lab of this name; `nil` when there is none, an error when it has mistakes.
  private static func lab(_ word: String, in catalogue: LabCatalogue) throws -> LabFolder? {
    do { return try catalogue.lab(word) } catch let error as CourseworkError
      where error.kind == .usage
    {
      return nil
    }
  }

  private static func text(_ check: Lab.Item, of folder: LabFolder) -> String {
    var text = "\(check.id): \(check.title) (\(check.points) points, task \(check.task))\n\n"
    text += TextTable.wrapped(check.explain, indent: "  ") + "\n\n"
    if let parents = check.after, !parents.isEmpty {
      text += "  It runs when these passed: \(parents.joined(separator: ", ")).\n"
    }
    if let read = check.read {
      let parts = read.split(separator: "#", maxSplits: 1).map(String.init)
      let heading = parts.count == 2 ? ", under “\(parts[1].replacing("-", with: " "))”" : ""
      text += "  Read: \(folder.path)/\(parts[0])\(heading)\n"
    }
    text += "  Hint: ipclab lab hint \(folder.lab.order) --task \(check.task)\n"
    text += "  Only this check: ipclab lab check \(folder.lab.order) --test \(check.id)\n"
    return text
  }
}

/// `ipclab lab hint`: a little help, or more.
enum LabHintCommand {
  static let command = Command(
    name: "hint", summary: "Help with the task you are at: a little, more, nearly the code",
    help: """
      Usage: ipclab lab hint [LAB] [--task N] [--level 1..3] [--labs DIR]

      Level 1 names the concept, level 2 the approach, level 3 is nearly code. Without --task it is about
      the first task whose checks do not all pass; while none passes, it may be one before that has no
      checks.

      """,
    run: run)

  static func run(_ words: [String]) throws -> Int32 {
    let arguments = try Arguments(words, options: [LabPlace.option, "--task", "--level"])
    let level = try arguments.number("--level", in: Hints.levels) ?? 1
    let catalogue = try LabPlace.catalogue(arguments)
    let (folder, own) = try LabPlace.lab(LabPlace.word(arguments), in: catalogue)
    let lab = folder.lab
    let tasks = Hints.tasks(of: folder)
    guard let first = tasks.first else {
      throw EnvironmentError("\(lab.heading) has no hints: \(folder.path)/hints is empty.")
    }
    let progress = try own?.progress() ?? Progress()
    let usual = progress.next(in: lab).map { progress.task(for: $0, in: lab) } ?? first
    let task = try arguments.number("--task", in: 1...99) ?? usual
    guard let text = Hints.text(of: folder, task: task, level: level) else {
      throw UsageError(
        "\(lab.heading) has no hint of level \(level) for task \(task). Tasks with hints: "
          + tasks.map(String.init).joined(separator: ", "))
    }
    Output.data(
      "\(lab.heading), task \(task), hint \(level) of 3: \(Hints.name(of: level))\n\n\(text)\n")
    if level < 3 {
      Output.data(
        "\nMore (\(Hints.name(of: level + 1))): ipclab lab hint \(lab.order) --task \(task) "
          + "--level \(level + 1)\n")
    }
    return Exit.done
  }
}
