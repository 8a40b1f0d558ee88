internal import Dispatch
internal import IPCSystem
internal import Synchronization

/// Something that happens once, and that other threads see or wait for.
package final class Signal: Sendable {
  private let hasHappened = Atomic(false)
  private let semaphore = DispatchSemaphore(value: 0)

  package init() {}

  package var isSet: Bool { hasHappened.load(ordering: .acquiring) }

  package func set() {
    hasHappened.store(true, ordering: .releasing)
    semaphore.signal()
  }

  /// Waits until it has happened.
  ///
  /// - Throws: ``Overdue`` when it does not, so that a test fails that would hang.
  package func wait() throws(Overdue) {
    var patience = Patience(.seconds(300))
    while semaphore.wait(timeout: .now() + .milliseconds(100)) == .timedOut {
      if patience.isOver() { throw Overdue() }
    }
    // For whoever else waits.
    semaphore.signal()
  }
}

/// What a test waited for did not happen within five minutes.
package struct Overdue: Error {}
