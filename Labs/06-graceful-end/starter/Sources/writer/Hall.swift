import Win32

/// What all threads share.
final class Hall: @unchecked Sendable {
  /// Set when there will be no more lines: a thread can wait for it and for a reader at once.
  let over = CreateEvent(nil, TRUE, FALSE, nil)

  // TASK 1: the lines that wait for each reader, and a mutex that guards them.
  // TASK 4: how many readers there were, and how many lines they got in all.

  /// Gives a line to every reader that is here.
  func announce(_ line: String) {
    // TASK 1: keep it for each reader, and wake the threads that wait for it.
  }

  /// There will be no more lines.
  func end() {
    // TASK 3: tell the threads with a reader, and wake those without.
  }
}
