internal import Glibc
internal import IPCSystem
internal import IPCTransport

/// A message buffer whose contents both ends can check.
///
/// The body is pseudo-random from the trial's seed. The first eight bytes hold the sequence number,
/// and so do the last eight of messages that are long enough: a message that was cut, merged,
/// repeated or torn shows at once. Shorter messages hold as many low bytes of the number as fit.
@safe struct Payload: ~Copyable {
  /// Sequence number of the message that ends a timed section.
  static let end = UInt64.max

  let size: Int
  private var outgoing: MessageBuffer
  private var incoming: MessageBuffer
  private let bodyChecksum: UInt64
  private let seed: UInt64

  /// - Parameter connection: What the messages go over, if there is a connection yet.
  init(size: Int, seed: UInt64, over connection: (any Connection)? = nil) {
    self.size = size
    self.seed = seed
    if let connection {
      outgoing = connection.makeBuffer(capacity: size)
      incoming = connection.makeBuffer(capacity: size)
    } else {
      outgoing = MessageBuffer(capacity: size)
      incoming = MessageBuffer(capacity: size)
    }
    var generator = SeededGenerator(seed: seed)
    for index in 0..<size {
      unsafe outgoing.memory[index] = UInt8(truncatingIfNeeded: generator.next() >> 32)
    }
    bodyChecksum = unsafe Self.checksum(UnsafeRawBufferPointer(outgoing.memory))
  }

  /// The number as a message of this size can hold it. The end marker stays apart from all others.
  func carriedNumber(_ sequence: UInt64) -> UInt64 {
    if size >= 8 { return sequence }
    let mask = (UInt64(1) << UInt64(size * 8)) - 1
    return sequence == Self.end ? mask : sequence % mask
  }

  /// Stamps the buffer with a sequence number and sends it.
  @inline(__always)
  mutating func send(
    _ sequence: UInt64, over connection: any Connection, deadline: Deadline = .never
  ) throws(TransportError) {
    let number = carriedNumber(sequence)
    let bytes = unsafe outgoing.memory
    if size >= 8 {
      unsafe bytes.storeBytes(of: number, as: UInt64.self)
      if size >= 24 {
        unsafe bytes.storeBytes(of: number, toByteOffset: size - 8, as: UInt64.self)
      }
    } else {
      for index in 0..<size {
        unsafe bytes[index] = UInt8(truncatingIfNeeded: number >> UInt64(index * 8))
      }
    }
    try connection.send(&outgoing, deadline: deadline)
  }

  /// Sends the message that was received last back as it is.
  @inline(__always)
  mutating func sendBack(over connection: any Connection) throws(TransportError) {
    try connection.send(&incoming, deadline: .never)
  }

  /// Receives one message.
  ///
  /// - Returns: The number of bytes.
  @inline(__always)
  mutating func receive(
    from connection: any Connection, deadline: Deadline = .never
  ) throws(TransportError) -> Int {
    try connection.receive(into: &incoming, deadline: deadline)
    return incoming.count
  }

  /// Checks length and sequence number of the message that was received.
  @inline(__always)
  func check(_ count: Int, is sequence: UInt64) throws {
    guard count == size, receivedNumber == carriedNumber(sequence), tailAgrees else {
      throw unexpected(count, sequence)
    }
  }

  /// Whether the received message is the one that ends the timed section.
  @inline(__always)
  func isEnd(_ count: Int) -> Bool {
    count == size && receivedNumber == (size >= 8 ? Self.end : (1 << UInt64(size * 8)) - 1)
  }

  /// The sequence number in the received message.
  @inline(__always)
  var receivedNumber: UInt64 {
    if size >= 8 { return unsafe incoming.start.load(as: UInt64.self) }
    var number: UInt64 = 0
    for index in 0..<size {
      unsafe number |=
        UInt64(incoming.start.load(fromByteOffset: index, as: UInt8.self)) << UInt64(index * 8)
    }
    return number
  }

  @inline(__always)
  var tailAgrees: Bool {
    if size < 24 { return true }
    return unsafe incoming.start.loadUnaligned(fromByteOffset: size - 8, as: UInt64.self)
      == incoming.start.load(as: UInt64.self)
  }

  /// Checks every byte between the two stamps of the received message.
  func checkBody() throws {
    if unsafe Self.checksum(UnsafeRawBufferPointer(incoming.memory)) != bodyChecksum {
      throw LabError(
        "payload checksum mismatch: a received message of \(size) bytes differs from what was sent "
          + "(trial seed \(seed))")
    }
  }

  private func unexpected(_ count: Int, _ sequence: UInt64) -> LabError {
    if count != size { return LabError("received \(count) bytes where \(size) were sent") }
    if !tailAgrees {
      return LabError("torn message: its first and last bytes do not belong together")
    }
    return LabError(
      "received message \(receivedNumber) where \(carriedNumber(sequence)) was expected: lost, repeated "
        + "or out of order")
  }

  /// A 64-bit multiplicative checksum of the bytes between the stamps.
  private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    let start = min(8, bytes.count)
    let end = bytes.count >= 24 ? bytes.count - 8 : bytes.count
    var sum: UInt64 = 0xcbf2_9ce4_8422_2325
    var index = start
    while index + 8 <= end {
      let word = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      sum = (sum ^ word) &* 0x100_0000_01b3
      sum ^= sum >> 29
      index += 8
    }
    while index < end {
      sum = unsafe (sum ^ UInt64(bytes[index])) &* 0x100_0000_01b3
      index += 1
    }
    return sum
  }
}

/// A small seeded generator (SplitMix64): the same seed gives the same run.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
