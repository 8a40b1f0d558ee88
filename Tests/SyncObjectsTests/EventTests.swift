import Glibc
import IPCSystem
import SyncObjects
import Synchronization
import TestSupport
import Testing

@Suite struct EventTests {
  @Test("an event that resets itself lets one wait through, a manual one all")
  func reset() {
    let automatic = Event(.automatic, isSet: true)
    #expect(Waiting.any(of: [automatic], deadline: .immediate) == .taken(0))
    #expect(Waiting.any(of: [automatic], deadline: .immediate) == .timedOut)
    let manual = Event(.manual)
    #expect(Waiting.any(of: [manual], deadline: .immediate) == .timedOut)
    manual.set()
    #expect(Waiting.any(of: [manual], deadline: .immediate) == .taken(0))
    #expect(Waiting.any(of: [manual], deadline: .immediate) == .taken(0))
    manual.clear()
    #expect(Waiting.any(of: [manual], deadline: .immediate) == .timedOut)
  }

  @Test("a thread that sleeps is woken by any of its objects", arguments: 0..<3)
  func wakeAny(index: Int) throws {
    let events = (0..<3).map { _ in Event(.automatic) }
    let waiter = try Background { Waiting.any(of: events, deadline: .never) }
    waiter.waitUntilAsleep()
    #expect(waiter.outcome == nil)
    events[index].set()
    #expect(try waiter.value() == .taken(index))
  }

  @Test("of several that are signalled, the first is taken and no other")
  func first() {
    let events = (0..<3).map { Event(.automatic, isSet: $0 > 0) }
    #expect(Waiting.any(of: events, deadline: .immediate) == .taken(1))
    #expect(Waiting.any(of: events, deadline: .immediate) == .taken(2))
    #expect(Waiting.any(of: events, deadline: .immediate) == .timedOut)
  }

  @Test("waiting for all takes nothing until all are signalled")
  func all() throws {
    let (a, b) = (Event(.automatic, isSet: true), Event(.automatic))
    #expect(Waiting.all(of: [a, b], deadline: .immediate) == .timedOut)
    let waiter = try Background { Waiting.all(of: [a, b], deadline: .never) }
    waiter.waitUntilAsleep()
    #expect(Waiting.any(of: [a], deadline: .immediate) == .taken(0))
    b.set()
    waiter.waitUntilAsleep()
    #expect(waiter.outcome == nil)
    a.set()
    #expect(try waiter.value() == .takenAll)
    #expect(Waiting.any(of: [a, b], deadline: .immediate) == .timedOut)
  }

  @Test("two waits for all, with the objects in another order, do not lock each other out")
  func order() throws {
    let (a, b) = (Event(.automatic), Event(.automatic))
    let rounds = 300
    let waiters = try [[a, b], [b, a]].map { objects in
      try Background {
        for _ in 0..<rounds { _ = Waiting.all(of: objects, deadline: .never) }
        return true
      }
    }
    // A set event that is set again is one signal: keep setting until both have had theirs.
    while waiters.contains(where: { $0.outcome == nil }) {
      a.set()
      b.set()
      sched_yield()
    }
    #expect(try waiters.allSatisfy { try $0.value() })
  }

  @Test("every signal of an event that resets itself goes to exactly one of many waiters")
  func oneEach() throws {
    let event = Event(.automatic)
    let count = Atomic<Int>(0)
    let waiters = try (0..<4).map { _ in
      try Background {
        for _ in 0..<50 {
          _ = Waiting.any(of: [event], deadline: .never)
          count.wrappingAdd(1, ordering: .relaxed)
        }
        return true
      }
    }
    for round in 1...200 {
      event.set()
      while count.load(ordering: .relaxed) < round { sched_yield() }
    }
    #expect(try waiters.allSatisfy { try $0.value() })
    #expect(Waiting.any(of: [event], deadline: .immediate) == .timedOut)
  }

  @Test("a wait ends at its deadline and not before, with objects and without")
  func deadline() {
    for objects in [[Event(.manual)], []] {
      let start = MonotonicClock.now()
      #expect(
        Waiting.any(of: objects, deadline: .after(.milliseconds(30))) == .timedOut)
      #expect(MonotonicClock.now() - start >= 30_000_000)
    }
  }

  @Test("what makes a thread alert ends its wait, unless an object is signalled")
  func alert() throws {
    let (object, alert) = (Event(.automatic), Event(.manual))
    let waiter = try Background { Waiting.any(of: [object], deadline: .never, alert: alert) }
    waiter.waitUntilAsleep()
    alert.set()
    #expect(try waiter.value() == .alerted)
    object.set()
    #expect(Waiting.any(of: [object], deadline: .never, alert: alert) == .taken(0))
    #expect(Waiting.all(of: [object], deadline: .never, alert: alert) == .alerted)
    #expect(Waiting.any(of: [], deadline: .never, alert: alert) == .alerted)
  }

  @Test("who waits first asks what will set the event, also without time to wait")
  func sources() {
    final class Source: SignalSource {
      let event: Event
      init(_ event: Event) { self.event = event }
      func notice() { event.set() }
    }
    let event = Event(.automatic)
    let source = Source(event)
    event.attach(source)
    #expect(Waiting.any(of: [event], deadline: .immediate) == .taken(0))
    event.detach(source)
    #expect(Waiting.any(of: [event], deadline: .immediate) == .timedOut)
  }

  @Test("as many objects as one call can take are waited for")
  func many() throws {
    let events = (0..<Waiting.largestGroup).map { _ in Event(.manual) }
    let alert = Event(.manual)
    let waiter = try Background { Waiting.any(of: events, deadline: .never, alert: alert) }
    waiter.waitUntilAsleep()
    #expect(waiter.outcome == nil)
    events[Waiting.largestGroup - 1].set()
    #expect(try waiter.value() == .taken(Waiting.largestGroup - 1))
    for event in events { event.set() }
    #expect(Waiting.all(of: events, deadline: .immediate) == .takenAll)
  }
}
