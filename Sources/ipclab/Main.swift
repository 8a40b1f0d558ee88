internal import Console
internal import Coursework
internal import IPCSystem
internal import LabRunner

/// The entry point: one word chooses the command.
@main struct Main {
  static func main() {
    let words = Array(CommandLine.arguments.dropFirst())
    if words.first == Actor.command { Exit.now(Actor.main()) }
    if words.first == ConsoleChild.command {
      Exit.now(ConsoleChild.main(Array(words.dropFirst())))
    }
    if words.first == SharingPart.command {
      Exit.now(SharingPart.main(Array(words.dropFirst())))
    }
    if words.first == CheckProcess.command {
      Exit.now(CheckProcess.main(Array(words.dropFirst())))
    }
    BrokenPipes.ignore()
    Exit.now(CommandTable.run(words))
  }
}
