extension BatchPlan {
  /// The commands of programs that a submission itself has named, in its `ipclab.json`: nobody but its
  /// author has said that these programs are its own. `nil` when there are none.
  func ownCommands(of name: String) -> [String: String]? {
    let path = isSingle ? source : "\(source)/\(name)"
    guard let submission = try? Submission(path: path, commands: commands) else { return nil }
    let own = submission.commands.filter { commands[$0.key] == nil }
    if own.isEmpty { return nil }
    let folder = submission.path + "/"
    return own.mapValues { words in
      words.map { word in
        let word = word.hasPrefix(folder) ? String(word.dropFirst(folder.count)) : word
        return word.isEmpty || word.contains(where: \.isWhitespace) ? "'\(word)'" : word
      }.joined(separator: " ")
    }
  }
}
