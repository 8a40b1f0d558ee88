internal import IPCSystem

/// The programs of this package, which are built beside the tests.
package enum BuiltPrograms {
  package static let directory: String = {
    let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
    return bundle.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      .joined(separator: "/")
  }()

  /// Copies a file and makes the copy a program.
  ///
  /// Another process copies: one that another thread of this process starts has, for a moment, its
  /// open files, and a program that is open for writing cannot be started.
  package static func install(_ file: String, as program: String) throws {
    let install = try ChildProcess.start(
      .init(program: "install", arguments: ["-m", "755", file, program]))
    guard try install.wait().status == .exited(0) else {
      throw SystemError(code: 0, call: "install(1)")
    }
  }
}
