import NamedPipes
import Testing

@Suite("The state of an instance")
struct NamedPipeStateTests {
  @Test("a served client leaves, is disconnected, and the instance listens again")
  func wholeLife() {
    var state = NamedPipeState.listening
    for (event, expected) in [
      (NamedPipeState.Event.clientTaken, NamedPipeState.connected), (.clientClosed, .closing),
      (.disconnect, .disconnected), (.listen, .listening),
    ] {
      let next = state.after(event)
      #expect(next == expected)
      state = next ?? state
    }
  }

  @Test("an instance whose client has left does not listen until it is disconnected")
  func closingDoesNotListen() {
    #expect(NamedPipeState.closing.after(.listen) == nil)
    #expect(NamedPipeState.closing.after(.disconnect)?.after(.listen) == .listening)
  }

  @Test("only a listening instance takes a client", arguments: NamedPipeState.allCases)
  func onlyListeningTakes(state: NamedPipeState) {
    #expect((state.after(.clientTaken) != nil) == (state == .listening))
  }

  @Test("disconnecting twice is refused")
  func disconnectTwice() {
    #expect(NamedPipeState.disconnected.after(.disconnect) == nil)
  }
}
