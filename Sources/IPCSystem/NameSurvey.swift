internal import Glibc

/// What there is of one name, looked at without changing it.
public struct SurveyedName: Sendable {
  /// An owner that is alive.
  public struct Owner: Sendable {
    /// Its number in the directory.
    public let number: Int
    /// Its process; 0 when that cannot be told.
    public let pid: Int32
    /// What it says of itself; see ``NameOwner/note(_:)``.
    public let note: String
  }

  /// An owner that has ended without removing what belongs to it.
  public struct Remains: Sendable {
    /// Its number in the directory.
    public let number: Int
    /// What its process was; `nil` when that cannot be told.
    public let pid: Int32?
  }

  /// Where it is.
  public let directory: NameDirectory
  /// The user to whom it belongs.
  public let uid: UInt32
  /// The name; `nil` when its directory does not tell.
  public let text: String?
  /// Owners that are alive, by number.
  public let owners: [Owner]
  /// Owners that are not.
  public let remains: [Remains]
  /// Files that nobody here has made.
  public let foreignFiles: [String]

  /// What a living owner keeps, without its number.
  public func files(of owner: Int) -> [Substring] {
    directory.entries().filter { $0.owner == owner }.map(\.rest)
  }
}

/// What was removed, or what is not known here.
public struct SurveyedPath: Sendable, Hashable, Codable {
  /// Its path.
  public let path: String
  /// What it was, in words.
  public let what: String

  /// Creates a value.
  public init(path: String, what: String) {
    self.path = path
    self.what = what
  }
}

extension NameDirectory {
  /// The file that says what name this is the directory of.
  public static let labelFile = "name"

  /// Writes down what name this is the directory of, unless that is there. Of use to people only, so
  /// that nothing depends on it. Call it with the directory locked.
  public func label(_ name: String) {
    if unsafe access(path + "/" + Self.labelFile, F_OK) != 0 {
      try? SmallFile.write(name, to: path + "/" + Self.labelFile)
    }
  }

  /// Looks at the name. Call it with the directory locked, unless it is another user's.
  func survey(
    uid: UInt32, knowing files: Set<String>, isName: (String) -> Bool
  ) -> SurveyedName {
    let all = entries()
    var owners: [SurveyedName.Owner] = []
    for entry in all where entry.rest == "owner" && isAlive(entry) {
      let words = (read(entry.name) ?? "").split(separator: " ", maxSplits: 1)
      owners.append(
        .init(
          number: entry.owner, pid: words.first.flatMap { Int32($0) } ?? 0,
          note: words.count > 1 ? String(words[1].prefix { $0 != "\n" }) : ""))
    }
    owners.sort { $0.number < $1.number }
    let dead = Set(all.map(\.owner)).subtracting(owners.map(\.number)).sorted()
    let remains = dead.map { number in
      let words = (read("\(number).owner") ?? "").split(separator: " ", maxSplits: 1)
      return SurveyedName.Remains(number: number, pid: words.first.flatMap { Int32($0) })
    }
    let known = Set(all.map(\.name)).union(files).union(["lock", Self.labelFile])
    return SurveyedName(
      directory: self, uid: uid, text: read(Self.labelFile).flatMap { isName($0) ? $0 : nil },
      owners: owners, remains: remains,
      foreignFiles: DirectoryListing.names(in: path).filter { !known.contains($0) }.sorted())
  }

  /// Removes what dead owners left, and then the directory if nobody owns the name and nothing of
  /// somebody else's is in it. Call it with the directory locked.
  func clean(_ name: SurveyedName) {
    removeDeadOwners()
    if name.foreignFiles.isEmpty { removeIfUnowned() }
  }
}

extension NameRegistry {
  /// The registry called `kind`, if there is one. Nothing is made.
  public init?(existing kind: String, in runtime: RuntimeDirectory) {
    guard unsafe access(runtime.path + "/" + kind, F_OK) == 0,
      let registry = try? NameRegistry(kind, in: runtime)
    else { return nil }
    self = registry
  }

  /// Looks at every name.
  ///
  /// - Parameters:
  ///   - files: Names of files that belong to a name and to none of its owners.
  ///   - body: Is given each name, with its directory locked: its owners cannot go meanwhile without
  ///     a trace, and nobody can join them.
  /// - Returns: What is here and is no name's.
  public func survey(
    knowing files: Set<String> = [], _ body: (SurveyedName) -> Void
  ) -> [SurveyedPath] {
    var foreign: [SurveyedPath] = []
    let others = forEachDirectory { (key, directory) throws(SystemError) in
      let name = directory.survey(uid: geteuid(), knowing: files) { Self.isKey(key, of: $0) }
      foreign += name.foreignFiles.map {
        SurveyedPath(path: directory.path + "/" + $0, what: "not made by ipclab")
      }
      body(name)
    }
    return others + foreign
  }

