internal import IPCSystem

/// The hints of a lab: three levels for every task.
public enum Hints {
  /// The levels there are.
  public static let levels = 1...3

  /// What a level gives away.
  public static func name(of level: Int) -> String {
    ["the concept", "the approach", "nearly code"][level - 1]
  }

  /// The hint of a level for a task; `nil` when the lab has none.
  public static func text(of folder: LabFolder, task: Int, level: Int) -> String? {
    LabFolder.text("\(folder.path)/hints/\(task).md").flatMap {
      Headings.section("level-\(level)", of: $0)
    }
  }

  /// The tasks of a lab that have hints.
  public static func tasks(of folder: LabFolder) -> [Int] {
    // Not the tasks of the checks: a task may have hints and no check of its own.
    DirectoryListing.names(in: "\(folder.path)/hints")
      .compactMap { $0.hasSuffix(".md") ? Int($0.dropLast(3)) : nil }.sorted()
      .filter { text(of: folder, task: $0, level: 1) != nil }
  }
}
