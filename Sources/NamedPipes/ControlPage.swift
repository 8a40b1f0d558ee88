internal import IPCSystem
internal import Synchronization

/// What both ends of a connected pipe share beside the socket: counters, the quota, and the words
/// that blocked writers sleep on.
///
/// The server makes it, sealed, and hands it over when it takes the client. For each direction the
/// writer and the reader have a cache line pair of their own, each written by one side only. The
/// peer may write anything anywhere: its numbers are hints, which can at worst make this end write
/// more than the quota or sleep until the peer is gone.
@safe final class ControlPage: Sendable {
  static let size = 4096

  /// Which end of the pipe.
  enum Side: Int, Sendable {
    case server = 0
    case client = 1
  }

  private let mapping: SharedMapping

  init(mapping: consuming SharedMapping) { self.mapping = mapping }

  /// The counters of what `side` writes.
  func direction(writtenBy side: Side) -> Direction {
    unsafe Direction(
      base: mapping.address(at: side.rawValue * Direction.size, length: Direction.size))
  }

  /// One direction's counters. Valid as long as the page.
  @safe struct Direction: @unchecked Sendable {
    // Sendable: everything in it is atomic.
    static let size = 256

    private let base: UnsafeMutableRawPointer

    @inline(__always)
    init(base: UnsafeMutableRawPointer) { unsafe self.base = base }

    /// The direction at an address taken from ``address`` before; `nil` for 0.
    @inline(__always)
    init?(address: UInt) {
      guard let base = unsafe UnsafeMutableRawPointer(bitPattern: address) else { return nil }
      unsafe self.base = base
    }

    /// Where the direction is in memory.
    var address: UInt { unsafe UInt(bitPattern: base) }

    @inline(__always)
    private func word(at offset: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
      unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    @inline(__always)
    private func half(at offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
      unsafe (base + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    // Written by the writer.

    @inline(__always)
    var queuedBytes: UInt64 { unsafe word(at: 0).pointee.load(ordering: .relaxed) }
    @inline(__always)
    var queuedMessages: UInt64 { unsafe word(at: 8).pointee.load(ordering: .relaxed) }

    @inline(__always)
    func publishQueued(bytes: UInt64, messages: UInt64) {
      unsafe word(at: 0).pointee.store(bytes, ordering: .relaxed)
      unsafe word(at: 8).pointee.store(messages, ordering: .releasing)
    }

    /// Says that the writer is about to sleep until so many bytes have been consumed in all. It sees
    /// everything that the reader consumed before.
    func announceWaiting(until consumed: UInt64) {
      unsafe word(at: 24).pointee.store(consumed, ordering: .relaxed)
      unsafe half(at: 16).pointee.store(1, ordering: .sequentiallyConsistent)
    }

    func stopWaiting() { unsafe half(at: 16).pointee.store(0, ordering: .relaxed) }

    // Written by the reader.

    @inline(__always)
    var consumedBytes: UInt64 {
      unsafe word(at: 128).pointee.load(ordering: .sequentiallyConsistent)
    }
    @inline(__always)
    var consumedMessages: UInt64 {
      unsafe word(at: 136).pointee.load(ordering: .sequentiallyConsistent)
    }

    /// Publishes what was consumed and wakes the writer if it waits for that.
    @inline(__always)
    func publishConsumed(bytes: UInt64, messages: UInt64) {
      unsafe word(at: 128).pointee.store(bytes, ordering: .relaxed)
      unsafe word(at: 136).pointee.store(messages, ordering: .sequentiallyConsistent)
      if unsafe half(at: 16).pointee.load(ordering: .sequentiallyConsistent) != 0,
        unsafe bytes >= word(at: 24).pointee.load(ordering: .relaxed)
      {
        wakeWriter()
      }
    }

    // The word that the writer sleeps on.

    var room: UInt32 { unsafe half(at: 144).pointee.load(ordering: .acquiring) }

    @inline(never)
    func wakeWriter() {
      stopWaiting()
      unsafe half(at: 144).pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
      unsafe Futex.wake(base + 144)
    }

    func sleep(while seen: UInt32, until deadline: Deadline) {
      unsafe Futex.wait(base + 144, while: seen, deadline: deadline)
    }
  }
}

/// What the server sends, with the page's descriptor, to the client that it takes.
enum Welcome {
  static let size = 8
  private static let magic: [UInt8] = Array("ipclabP1".utf8)

  static var bytes: [UInt8] { magic }

  static func isValid(_ bytes: [UInt8]) -> Bool { bytes == magic }
}
