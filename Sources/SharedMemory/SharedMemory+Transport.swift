public import IPCSystem
public import IPCTransport
internal import Synchronization

/// Messages through a ring per direction in shared memory.
public struct SharedMemoryTransport: Transport {
  /// How both ends wait.
  public let policy: WaitPolicy

  /// Creates the transport that waits by `policy`.
  public init(policy: WaitPolicy) { self.policy = policy }

  /// See ``Transport/mechanism``.
  public var mechanism: Mechanism {
    let (title, how) =
      switch policy {
      case .event: ("event", "sleeps on a futex")
      case .semaphore: ("semaphore", "sleeps on a process-shared semaphore")
      case .spin: ("spin", "polls without a system call")
      case .hybrid: ("hybrid", "spins briefly, then sleeps on a futex")
      }
    return Mechanism(
      id: "shared-memory-\(policy.rawValue)", title: "Shared memory, \(title)",
      family: .sharedMemory,
      summary: "A ring per direction in a sealed memory file; a side that waits \(how).",
      sources: ["memfd_create(2)", "mmap(2)"]
        + (policy == .semaphore ? ["sem_overview(7)"] : policy == .spin ? [] : ["futex(2)"])
        + ["Win32 CreateFileMapping"])
  }

  /// See ``Transport/capabilities``.
  public var capabilities: Capabilities {
    Capabilities(
      direction: .bothWays, boundaries: .kept, shortRead: .refused, zeroLength: .delivered,
      largest: .bytes(SharedRing.maximumMessage), reach: .anyProcess, readers: .one,
      writerDeath: .endOfFile, readerDeath: .error, nameAfterKill: .usable,
      identity: .pidAndUser, access: .sameUser,
      waiting: policy == .spin ? .polling : policy == .hybrid ? .hybrid : .blocking,
      maximumMessage: SharedRing.maximumMessage, sharing: sharing)
  }

  private var sharing: Capabilities.Sharing {
    switch policy {
    case .event: .mutexAndEvent
    case .semaphore: .semaphores
    case .spin, .hybrid: .unguarded
    }
  }

  /// See ``Transport/rendezvous(clients:scratch:)``.
  public func rendezvous(
    clients: Int, scratch: ScratchDirectory
  ) throws(TransportError) -> Rendezvous {
    let endpoint = Endpoint(address: Self.freshPath(in: scratch))
    return Rendezvous(
      server: endpoint, clients: Array(repeating: endpoint, count: clients))
  }

  /// See ``Transport/listen(at:)``.
  public func listen(at endpoint: Endpoint) throws(TransportError) -> any Listener {
    try SharedRing.listen(at: endpoint.address, policy: policy)
  }

  /// See ``Transport/connect(to:deadline:)``.
  public func connect(
    to endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any Connection {
    try SharedRing.connect(to: endpoint.address, policy: policy, deadline: deadline)
  }

  /// See ``Transport/openNative(_:at:deadline:)``.
  public func openNative(
    _ role: NativeRole, at endpoint: Endpoint, deadline: Deadline
  ) throws(TransportError) -> any NativeEnd {
    switch role {
    case .reader:
      try NativeRingReader(SharedRing.listen(at: endpoint.address, policy: policy))
    case .writer:
      NativeRingWriter(
        try SharedRing.connect(to: endpoint.address, policy: policy, deadline: deadline))
    }
  }

  private static let counter = Atomic<Int>(0)

  private static func freshPath(in scratch: ScratchDirectory) -> String {
    let number = counter.wrappingAdd(1, ordering: .relaxed).newValue
    return scratch.path + "/ring-\(number)"
  }
}
