extension NameRegistry {
  /// The directory of a name in which upper and lower case differ. A registry has names of one sort
  /// or of the other.
  public func directory(ofExactly name: String) -> NameDirectory {
    NameDirectory(path: home.path + "/" + Self.hash(of: name))
  }
}

extension NameDirectory {
  /// Writes a small file of an owner's, replacing it. Call it with the directory locked.
  public func write(_ text: String, to name: String) throws(SystemError) {
    try SmallFile.write(text, to: path + "/" + name)
  }

  /// The contents of a small file; `nil` when there is none.
  public func read(_ name: String) -> String? { SmallFile.read(path + "/" + name) }
}
