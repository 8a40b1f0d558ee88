internal import Glibc
package import IPCSystem

/// A directory of a test's own, for files and as a runtime directory, removed with what is in it.
package final class Scratch: Sendable {
  package let runtime: RuntimeDirectory
  package var path: String { runtime.path }

  package init() throws {
    let path = try TemporaryDirectory.make("/tmp/ipclab-test-XXXXXX")
    runtime = try RuntimeDirectory(verifying: path, shared: path + ".shared")
  }

  deinit { remove() }

  /// Removes it, for one that lives as long as the process.
  package func remove() {
    Self.remove(runtime.path)
    Self.remove(runtime.sharedPath)
  }

  /// Removes what is at a path, with what is in it.
  package static func remove(_ path: String) {
    // A link goes by itself, not what it leads to.
    if unlink(path) == 0 { return }
    for name in DirectoryListing.names(in: path) { remove(path + "/" + name) }
    rmdir(path)
  }

  /// The same runtime directory as another process sees it: with tables of its own.
  package func other() throws -> RuntimeDirectory {
    try RuntimeDirectory(
      verifying: path.replacing("/tmp/", with: "/tmp/./"), shared: runtime.sharedPath)
  }

  /// What is left below the registry `kind`.
  package func names(_ kind: String) -> [String] { DirectoryListing.names(in: path + "/" + kind) }

  /// What is left among the names for other users.
  package var sharedNames: [String] { DirectoryListing.names(in: runtime.sharedPath) }

  /// What a small file in it holds.
  package func contents(of name: String) -> String? { SmallFile.read(path + "/" + name) }

  package func write(_ text: String, to name: String) throws {
    try SmallFile.write(text, to: path + "/" + name)
  }
}

/// A directory of a test's own for the names of a run.
package final class Place: Sendable {
  private let directory: Scratch
  package let scratch: ScratchDirectory

  package init() throws {
    directory = try Scratch()
    scratch = try ScratchDirectory(in: directory.runtime)
  }

  deinit { scratch.remove() }
}
