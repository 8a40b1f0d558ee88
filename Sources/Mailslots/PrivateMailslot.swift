internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// The mailslot of one side of a conversation: it has one writer and gives its name up when that has
/// come, so it need not look out for others and reads with one system call per message.
final class PrivateMailslot: @unchecked Sendable {
  // Sendable: `reading` is touched by the one reading thread only; the rest is constant or behind
  // the mutex.

  /// The name, for the one writer.
  let name: MailslotName

  private let ready: ReadinessSet
  private let shared: Locked<Shared>
  private var reading = Reading()

  /// What `close()` in another thread needs.
  private struct Shared: ~Copyable {
    var owner: NameOwner?
    var listener: DescriptorIO?
    var line: MailslotLine?
    var closed = false
  }

  private struct Reading {
    var line: MailslotLine?
    /// A message that did not fit the reader's buffer.
    var held: [UInt8]?
  }

  /// Makes a mailslot with a name that nobody else has.
  init(beside name: MailslotName, in runtime: RuntimeDirectory) throws(TransportError) {
    let suffix = String(UInt64.random(in: .min ... .max), radix: 36)
    self.name = try MailslotName("\(MailslotName.prefix)private\\\(getpid())-\(suffix)")
    let computer = try VirtualComputer.ofThisProcess()
    do throws(SystemError) {
      let claim = try MailslotClaim.make(self.name, in: runtime, as: computer)
      ready = try ReadinessSet()
      try ready.add(claim.listener.descriptor, token: 0)
      let listener = claim.listener
      shared = Locked(Shared(owner: claim.owner, listener: listener))
    } catch { throw TransportError(error, "create a private mailslot for \(name)") }
  }

  /// Has ``read(into:deadline:)`` end, while the writer has not come, when the other end of
  /// `descriptor` is gone. It must stay open until the writer has come.
  func giveUp(whenHungUp descriptor: Int32) throws(SystemError) {
    try ready.add(descriptor, token: 1, hangUpOnly: true)
  }

  /// Reads the next message.
  ///
  /// - Throws: `.endOfFile` when the writer has gone, or will never come.
  @inline(__always)
  func read(into buffer: inout OutputSpan<UInt8>, deadline: Deadline) throws(TransportError) {
    if reading.held != nil || reading.line == nil {
      if try prepare(&buffer, deadline) { return }
    }
    guard let line = reading.line else { return }
    while true {
      let outcome: MailslotLine.Outcome
      do throws(SystemError) {
        outcome = try line.receive(into: &buffer, deadline: deadline)
      } catch { throw TransportError(error, "receive") }
      switch outcome {
      case .delivered: return
      case .incomplete: break
      case .ended: throw TransportError(.endOfFile, "receive")
      case .complete(let message):
        reading.held = message
        return try deliver(message, &buffer)
      }
    }
  }

  /// Gives a message that was held, or waits for the writer. Returns whether there was one.
  @inline(never)
  private func prepare(
    _ buffer: inout OutputSpan<UInt8>, _ deadline: Deadline
  ) throws(TransportError) -> Bool {
    if let held = reading.held {
      try deliver(held, &buffer)
      return true
    }
    try awaitWriter(deadline: deadline)
    return false
  }

  private func deliver(
    _ message: [UInt8], _ buffer: inout OutputSpan<UInt8>
  ) throws(TransportError) {
    guard message.count <= buffer.freeCapacity else {
      throw TransportError(.moreData, "receive", limit: message.count)
    }
    reading.held = nil
    unsafe buffer.withUnsafeMutableBufferPointer { target, initialized in
      let free = unsafe UnsafeMutableRawBufferPointer(
        UnsafeMutableBufferPointer(rebasing: target[initialized...]))
      unsafe free.copyBytes(from: message)
      initialized += message.count
    }
  }

  /// Waits for the one writer, and gives the name up.
  private func awaitWriter(deadline: Deadline) throws(TransportError) {
    do throws(SystemError) {
      guard try ready.wait(deadline: deadline) == 0 else {
        throw SystemError(code: EPIPE, call: "epoll_wait")
      }
    } catch {
      throw error.code == EPIPE
        ? TransportError(.endOfFile, "receive") : TransportError(error, "receive")
    }
    let failure = shared.withLock { shared -> SystemError? in
      guard let listener = shared.listener, !shared.closed else {
        return SystemError(code: EBADF, call: "accept")
      }
      do throws(SystemError) {
        guard let socket = try LocalSocket.acceptIfReady(listener.descriptor) else { return nil }
        let line = MailslotLine(socket, isOnlyLine: true)
        reading.line = line
        shared.line = line
      } catch { return error }
      listener.close()
      shared.listener = nil
      _ = shared.owner.take()
      return nil
    }
    ready.close()
    if let failure { throw TransportError(failure, "receive") }
  }

  /// Closes the mailslot. A thread that reads leaves with `.closed`. Safe to call twice.
  func close() {
    ready.close()
    shared.withLock { shared in
      shared.closed = true
      shared.line?.close()
      shared.listener?.close()
      shared.listener = nil
      _ = shared.owner.take()
    }
  }
}