  /// Removes what dead owners left, and says what; never anything alive, nor what is not known.
  ///
  /// Each name is looked at and cleaned with its directory locked, in which owners are born, too.
  ///
  /// - Parameter kind: What to call an object of this registry.
  public func clean(_ kind: String, knowing files: Set<String> = []) -> [SurveyedPath] {
    var removed: [SurveyedPath] = []
    _ = forEachDirectory { (key, directory) throws(SystemError) in
      let name = directory.survey(uid: geteuid(), knowing: files) { Self.isKey(key, of: $0) }
      directory.clean(name)
      removed += name.removals(kind)
    }
    return removed
  }

  /// - Returns: What is no name.
  private func forEachDirectory(
    _ body: (String, NameDirectory) throws(SystemError) -> Void
  ) -> [SurveyedPath] {
    var foreign: [SurveyedPath] = []
    for entry in DirectoryListing.names(in: home.path).sorted() {
      let path = home.path + "/" + entry
      guard Self.looksLikeKey(entry), Self.isOwnDirectory(path) else {
        foreign.append(SurveyedPath(path: path, what: "not made by ipclab"))
        continue
      }
      _ = try? NameDirectory(path: path).withLock(creating: false) {
        (directory) throws(SystemError) in try body(entry, directory)
      }
    }
    return foreign
  }

  static func looksLikeKey(_ text: String) -> Bool {
    text.utf8.count == 32
      && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
  }

  static func isKey(_ key: String, of name: String) -> Bool {
    key == self.key(of: name) || key == hash(of: name)
  }

  private static func isOwnDirectory(_ path: String) -> Bool {
    var status = stat()
    return unsafe lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
      && status.st_uid == geteuid()
  }
}

extension SurveyedName {
  /// What cleaning removes of it.
  ///
  /// - Parameter kind: What to call it.
  package func removals(_ kind: String) -> [SurveyedPath] {
    let name = text.map { "\(kind) \($0)" } ?? "a \(kind) of an unknown name"
    if remains.isEmpty {
      return owners.isEmpty && foreignFiles.isEmpty
        ? [SurveyedPath(path: place, what: "\(name), which has no owner")] : []
    }
    return remains.map {
      SurveyedPath(
        path: place + "/\($0.number).*",
        what: "\(name), of " + ($0.pid.map { "process \($0)" } ?? "a process")
          + ", which has ended")
    }
  }

  /// Where the directory was found.
  public var place: String { directory.place }
}

extension SharedNames {
  /// Looks at every name of every user. Those of other users are seen from outside: what this user
  /// may not look into has no owners and no text.
  ///
  /// - Returns: What is in the directory for all users and is no name of this kind's, of this user's.
  public func survey(
    knowing files: Set<String> = [], _ body: (SurveyedName) -> Void
  ) -> [SurveyedPath] {
    var foreign: [SurveyedPath] = []
    for entry in everything() {
      switch entry {
      case .own(let directory, let key):
        _ = try? directory.withLock(creating: false) { (directory) throws(SystemError) in
          let name = directory.survey(uid: geteuid(), knowing: files) {
            NameRegistry.isKey(key, of: $0)
          }
          foreign += name.foreignFiles.map {
            SurveyedPath(path: directory.place + "/" + $0, what: "not made by ipclab")
          }
          body(name)
        }
      case .foreign(let name, let key, let path): body(name.survey(key: key, path: path))
      case .unknown(let path):
        foreign.append(SurveyedPath(path: path, what: "not made by ipclab"))
      }
    }
    return foreign
  }

  /// Removes what this user's dead owners left, and says what.
  public func clean(_ kind: String, knowing files: Set<String> = []) -> [SurveyedPath] {
    var removed: [SurveyedPath] = []
    for case .own(let directory, let key) in everything() {
      _ = try? directory.withLock(creating: false) { (directory) throws(SystemError) in
        let name = directory.survey(uid: geteuid(), knowing: files) {
          NameRegistry.isKey(key, of: $0)
        }
        directory.clean(name)
        removed += name.removals(kind)
      }
    }
    return removed
  }
}

extension ForeignName {
  /// What can be seen of it from outside.
  fileprivate func survey(key: String, path: String) -> SurveyedName {
    let living = livingOwners()
    let servers = directory?.publishedServers() ?? [:]
    let label = try? directory?.read(NameDirectory.labelFile, upTo: 1024)
    let text = label.map { String(decoding: $0, as: UTF8.self) }
    return SurveyedName(
      directory: directory ?? NameDirectory(path: path), uid: uid,
      text: text.flatMap { NameRegistry.isKey(key, of: $0) ? $0 : nil },
      owners: servers.filter { living.contains($0.key) }.sorted { $0.key < $1.key }
        .map { .init(number: $0.key, pid: $0.value.pid, note: "") },
      remains: [], foreignFiles: [])
  }
}
