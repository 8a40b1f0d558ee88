import Glibc
import IPCSystem
import TestSupport
import Testing

@Suite struct DescriptorIOTests {
  private static func readByte(_ io: DescriptorIO, _ deadline: Deadline) -> Result<Int, SystemError>
  {
    var byte: UInt8 = 0
    do throws(SystemError) {
      let count = try io.perform("read", .read, deadline: deadline) { read($0, &byte, 1) }
      return .success(count)
    } catch { return .failure(error) }
  }

  private static func code(_ result: Result<Int, SystemError>) -> Int32? {
    if case .failure(let error) = result { error.code } else { nil }
  }

  @Test("close ends a blocked read, with and without a deadline, at whatever moment it comes")
  func closeWakesReader() throws {
    // The start of the read and the close race: some rounds close before, some within, some while
    // the thread sleeps.
    for round in 0..<400 {
      let ends = try Pipes.make(capacity: nil)
      let io = DescriptorIO(adopting: ends.readEnd)
      let deadline: Deadline = round % 2 == 0 ? .never : .after(.seconds(3600))
      let started = Signal()
      let reader = try Background {
        started.set()
        return Self.readByte(io, deadline)
      }
      try started.wait()
      for _ in 0..<(round % 50) * 20 { Processor.spinHint() }
      io.close()
      #expect(try Self.code(reader.value()) == EBADF)
      // The number is free again, and nobody uses it any more.
      let fresh = try Pipes.make(capacity: nil)
      #expect(write(fresh.writeEnd.raw, "x", 1) == 1)
      var byte: UInt8 = 0
      #expect(read(fresh.readEnd.raw, &byte, 1) == 1)
    }
  }

  @Test("close ends a reader that is asleep in the kernel")
  func closeWakesSleeper() throws {
    let ends = try Pipes.make(capacity: nil)
    let io = DescriptorIO(adopting: ends.readEnd)
    let reader = try Background { Self.readByte(io, .never) }
    reader.waitUntilAsleep()
    io.close()
    #expect(try Self.code(reader.value()) == EBADF)
  }

  @Test("close ends a reader whose thread has every signal blocked")
  func closeWakesMaskedThread() throws {
    let ends = try Pipes.make(capacity: nil)
    let io = DescriptorIO(adopting: ends.readEnd)
    let reader = try Background {
      var all = sigset_t()
      sigfillset(&all)
      pthread_sigmask(SIG_BLOCK, &all, nil)
      return Self.readByte(io, .never)
    }
    reader.waitUntilAsleep()
    io.close()
    #expect(try Self.code(reader.value()) == EBADF)
  }

  @Test("close gives up a thread that has blocked the signal, and keeps the number that it uses")
  func closeLeavesDeafThread() throws {
    let ends = try Pipes.make(capacity: nil)
    let writer = ends.writeEnd.raw
    let io = DescriptorIO(adopting: ends.readEnd)
    let reader = try Background {
      _ = SystemThread.currentNumber
      var all = sigset_t()
      sigfillset(&all)
      pthread_sigmask(SIG_BLOCK, &all, nil)
      return (Self.readByte(io, .never), Self.readByte(io, .never))
    }
    reader.waitUntilAsleep()
    try Background { io.close() }.value()
    #expect(reader.outcome == nil)
    let fresh = try Pipes.make(capacity: nil)
    #expect(fresh.readEnd.raw != io.descriptor && fresh.writeEnd.raw != io.descriptor)
    #expect(write(writer, "x", 1) == 1)
    let (first, second) = try reader.value()
    #expect(try first.get() == 1)
    #expect(Self.code(second) == EBADF)
    _ = consume ends.writeEnd
  }

  @Test("close ends a blocked write and a blocked read of the same object")
  func closeWakesBoth() throws {
    for _ in 0..<100 {
      let pair = try LocalSocket.pair(.stream)
      let io = DescriptorIO(adopting: pair.first)
      let reading = try Background { Self.code(Self.readByte(io, .never)) }
      let writing = try Background {
        let block = [UInt8](repeating: 1, count: 65536)
        var last: Int32?
        while last == nil {
          block.withUnsafeBytes { bytes in
            do throws(SystemError) { _ = try io.write(bytes, deadline: .never) } catch {
              last = error.code
            }
          }
        }
        return last
      }
      io.close()
      #expect(try reading.value() == EBADF)
      #expect(try writing.value() == EBADF)
    }
  }

  @Test("a read with a deadline times out and loses nothing")
  func timesOut() throws {
    let ends = try Pipes.make(capacity: nil)
    let io = DescriptorIO(adopting: ends.readEnd)
    #expect(Self.code(Self.readByte(io, .immediate)) == ETIMEDOUT)
    let before = MonotonicClock.now()
    #expect(Self.code(Self.readByte(io, .after(.milliseconds(20)))) == ETIMEDOUT)
    #expect(MonotonicClock.now() - before >= 20_000_000)
    #expect(write(ends.writeEnd.raw, "x", 1) == 1)
    #expect(try Self.readByte(io, .immediate).get() == 1)
    ends.writeEnd.close()
    #expect(try Self.readByte(io, .never).get() == 0)
  }

  @Test("a call without a deadline waits on a file that somebody else made non-blocking")
  func sharedFileBecameNonblocking() throws {
    let ends = try Pipes.make(capacity: nil)
    let shared = try ends.readEnd.duplicate()
    let io = DescriptorIO(adopting: ends.readEnd)
    try Descriptors.setNonblocking(shared.raw, true)
    let writer = ends.writeEnd.raw
    let reader = try Background { try Self.readByte(io, .never).get() }
    reader.waitUntilAsleep()
    #expect(write(writer, "x", 1) == 1)
    #expect(try reader.value() == 1)
    _ = consume ends.writeEnd
  }

  @Test("a closed object refuses everything and can be closed again")
  func closed() throws {
    let ends = try Pipes.make(capacity: nil)
    let io = DescriptorIO(adopting: ends.readEnd)
    io.close()
    io.close()
    #expect(io.isClosed)
    #expect(Self.code(Self.readByte(io, .never)) == EBADF)
    #expect(Self.code(Self.readByte(io, .immediate)) == EBADF)
  }
}
