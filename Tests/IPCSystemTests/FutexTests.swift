import Glibc
import IPCSystem
import Synchronization
import TestSupport
import Testing

@Suite struct FutexTests {
  @Test("a wait returns at once when the word has another value")
  func changed() throws {
    let created = try SharedMapping.create(name: "test", size: 4096)
    let word = created.mapping.address(at: 0, length: 4)
    word.storeBytes(of: 5, as: UInt32.self)
    #expect(Futex.wait(word, while: 4) == .changed)
    #expect(Futex.wait(word, while: 5, deadline: .immediate) == .timedOut)
    #expect(Futex.wait(word, while: 5, deadline: .after(.milliseconds(5))) == .timedOut)
    #expect(Futex.wake(word) == 0)
  }

  @Test("a sleeper in another mapping of the same memory is woken")
  func wakesAcrossMappings() throws {
    let created = try SharedMapping.create(name: "test", size: 4096)
    let other = try SharedMapping(mappingSealed: created.file, size: 4096)
    let here = UInt(bitPattern: created.mapping.address(at: 64, length: 4))
    let sleeper = try Background {
      if let word = UnsafePointer<Atomic<UInt32>>(bitPattern: here) {
        while word.pointee.load(ordering: .acquiring) == 0 { Futex.wait(word, while: 0) }
      }
    }
    let there = other.address(at: 64, length: 4).assumingMemoryBound(to: Atomic<UInt32>.self)
    // It sleeps for certain when a wake finds it.
    while Futex.wake(there) == 0 { sched_yield() }
    there.pointee.store(1, ordering: .releasing)
    Futex.wake(there)
    try sleeper.value()
  }
}

@Suite struct SharedMappingTests {
  @Test("a memory file can neither shrink nor grow nor lose its seals")
  func seals() throws {
    let created = try SharedMapping.create(name: "test", size: 8192)
    #expect(created.mapping.size == 8192)
    #expect(ftruncate(created.file.raw, 4096) == -1)
    #expect(ftruncate(created.file.raw, 16384) == -1)
    var status = stat()
    #expect(fstat(created.file.raw, &status) == 0)
    #expect(status.st_size == 8192)
  }

  @Test("what one mapping writes another reads")
  func shared() throws {
    let created = try SharedMapping.create(name: "test", size: 4096)
    let other = try SharedMapping(mappingSealed: created.file, size: 4096)
    created.mapping.address(at: 4088, length: 8).storeBytes(of: 77, as: UInt64.self)
    #expect(other.address(at: 4088, length: 8).load(as: UInt64.self) == 77)
  }

  @Test("a peer's file without seals, or smaller than it says, is refused")
  func refused() throws {
    let directory = try Scratch()
    let number = open(directory.path + "/file", O_RDWR | O_CREAT, 0o600)
    let plain = OwnedDescriptor(adopting: number)
    #expect(ftruncate(plain.raw, 4096) == 0)
    do throws(SystemError) {
      _ = try SharedMapping(mappingSealed: plain, size: 4096)
      Issue.record("it was mapped")
    } catch { #expect(error.code == EINVAL) }
    let created = try SharedMapping.create(name: "test", size: 4096)
    for size in [4097, 0, -1] {
      do throws(SystemError) {
        _ = try SharedMapping(mappingSealed: created.file, size: size)
        Issue.record("it was mapped")
      } catch { #expect(error.code == EINVAL) }
    }
  }
}
