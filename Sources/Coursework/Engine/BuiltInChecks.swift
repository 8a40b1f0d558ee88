/// The checks that come with the labs.
public enum BuiltInChecks {
  /// Every check. A lab adds its own here, in a line.
  public static let all: [Check] = [
    loginChecks, sharedStateChecks, notifyChecks, readersWritersChecks, noticeboardChecks,
    commandServerChecks, eventLoopChecks,
    EngineChecks.all,
  ].flatMap { $0 }

  /// The check of this id.
  public static func find(_ id: String) -> Check? { all.first { $0.id == id } }
}
