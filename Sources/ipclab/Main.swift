internal import Glibc
internal import LabRunner

@main struct Main {
  static func main() {
    if CommandLine.arguments.dropFirst().first == Actor.command { exit(Actor.main()) }
  }
}
