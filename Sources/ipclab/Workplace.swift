internal import FoundationEssentials
internal import IPCSystem
internal import LabRunner

/// What every measuring command needs, with errors that say what to do.
enum Workplace {
  /// The runtime directory; leftovers of runs that were killed are removed on the way.
  static func runtime() throws -> RuntimeDirectory {
    do {
      let runtime = try RuntimeDirectory.open()
      try ScratchDirectory.sweep(below: runtime)
      return runtime
    } catch { throw unusable(error) }
  }

  /// The runtime directory as it is.
  static func openRuntime() throws -> RuntimeDirectory {
    do { return try RuntimeDirectory.open() } catch { throw unusable(error) }
  }

  private static func unusable(_ error: any Error) -> EnvironmentError {
    EnvironmentError(
      "cannot use the runtime directory: \(error). It must be a directory of your own with mode "
        + "0700; set IPCLAB_RUNTIME_DIR to another place.")
  }

  /// A runner that Ctrl-C stops.
  static func runner(interruption: Interruption) throws -> TrialRunner {
    TrialRunner(
      executable: try executable(), runtime: try runtime(), interruption: interruption)
  }

  /// The program that plays the actors.
  static func executable() throws -> String {
    do { return try LabExecutable.find() } catch { throw EnvironmentError("\(error)") }
  }

  /// A seed that is not the same twice.
  static func freshSeed() -> UInt64 { UInt64.random(in: 1...999_999_999) }

  /// Says loudly that figures of a debug build mean nothing.
  static func warnAboutDebugBuild() {
    if BuildMode.current == "debug" {
      Output.message(
        "This is a debug build: its figures mean nothing. Use: swift run -c release ipclab …")
    }
  }
}
