internal import Dispatch
internal import IPCSystem

/// Threads that are started one by one and waited for together.
final class ThreadCrew: Sendable {
  private let group = DispatchGroup()

  /// Runs `body` in a thread of its own.
  func run(_ body: @escaping @Sendable () -> Void) throws(SystemError) {
    group.enter()
    do {
      try SystemThread.start { [group] in
        body()
        group.leave()
      }
    } catch {
      group.leave()
      throw error
    }
  }

  /// Waits until every thread has ended.
  func wait() { group.wait() }
}
