internal import IPCSystem
internal import Synchronization

/// Whether the user asked the run to end, by Ctrl-C or a termination signal.
///
/// Create it before any other thread exists. It stays in force as long as it lives.
public final class Interruption: Sendable {
  private let signals: InterruptSignals
  private let arrived = Atomic(false)

  /// Takes over `SIGINT`, `SIGTERM` and `SIGHUP`.
  public init() throws { signals = try InterruptSignals() }

  /// Readable when a signal has arrived.
  var descriptor: Int32 { signals.descriptor }

  /// Looks whether a signal has arrived; `true` from then on.
  public func check() -> Bool {
    if signals.take() != nil { arrived.store(true, ordering: .relaxed) }
    return arrived.load(ordering: .relaxed)
  }
}
