internal import Glibc
public import IPCSystem
public import IPCTransport

/// A writer to every mailslot of a name in a domain: those on this machine, and, over the network
/// segment, those of others that receive from there.
///
/// As in Windows it is there whether anybody listens or not.
public final class MailslotBroadcaster: Sendable {
  /// The longest message in bytes.
  public static let maximumMessage = 424

  /// The name.
  public let name: MailslotName
  /// The domain, in capitals.
  public let domain: String
  /// The network segment; `nil` for this machine only.
  public let network: MailslotNetwork?

  private let registry: NameRegistry
  private let origin: UInt64
  private let state: Locked<State?>

  private struct State {
    let socket: DescriptorIO?
    /// By the name of the file at which the mailslot's reader listens.
    var writers: [String: MailslotWriter] = [:]
  }

  /// What came of a message.
  public struct Delivery: Sendable {
    /// How many mailslots on this machine have it.
    public var reached = 0
    /// Why others on this machine do not: too much to read, or their maximum size.
    public var refusals: [TransportError] = []
    /// Why it is not on the network; `nil` when it is, or was not to be.
    public var networkFailure: TransportError?
  }

  /// Prepares to write to every mailslot called `name`, whatever its host, in a domain.
  ///
  /// - Parameters:
  ///   - domain: The domain; `nil` for that of ``VirtualComputer/ofThisProcess()``.
  ///   - network: The network segment, or `nil` for this machine only.
  /// - Throws: `.invalidArgument` for a domain that is none.
  public init(
    _ name: MailslotName, domain: String? = nil, in runtime: RuntimeDirectory,
    network: MailslotNetwork?
  ) throws(TransportError) {
    self.name = name
    self.domain =
      if let domain { try VirtualComputer(domain: domain).domain } else {
        try VirtualComputer.ofThisProcess().domain
      }
    self.network = network
    origin = Origin.of(runtime)
    do throws(SystemError) {
      registry = try Mailslots.registry(runtime)
      let socket = try network.map { (network) throws(SystemError) in
        DescriptorIO(
          adopting: try InternetSocket.makeGroupSender(on: network.interfaceAddress))
      }
      state = Locked(State(socket: socket))
    } catch { throw TransportError(error, "open \(name)") }
  }

  deinit { close() }

  /// Writes a message to everybody, without waiting for anybody.
  ///
  /// - Throws: `.messageTooLarge` above ``maximumMessage``, `.closed`.
  @discardableResult
  public func write(_ message: [UInt8]) throws(TransportError) -> Delivery {
    if message.count > Self.maximumMessage {
      throw TransportError(
        .messageTooLarge, "broadcast \(message.count) bytes to \(name)",
        limit: Self.maximumMessage,
        remedy: "A broadcast has at most \(Self.maximumMessage) bytes; a message to one mailslot "
          + "may be longer.")
    }
    return try state.withLock { (state) throws(TransportError) in
      guard var open = state else { throw TransportError(.closed, "broadcast to \(name)") }
      defer { state = open }
      var delivery = Delivery()
      deliverHere(message, &open, &delivery)
      if let socket = open.socket, let network {
        let datagram = BroadcastDatagram(
          id: .random(in: .min ... .max), origin: origin, domain: domain, name: name.base,
          message: message)
        do throws(SystemError) {
          try InternetSocket.send(
            datagram.encoded, over: socket, to: network.groupAddress, deadline: .immediate)
        } catch { delivery.networkFailure = TransportError(error, "send to \(network.group)") }
      }
      return delivery
    }
  }

  private func deliverHere(_ message: [UInt8], _ open: inout State, _ delivery: inout Delivery) {
    let directory = registry.directory(of: name.base)
    let entries = MailslotEntry.all(in: directory).filter { $0.domain == domain }
      .sorted { $0.computer < $1.computer }
    let files = Set(entries.map(\.file))
    for file in open.writers.keys where !files.contains(file) {
      open.writers.removeValue(forKey: file)?.close()
    }
    for entry in entries {
      // One that was open may belong to a reader that is gone, and whose file name is used again.
      for isRetry in [false, true] {
        do throws(TransportError) {
          let known = isRetry ? nil : open.writers[entry.file]
          let writer = if let known { known } else { try writer(entry, directory) }
          open.writers[entry.file] = writer
          try writer.write(message.span, deadline: .immediate)
          delivery.reached += 1
          break
        } catch {
          // Who is gone does not miss it.
          let isGone = error.code == .brokenPipe || error.code == .notFound
          if isGone { open.writers.removeValue(forKey: entry.file)?.close() }
          if isGone && !isRetry { continue }
          if !isGone { delivery.refusals.append(error) }
          break
        }
      }
    }
  }

  private func writer(
    _ entry: MailslotEntry, _ directory: NameDirectory
  ) throws(TransportError) -> MailslotWriter {
    let name = try MailslotName(#"\\"# + entry.computer + #"\mailslot\"# + name.base)
    return try translating("open \(name)") { () throws(SystemError) in
      try MailslotWriter(entry, name, in: directory)
    }
  }

  /// Closes it; what was written stays readable. Safe to call twice.
  public func close() {
    let open = state.withLock { $0.take() }
    open?.socket?.close()
    open?.writers.values.forEach { $0.close() }
  }
}

extension Mailslots {
  /// Who reads what is written to a name.
  public enum Target: Sendable {
    /// One mailslot.
    case one(MailslotWriter)
    /// Every mailslot of the name in a domain.
    case many(MailslotBroadcaster)
  }

  /// Opens a name for writing: one mailslot for `\\.` and `\\COMPUTER`, many for `\\*` and `\\DOMAIN`.
  ///
  /// A computer that this machine plays goes before a domain. A domain is this process's own, or one
  /// with a mailslot of the name on this machine; for others there is ``MailslotBroadcaster``.
  ///
  /// - Throws: `.notFound` when no computer and no domain has the mailslot.
  /// - Note: Win32 `CreateFile`.
  public static func open(
    _ name: MailslotName, in runtime: RuntimeDirectory,
    whenFull: MailslotWriter.WhenFull = .wait
  ) throws(TransportError) -> Target {
    guard name.host != .here else {
      return .one(try MailslotWriter(name, in: runtime, whenFull: whenFull))
    }
    var domain: String?
    if case .named(let host) = name.host {
      do throws(TransportError) {
        return .one(try MailslotWriter(name, in: runtime, whenFull: whenFull))
      } catch {
        guard error.code == .notFound, try isDomain(host, of: name, in: runtime) else {
          throw error
        }
      }
      domain = host
    }
    return .many(
      try MailslotBroadcaster(name, domain: domain, in: runtime, network: MailslotNetwork()))
  }

  private static func isDomain(
    _ host: String, of name: MailslotName, in runtime: RuntimeDirectory
  ) throws(TransportError) -> Bool {
    if try VirtualComputer.ofThisProcess().domain == host { return true }
    let directory = try translating("open \(name)") { () throws(SystemError) in
      try registry(runtime).directory(of: name.base)
    }
    return MailslotEntry.all(in: directory).contains { $0.domain == host }
  }
}
