extension NameRegistry {
  /// Whether any name in it has an owner that lives.
  public var isInUse: Bool {
    DirectoryListing.names(in: home.path).contains { entry in
      let directory = NameDirectory(path: home.path + "/" + entry)
      let living = try? directory.withLock(creating: false) { directory throws(SystemError) in
        directory.removeDeadOwners().count
      }
      return (living ?? 0) > 0
    }
  }
}

extension SharedNames {
  /// Whether there is any name, of any user, whether its server lives or not.
  public var isInUse: Bool { !allEntries.isEmpty }
}
