internal import Coursework
internal import Glibc
internal import IPCSystem
internal import LabRunner

/// `ipclab lab watch`: checks again whenever a file changes.
enum LabWatchCommand {
  static let command = Command(
    name: "watch", summary: "Check again whenever you save a file",
    help: """
      Usage: ipclab lab watch [LAB] [--test GLOB] [--seed N] [--verbose] [--dir DIR]

      Like ipclab lab check, again and again: after every change of a file in your folder. Ctrl-C ends it.

      """,
    run: run)

  static func run(_ words: [String]) throws -> Int32 {
    let arguments = try Arguments(
      words, options: LabCheckCommand.options, flags: ["--verbose"], lists: ["--command"])
    let interruption = try Interruption()
    while !interruption.check() {
      let run = try LabCheckRun(arguments, interruption: interruption)
      let before = FolderStamp.of(run.path)
      if Output.canDraw(on: 1) { Output.data("\u{1B}[H\u{1B}[2J") }
      do { _ = try run.run() } catch let error as UsageError {
        Output.message("ipclab lab watch: \(error.description)")
      } catch let error as CourseworkError {
        // Such as an ipclab.json that was saved before it was complete.
        Output.message("ipclab lab watch: \(error.description)")
      }
      Output.message("\nWaiting for you to save a file. Ctrl-C ends.")
      while FolderStamp.of(run.path) == before {
        if interruption.check() { return Exit.done }
        usleep(300_000)
      }
    }
    return Exit.done
  }
}
