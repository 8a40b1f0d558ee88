internal import Glibc
internal import IPCSystem
internal import Synchronization

/// Where a thread sleeps that waits for several mutexes: not at them, but at a bell that watchers
/// ring.
///
/// Of those who sleep at a mutex one is woken when it becomes free. Should that one be killed before
/// it has made use of it, the kernel wakes another; but it looks after one mutex of each thread. So a
/// watcher, a thread that does nothing else, sleeps at each of several mutexes.
final class MutexWatch {
  private let bell = SignalWord()
  private var watchers: [Int: MutexWatcher] = [:]

  /// `nil` for objects with one mutex among them, or none: the waiting thread sleeps at it itself.
  init?(of objects: [any Waitable]) {
    if objects.count(where: { $0 is OwnedMutex }) < 2 { return nil }
  }

  /// Where the bell is waited for. Ask before looking at the objects.
  var place: SleepingPlace { bell.sleepingPlace }

  /// Has an object watched until the bell rings for it, and from then on again.
  ///
  /// - Returns: `false` for what is no mutex, and when the system has no thread left.
  func begin(_ index: Int, _ object: any Waitable) -> Bool {
    guard let mutex = object as? OwnedMutex else { return false }
    if let watcher = watchers[index] {
      watcher.goOn()
      return true
    }
    watchers[index] = MutexWatcher.hire(for: mutex.withoutName, bell)
    return watchers[index] != nil
  }

  /// Ends all watches. A wake-up that nobody has made use of goes to the next sleeper.
  func end() {
    for watcher in watchers.values { watcher.dismiss() }
    watchers = [:]
  }
}

/// A thread that sleeps at a mutex for another thread of its process.
private final class MutexWatcher: Sendable {
  private struct Job {
    var mutex: OwnedMutex
    var bell: SignalWord
  }

  private enum Order {
    case work(Job)
    case rest
    case leave
  }

  /// Those without work, and the process that they are threads of: a fork does not copy threads.
  private static let idle = Locked<(process: Int32, watchers: [MutexWatcher])>((0, []))
  private static let mostIdle = Waiting.largestGroup

  private let order = Locked<Order>(.rest)
  private let orders = SignalWord()
  private let hasRung = Atomic(false)

  /// `nil` when the system has no thread left.
  static func hire(for mutex: OwnedMutex, _ bell: SignalWord) -> MutexWatcher? {
    let process = getpid()
    let rested = idle.withLock { idle in
      if idle.process != process { idle = (process, []) }
      return idle.watchers.popLast()
    }
    let watcher = rested ?? MutexWatcher()
    watcher.give(.work(Job(mutex: mutex, bell: bell)))
    if rested == nil {
      do throws(SystemError) { try SystemThread.start { watcher.run() } } catch { return nil }
    }
    return watcher
  }

  /// Watches on, if it has rung the bell since.
  func goOn() {
    if hasRung.exchange(false, ordering: .sequentiallyConsistent) { orders.signal() }
  }

  /// Ends the watch.
  func dismiss() {
    give(.rest)
    let stays = Self.idle.withLock { idle in
      if idle.watchers.count == Self.mostIdle { return false }
      idle.watchers.append(self)
      return true
    }
    if !stays { give(.leave) }
  }

  private func give(_ new: Order) {
    order.withLock { $0 = new }
    orders.signal()
  }

  private func run() {
    // The mutex that the kernel looks after: this thread may have been woken for it.
    var watched: OwnedMutex?
    while true {
      let seen = orders.sleepingPlace
      var job: Job?
      switch order.withLock({ $0 }) {
      case .work(let given): job = given
      case .rest: break
      case .leave: return leave(watched)
      }
      if job?.mutex !== watched { leave(watched) }
      watched = job?.mutex
      var places = [seen]
      if let job {
        if let place = job.mutex.sleepingPlace(since: 0) {
          places.append(place)
        } else {
          hasRung.store(true, ordering: .sequentiallyConsistent)
          job.bell.signal()
        }
      }
      SleepingPlace.sleep(at: places, deadline: .never)
    }
  }

  private func leave(_ watched: OwnedMutex?) {
    watched?.passOn()
    watched?.hasSlept()
  }
}
