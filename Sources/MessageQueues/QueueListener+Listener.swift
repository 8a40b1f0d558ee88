internal import IPCSystem
internal import IPCTransport

extension QueueListener: Listener {
  func accept(deadline: Deadline) throws(TransportError) -> any Connection {
    do throws(SystemError) {
      while true {
        var client = try clients.accept(deadline: deadline)
        // Whoever says something else, or hands over something else, is sent away.
        guard client.hello.bytes == MessageQueue.hello, client.hello.descriptorCount == 2,
          let input = client.hello.takeDescriptor(), let output = client.hello.takeDescriptor(),
          let shape = try? MessageQueueCalls.shape(of: input.raw),
          (try? MessageQueueCalls.shape(of: output.raw))?.messageSize == shape.messageSize,
          shape.messageSize <= QueueConnection.longestMessage
        else { continue }
        return try QueueConnection(
          input: input, output: output, tether: client.tether, shape: shape)
      }
    } catch { throw TransportError(error, "accept at \(name)") }
  }

  func close() { clients.close() }
}
