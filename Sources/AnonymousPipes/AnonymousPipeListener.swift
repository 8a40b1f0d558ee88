internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// Hands out the inherited pairs in order. When all are handed out nobody else can come: anonymous
/// pipes have no name to find them by.
final class AnonymousPipeListener: Listener {
  private struct State {
    var pairs: [(input: DescriptorIO, output: DescriptorIO)]
    var isClosed = false
    /// A pipe into which nobody writes: reading it waits for `close()` or the deadline.
    var nobody: DescriptorIO?
    var nobodysWriteEnd: DescriptorIO?
  }
  private let state: Locked<State>

  init(pairs ends: [DescriptorIO]) {
    let pairs = stride(from: 0, to: ends.count, by: 2).map { (ends[$0], ends[$0 + 1]) }
    state = Locked(State(pairs: pairs.reversed()))
  }

  func accept(deadline: Deadline) throws(TransportError) -> any Connection {
    enum Next {
      case pair(DescriptorIO, DescriptorIO)
      case nobody(DescriptorIO)
      case closed
      case failed(SystemError)
    }
    let next = state.withLock { state -> Next in
      if state.isClosed { return .closed }
      if let pair = state.pairs.popLast() { return .pair(pair.input, pair.output) }
      if let nobody = state.nobody { return .nobody(nobody) }
      do throws(SystemError) {
        let ends = try Pipes.make(capacity: nil)
        let nobody = DescriptorIO(adopting: ends.readEnd)
        state.nobodysWriteEnd = DescriptorIO(adopting: ends.writeEnd)
        state.nobody = nobody
        return .nobody(nobody)
      } catch { return .failed(error) }
    }
    switch next {
    case .pair(let input, let output): return FramedStream(input: input, output: output)
    case .closed: throw TransportError(.closed, "accept")
    case .failed(let error): throw TransportError(error, "accept")
    case .nobody(let nobody):
      try translating("accept one more client than inherited its ends") {
        () throws(SystemError) in
        _ = try nobody.perform("read", .read, deadline: deadline) { descriptor in
          var byte: UInt8 = 0
          return unsafe read(descriptor, &byte, 1)
        }
      }
      throw TransportError(.closed, "accept")
    }
  }

  func close() {
    let (unused, nobody) = state.withLock { state in
      state.isClosed = true
      defer { state.pairs = [] }
      return (state.pairs, state.nobody)
    }
    for pair in unused {
      pair.input.close()
      pair.output.close()
    }
    nobody?.close()
  }
}
