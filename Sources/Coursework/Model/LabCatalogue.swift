internal import FoundationEssentials
internal import Glibc
internal import IPCSystem

/// The labs of a `Labs` folder.
public struct LabCatalogue: Sendable {
  /// Absolute path of the `Labs` folder.
  public let path: String
  /// The labs, by number.
  public let labs: [LabFolder]
  /// Folders whose `lab.json` has a mistake, and the mistake. They hold up nobody who does not ask
  /// for them.
  public let broken: [(name: String, error: CourseworkError)]

  /// Reads every lab below a folder.
  ///
  /// - Throws: ``CourseworkError`` for a folder without labs, and for labs that look the same.
  public init(path: String, builtIn: Set<String>) throws {
    self.path = path
    let folders = DirectoryListing.names(in: path).sorted().map { path + "/" + $0 }
      .filter { FileManager.default.fileExists(atPath: $0 + "/lab.json") }
    if folders.isEmpty {
      throw CourseworkError.environment(
        "there are no labs in \(path). Name the folder that holds them with --labs DIR.")
    }
    var labs: [LabFolder] = []
    var broken: [(name: String, error: CourseworkError)] = []
    for folder in folders {
      do { labs.append(try LabFolder(path: folder, builtIn: builtIn)) } catch let error
        as CourseworkError
      {
        broken.append((folder.lastComponent, error))
      }
    }
    labs.sort { $0.lab.order < $1.lab.order }
    (self.labs, self.broken) = (labs, broken)
    for (one, other) in zip(labs, labs.dropFirst()) where one.lab.order == other.lab.order {
      throw CourseworkError.environment(
        "\(one.name) and \(other.name) both say that they are lab \(one.lab.order). "
          + "Change “order” in one lab.json.")
    }
    let names = Dictionary(grouping: labs, by: \.lab.id)
    if let (id, same) = names.sorted(by: { $0.key < $1.key }).first(where: { $0.value.count > 1 }) {
      throw CourseworkError.environment(
        "\(same[0].name) and \(same[1].name) both have the id “\(id)”. "
          + "Change “id” in one lab.json.")
    }
  }

  /// The lab that a number, an id or a folder's name stands for.
  ///
  /// - Throws: ``CourseworkError`` of kind usage with what there is.
  public func lab(_ name: String) throws -> LabFolder {
    let found = labs.first { folder in
      folder.lab.id == name || folder.name == name || Int(name) == folder.lab.order
    }
    if let found { return found }
    for (folder, error) in broken {
      let parts = folder.split(separator: "-", maxSplits: 1).map(String.init)
      let numbers = parts.first.flatMap { Int($0) }
      if folder == name || parts.last == name || numbers != nil && numbers == Int(name) {
        throw error
      }
    }
    let known = labs.map { "\($0.lab.order) \($0.lab.id)" }.joined(separator: ", ")
    throw CourseworkError.usage("there is no lab “\(name)”. There are: \(known)")
  }

  /// The lab that has a check of this id.
  public func lab(havingCheck id: String) -> LabFolder? {
    labs.first { $0.lab.check(id) != nil }
  }

  /// The package that programs of coursework depend on: the nearest folder above that has a
  /// `Package.swift`.
  public static func package(above path: String) -> String? {
    var place = path
    while place != "/" && place != "." {
      place = place.parentPath
      if FileManager.default.fileExists(atPath: place + "/Package.swift") { return place }
    }
    return nil
  }

  /// Where the labs are: as the user says, or above the program, or above the current directory.
  ///
  /// - Parameters:
  ///   - chosen: What `--labs` or `IPCLAB_LABS` says.
  ///   - executable: The path of this program.
  /// - Throws: ``CourseworkError`` when there is no such folder.
  public static func find(chosen: String?, executable: String) throws -> String {
    let manager = FileManager.default
    if let chosen {
      let path = absolute(chosen)
      if manager.fileExists(atPath: path) { return path }
      throw CourseworkError.usage("\(chosen) does not exist. --labs wants a folder of labs.")
    }
    for start in [executable.parentPath, manager.currentDirectoryPath] {
      var place = start
      while true {
        let candidate = place == "/" ? "/Labs" : place + "/Labs"
        if manager.fileExists(atPath: candidate)
          && manager.fileExists(atPath: place + "/Package.swift")
        {
          return candidate
        }
        if place == "/" || place == "." { break }
        place = place.parentPath
      }
    }
    throw CourseworkError.environment(
      "the folder Labs cannot be found from \(executable). Say where it is with --labs DIR, or once "
        + "and for all with the environment variable IPCLAB_LABS.")
  }

  /// The path from the root, without links.
  public static func absolute(_ path: String) -> String {
    if let resolved = unsafe realpath(path, nil) {
      defer { unsafe free(resolved) }
      return unsafe String(cString: resolved)
    }
    let start = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    var parts: [Substring] = []
    for part in start.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return "/" + parts.joined(separator: "/")
  }
}
