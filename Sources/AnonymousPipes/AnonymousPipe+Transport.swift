public import IPCSystem
public import IPCTransport

/// Anonymous pipes as a transport: two per client, one each way, inherited by both processes.
public struct AnonymousPipeTransport: Transport {
  /// Creates the transport. It has no state.
  public init() {}

  /// What it is.
  public let mechanism = Mechanism(
    id: "anonymous-pipe", title: "Anonymous pipe", family: .pipe,
    summary: "Byte stream between related processes, one way, no name; a pair makes a conversation",
    sources: ["pipe(2)", "pipe(7)", "Win32 CreatePipe"])

  /// What it claims to do.
  public let capabilities = Capabilities(
    direction: .oneWay, boundaries: .notKept, shortRead: .restStays, zeroLength: .noEffect,
    largest: .unlimited, full: .blocks, reach: .related, readers: .compete,
    writerDeath: .endOfFile, readerDeath: .error, nameAfterKill: .noName, identity: .none,
    access: .inherited, maximumMessage: FramedStream.maximumMessage)

  /// Creates two pipes per client. The server's endpoint holds, for each client in turn, the end it
  /// reads and the end it writes; a client's endpoint holds the same two of its own.
  public func rendezvous(
    clients: Int, scratch: ScratchDirectory
  ) throws(TransportError) -> Rendezvous {
    guard clients > 0 else { throw TransportError(.invalidArgument, "meet \(clients) clients") }
    var server = Endpoint()
    var ends: [Endpoint] = []
    do {
      for _ in 0..<clients {
        let requests = try AnonymousPipe()
        FramedStream.enlarge(pipe: requests.writeEnd.raw)
        let replies = try AnonymousPipe()
        FramedStream.enlarge(pipe: replies.writeEnd.raw)
        let (requestEnds, replyEnds) = (requests.release(), replies.release())
        server.descriptors += [requestEnds.read, replyEnds.write]
        ends.append(Endpoint(descriptors: [replyEnds.read, requestEnds.write]))
      }
    } catch {
      // Closes the pipes that were made.
      _ = Rendezvous(server: server, clients: ends)
      throw error
    }
    return Rendezvous(server: server, clients: ends)
  }

  /// Starts to serve the clients whose ends were inherited.
  ///
  /// - Throws: `.invalidArgument` when the endpoint does not hold open pairs of descriptors.
  public func listen(at endpoint: Endpoint) throws(TransportError) -> any Listener {
    AnonymousPipeListener(pairs: try InheritedEnds.take(from: endpoint, multipleOf: 2))
  }

  /// Takes the inherited ends into use. There is nobody to wait for, so the deadline plays no part.
  ///
  /// - Throws: `.invalidArgument` when the endpoint does not hold two open descriptors.
  public func connect(
    to endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any Connection {
    guard endpoint.descriptors.count == 2 else {
      throw TransportError(.invalidArgument, "connect over inherited pipe ends")
    }
    let ends = try InheritedEnds.take(from: endpoint, multipleOf: 2)
    return FramedStream(input: ends[0], output: ends[1])
  }

  /// Creates one pipe of the default capacity.
  public func nativeRendezvous(scratch: ScratchDirectory) throws(TransportError) -> Rendezvous {
    let ends = try AnonymousPipe().release()
    return Rendezvous(
      server: Endpoint(descriptors: [ends.read]), clients: [Endpoint(descriptors: [ends.write])])
  }

  /// Takes one inherited end into use.
  public func openNative(
    _ role: NativeRole, at endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any NativeEnd {
    guard endpoint.descriptors.count == 1 else {
      throw TransportError(.invalidArgument, "open an inherited pipe end")
    }
    let ends = try InheritedEnds.take(from: endpoint, multipleOf: 1)
    return StreamEnd(ends[0], role == .reader ? .reading : .writing)
  }
}

extension AnonymousPipe {
  /// Hands both descriptors over.
  consuming func release() -> (read: Int32, write: Int32) {
    (readEnd.release(), writeEnd.release())
  }
}

/// Descriptors that this process inherited for an endpoint.
enum InheritedEnds {
  static func take(
    from endpoint: Endpoint, multipleOf group: Int
  ) throws(TransportError) -> [DescriptorIO] {
    let numbers = endpoint.descriptors
    guard !numbers.isEmpty, numbers.count % group == 0, Set(numbers).count == numbers.count else {
      throw TransportError(.invalidArgument, "use \(numbers.count) inherited pipe ends")
    }
    for number in numbers {
      // They came through exec, which cleared the flag; children of this process shall not get them.
      do throws(SystemError) { try Descriptors.setCloseOnExec(number) } catch {
        throw TransportError(
          .invalidArgument, "use inherited descriptor \(number)", system: error)
      }
    }
    return numbers.map { DescriptorIO(adopting: OwnedDescriptor(adopting: $0)) }
  }
}
