import Glibc
import IPCSystem
import Testing

@Suite("Calls that another thread ends")
struct CancellableCallsTests {
  @Test("a read that sleeps fails, the next one does not, and there is nothing left to end")
  func read() throws {
    let ends = try Pipes.make(capacity: nil)
    let reader = DescriptorIO(adopting: ends.readEnd)
    let calls = CancellableCalls()
    #expect(!calls.cancel())
    let code = Locked<Int32?>(nil)
    let isInside = Locked(false)
    try SystemThread.start {
      do throws(SystemError) {
        _ = try calls.run { () throws(SystemError) in
          isInside.withLock { $0 = true }
          var byte: UInt8 = 0
          return try withUnsafeMutableBytes(of: &byte) { buffer -> Result<Int, SystemError> in
            do throws(SystemError) {
              return .success(try reader.read(into: buffer, deadline: .never))
            } catch { return .failure(error) }
          }.get()
        }
      } catch { code.withLock { $0 = error.code } }
    }
    while !isInside.withLock({ $0 }) { sched_yield() }
    #expect(calls.cancel())
    while code.withLock({ $0 }) == nil { sched_yield() }
    #expect(code.withLock { $0 } == ECANCELED)
    #expect(!calls.cancel())
    #expect(!CancellableCalls.isCancelled)
    var byte: UInt8 = 7
    #expect(write(ends.writeEnd.raw, &byte, 1) == 1)
    let count = try calls.run { () throws(SystemError) in
      try withUnsafeMutableBytes(of: &byte) { buffer -> Result<Int, SystemError> in
        do throws(SystemError) {
          return .success(try reader.read(into: buffer, deadline: .never))
        } catch { return .failure(error) }
      }.get()
    }
    #expect(count == 1)
    reader.close()
  }
}
