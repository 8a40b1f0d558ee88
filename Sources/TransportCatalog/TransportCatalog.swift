internal import AnonymousPipes
internal import FIFOs
public import IPCTransport
internal import Mailslots
internal import MessageQueues
internal import NamedPipes
internal import SharedMemory
internal import Sockets

/// The one list of transports. Whatever is in it takes part in every scenario, probe, test and
/// report; to add a mechanism, add its line here.
public enum TransportCatalog {
  /// Every transport, in the order of reports.
  public static let all: [any Transport] = [
    AnonymousPipeTransport(), FIFOTransport(), NamedPipeTransport(kind: .message),
    NamedPipeTransport(kind: .byte), MailslotTransport(), SharedMemoryTransport(policy: .event),
    SharedMemoryTransport(policy: .semaphore), SharedMemoryTransport(policy: .spin),
    SharedMemoryTransport(policy: .hybrid), UnixStream(), UnixSeqpacket(), UnixDatagram(), TCP(),
    UDP(), MessageQueue(),
  ]

  /// The transport with this id.
  public static func transport(_ id: String) -> (any Transport)? {
    all.first { $0.mechanism.id == id }
  }
}
