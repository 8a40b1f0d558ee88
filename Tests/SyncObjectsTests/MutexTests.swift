import IPCSystem
import SyncObjects
import Synchronization
import TestSupport
import Testing

@Suite struct MutexTests {
  @Test("a mutex belongs to the thread that has taken it, as often as it has")
  func ownership() throws {
    let mutex = OwnedMutex(isOwned: true)
    #expect(mutex.lock() == .owned)
    #expect(
      try Background {
        (try? mutex.unlock()) == nil && mutex.lock(deadline: .immediate) == .timedOut
      }
      .value())
    try mutex.unlock()
    #expect(try Background { mutex.lock(deadline: .immediate) }.value() == .timedOut)
    try mutex.unlock()
    #expect(throws: ObjectError.self) { try mutex.unlock() }
    #expect(mutex.owner == nil)
  }

  @Test("the end of its owner is told once, to one of those who wait", arguments: [1, 2])
  func abandoned(_ depth: Int) throws {
    let mutex = OwnedMutex()
    let end = ThreadEnd()
    let isOwned = Event(.manual)
    let leave = Event(.manual)
    try SystemThread.start {
      end.begin()
      for _ in 0..<depth { _ = mutex.lock() }
      isOwned.set()
      _ = Waiting.any(of: [leave], deadline: .never)
    }
    _ = Waiting.any(of: [isOwned], deadline: .never)
    let waiters = try (0..<4).map { number in
      try Background { () -> Bool in
        let result =
          number % 2 == 0
          ? mutex.lock() == .abandoned
          : Waiting.any(of: [Event(.manual), mutex], deadline: .never) == .abandoned(1)
        try? mutex.unlock()
        return result
      }
    }
    for waiter in waiters { waiter.waitUntilAsleep() }
    leave.set()
    #expect(try waiters.count { try $0.value() } == 1)
    #expect(Waiting.any(of: [end], deadline: .never) == .taken(0))
    #expect(mutex.lock() == .owned)
    try mutex.unlock()
  }

  @Test("a mutex that goes away while somebody owns it does no harm to that thread")
  func forgotten() throws {
    for _ in 0..<100 {
      let held = OwnedMutex()
      var lost: OwnedMutex? = OwnedMutex(isOwned: true)
      #expect(held.lock() == .owned)
      #expect(lost?.owner != nil)
      lost = nil
      try held.unlock()
    }
  }

  @Test("many threads count with it, in all the ways of waiting")
  func counting() throws {
    let (mutex, own, others) = (OwnedMutex(), OwnedMutex(), OwnedMutex(isOwned: true))
    let idle = Event(.manual)
    let isOn = Event(.manual, isSet: true)
    nonisolated(unsafe) var count = 0
    let jobs = try (0..<10).map { number in
      try Background {
        for _ in 0..<500 {
          switch number % 5 {
          case 0: _ = mutex.lock()
          case 1: _ = Waiting.any(of: [idle, mutex], deadline: .never)
          case 2: _ = Waiting.any(of: [others, mutex], deadline: .never)
          case 3: _ = Waiting.all(of: [isOn, mutex], deadline: .never)
          default: _ = Waiting.all(of: [own, isOn, mutex], deadline: .never)
          }
          count += 1
          try? mutex.unlock()
          if number % 5 == 4 { try? own.unlock() }
        }
        return true
      }
    }
    #expect(try jobs.allSatisfy { try $0.value() })
    #expect(count == 5000)
    try others.unlock()
  }
}

@Suite struct SemaphoreTests {
  @Test("a semaphore counts, and refuses what exceeds its limit")
  func limits() throws {
    let semaphore = try CountingSemaphore(count: 2, limit: 3)
    #expect(throws: ObjectError.self) { try semaphore.release(2) }
    #expect(throws: ObjectError.self) { try semaphore.release(0) }
    #expect(try semaphore.release() == 2)
    #expect(semaphore.count == 3)
    for (count, limit) in [(-1, 1), (2, 1), (0, 0)] as [(Int32, Int32)] {
      #expect(throws: ObjectError.self) { try CountingSemaphore(count: count, limit: limit) }
    }
    let wide = try CountingSemaphore(count: 0, limit: .max)
    #expect(try wide.release(.max) == 0)
    #expect(throws: ObjectError.self) { try wide.release() }
  }

  @Test("every release lets as many go on as it says", arguments: [1, 5, 3000] as [Int32])
  func releases(_ amount: Int32) throws {
    let semaphore = try CountingSemaphore(count: 0, limit: 10000)
    let waiters = try (0..<2).map { _ in
      try Background { Waiting.any(of: [semaphore], deadline: .never) }
    }
    for waiter in waiters { waiter.waitUntilAsleep() }
    #expect(try semaphore.release(amount) == 0)
    if amount == 1 { try semaphore.release() }
    #expect(try waiters.allSatisfy { try $0.value() == .taken(0) })
    #expect(semaphore.count == max(0, amount - 2))
  }

  @Test("nothing is lost or gained between many threads that take and release")
  func exchange() throws {
    let semaphore = try CountingSemaphore(count: 3, limit: 3)
    let inside = Atomic<Int>(0)
    let other = Event(.manual)
    let jobs = try (0..<6).map { number in
      try Background {
        for _ in 0..<500 {
          _ = Waiting.any(
            of: number % 2 == 0 ? [semaphore] : [other, semaphore], deadline: .never)
          if inside.wrappingAdd(1, ordering: .relaxed).newValue > 3 { return false }
          inside.wrappingSubtract(1, ordering: .relaxed)
          guard (try? semaphore.release()) != nil else { return false }
        }
        return true
      }
    }
    #expect(try jobs.allSatisfy { try $0.value() })
    #expect(semaphore.count == 3)
  }
}

@Suite struct PulseTests {
  @Test("a pulse lets those go on who wait, and nobody later", arguments: [true, false])
  func pulse(_ isManual: Bool) throws {
    let event = Event(isManual ? .manual : .automatic)
    let waiters = try (0..<2).map { _ in
      try Background { Waiting.any(of: [event], deadline: .never) }
    }
    for waiter in waiters { waiter.waitUntilAsleep() }
    // Again and again: a thread that looks asleep may not have got to the wait, and then misses one.
    while waiters.contains(where: { $0.outcome == nil }) { event.pulse() }
    #expect(try waiters.allSatisfy { try $0.value() == .taken(0) })
    #expect(Waiting.any(of: [event], deadline: .immediate) == .timedOut)
    event.set()
    event.pulse()
    #expect(Waiting.any(of: [event], deadline: .immediate) == .timedOut)
  }

  @Test("a pulse completes a wait for all only when nothing else is missing")
  func all() throws {
    let (pulsed, other) = (Event(.automatic), Event(.manual))
    let waiter = try Background { Waiting.all(of: [pulsed, other], deadline: .never) }
    waiter.waitUntilAsleep()
    pulsed.pulse()
    other.set()
    waiter.waitUntilAsleep()
    #expect(waiter.outcome == nil)
    // Again and again: a thread that looks asleep may not have got to the wait, and then misses one.
    while waiter.outcome == nil { pulsed.pulse() }
    #expect(try waiter.value() == .takenAll)
  }
}
