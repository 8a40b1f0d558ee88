internal import IPCSystem

/// Whether the user asked the run to end, by Ctrl-C or a termination signal.
///
/// Create it before any other thread exists. It stays in force as long as it lives.
public final class Interruption {
  private let signals: InterruptSignals
  /// The signal that arrived, once one has.
  public private(set) var signal: Int32?

  /// Takes over `SIGINT`, `SIGTERM` and `SIGHUP`.
  public init() throws { signals = try InterruptSignals() }

  /// Readable when a signal has arrived.
  var descriptor: Int32 { signals.descriptor }

  /// Looks whether a signal has arrived; `true` from then on.
  public func check() -> Bool {
    if signal == nil { signal = signals.take() }
    return signal != nil
  }
}
