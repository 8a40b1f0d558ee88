internal import FoundationEssentials
internal import Glibc
internal import IPCSystem

/// The inherited channel between the runner and one actor: JSON values in SEQPACKET messages.
///
/// Either side sees end of file when the other is gone: an actor then ends itself, the runner calls
/// the trial failed.
final class ControlChannel: Sendable {
  private let io: DescriptorIO

  /// Largest encoded value; results are a few kilobytes.
  private static let limit = 128 * 1024

  init(adopting descriptor: consuming OwnedDescriptor) {
    io = DescriptorIO(adopting: descriptor)
  }

  /// The descriptor, to wait for input on several channels.
  var descriptor: Int32 { io.descriptor }

  /// Sends one value.
  func send(_ value: some Encodable) throws {
    let bytes = try JSONEncoder().encode(value)
    let sent = try unsafe bytes.withUnsafeBytes { (raw) throws(SystemError) -> Int in
      try io.perform("send", .write, deadline: .never) {
        unsafe Glibc.send($0, raw.baseAddress, raw.count, Int32(MSG_NOSIGNAL))
      }
    }
    if sent != bytes.count { throw LabError("a control message was cut short") }
  }

  /// Receives one value; `nil` at end of file.
  ///
  /// - Throws: ``SystemError`` with `ETIMEDOUT` at the deadline.
  func receive<T: Decodable>(_ type: T.Type, deadline: Deadline) throws -> T? {
    var bytes = [UInt8](repeating: 0, count: Self.limit)
    let count = try unsafe bytes.withUnsafeMutableBytes { (raw) throws(SystemError) -> Int in
      unsafe try io.read(into: raw, deadline: deadline)
    }
    if count == 0 { return nil }
    return try JSONDecoder().decode(type, from: Data(bytes[..<count]))
  }

  /// Whether the other side is gone.
  var isHungUp: Bool {
    var entry = pollfd(fd: descriptor, events: 0, revents: 0)
    return unsafe poll(&entry, 1, 0) > 0 && entry.revents & Int16(POLLHUP) != 0
  }

  /// Closes the channel.
  func close() { io.close() }
}

/// An error of the runner itself, in words.
public struct LabError: Error, Sendable, CustomStringConvertible {
  /// What happened and what to do.
  public let description: String
  /// Creates an error.
  public init(_ description: String) { self.description = description }
}
