internal import IPCSystem
internal import LabRunner

/// The entry point: one word chooses the command.
@main struct Main {
  static func main() {
    let words = Array(CommandLine.arguments.dropFirst())
    if words.first == Actor.command { Exit.now(Actor.main()) }
    BrokenPipes.ignore()
    Exit.now(CommandTable.run(words))
  }
}
