/// The state of a server instance, as a value: no input, no output, no clock.
///
/// - Note: Win32 `ConnectNamedPipe` and `DisconnectNamedPipe` describe these states; their names
///   are those of the NT pipe file system (`FILE_PIPE_…_STATE`).
public enum NamedPipeState: String, Sendable, CaseIterable {
  /// A client may connect, or has and was not taken yet.
  case listening
  /// There is a client.
  case connected
  /// The client has closed; what it wrote before can still be read.
  case closing
  /// There is no client and none can come.
  case disconnected

  /// What happens to an instance.
  public enum Event: Sendable, CaseIterable {
    /// The server waits for a client, for the first time or again.
    case listen
    /// A client was taken.
    case clientTaken
    /// The client has closed its end, or died.
    case clientClosed
    /// The server ends the connection and throws away what was not read.
    case disconnect
  }

  /// The state after `event`, or `nil` when it cannot happen in this state.
  public func after(_ event: Event) -> NamedPipeState? {
    switch (self, event) {
    case (.listening, .listen), (.disconnected, .listen): .listening
    case (.listening, .clientTaken): .connected
    case (.connected, .clientClosed), (.closing, .clientClosed): .closing
    case (.listening, .disconnect), (.connected, .disconnect), (.closing, .disconnect):
      .disconnected
    case (.connected, .listen), (.closing, .listen): nil
    case (.connected, .clientTaken), (.closing, .clientTaken), (.disconnected, .clientTaken): nil
    case (.listening, .clientClosed), (.disconnected, .clientClosed): nil
    case (.disconnected, .disconnect): nil
    }
  }
}
