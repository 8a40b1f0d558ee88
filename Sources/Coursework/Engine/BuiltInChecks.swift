/// The checks that come with the labs.
public enum BuiltInChecks {
  /// Every check. A lab adds its own here, in a line.
  public static let all: [Check] = [
    EngineChecks.all, copyChecks, redirectionChecks, writerReaderChecks, broadcastChecks,
    remoteReaderChecks, gracefulEndChecks, uppercaseChecks,
    loginChecks, sharedStateChecks, notifyChecks, readersWritersChecks, noticeboardChecks,
    commandServerChecks, eventLoopChecks,
  ].flatMap { $0 }

  /// The ids of all of them.
  public static var ids: Set<String> { Set(all.map(\.id)) }

  /// The check of this id.
  public static func find(_ id: String) -> Check? { all.first { $0.id == id } }
}
