import Win32

/// The instances that have a reader. The main thread adds to them, the console's thread writes to
/// them.
final class Readers: @unchecked Sendable {
  private var pipes: [HANDLE] = []
  // TASK 2: two threads use the array: give it a mutex (CreateMutex), and take it in every function.

  /// Greets a reader and takes it in. Afterwards it gets every line.
  func add(_ hPipe: HANDLE) {
    // TASK 1: send the message "pronto", then keep the handle.
  }

  /// Sends a line to every reader. Those that are gone, or too far behind, are let go.
  func broadcast(_ line: String) {
    // TASK 2: write the line to each instance.
    // TASK 3: an instance whose reader is gone is disconnected, closed and forgotten.
    // TASK 4: a reader that does not read must not make this wait.
  }

  /// Sends "fim" to every reader, and lets all of them go.
  func end() {
    // TASK 2: send the last line. What was sent must not be lost when the program ends.
  }
}
