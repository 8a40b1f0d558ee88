internal import Glibc
public import IPCSystem

/// A mutex, semaphore, event or file mapping, as it is found from outside.
public struct SurveyedObject: Sendable, Codable {
  /// What it is and how it stands.
  public enum State: Sendable, Hashable, Codable {
    /// A mutex: the thread that owns it, and that thread's process.
    case ownedMutex(thread: Int32, process: Int32)
    /// A mutex that nobody owns.
    case freeMutex
    /// A mutex whose owner has ended, of which nobody was told yet.
    case abandonedMutex
    /// A semaphore.
    case semaphore(count: Int32, limit: Int32)
    /// An event.
    case event(isSet: Bool, reset: String)
    /// A file mapping: its size in bytes, what views may do, and the file; `nil` is memory.
    case mapping(size: Int, protection: String, file: String?)
    /// Its memory does not hold what it must.
    case damaged
  }

  /// The name; `nil` when it cannot be told.
  public let name: String?
  /// How it stands.
  public let state: State
  /// The processes that have it open.
  public let owners: [ProcessFacts]
  /// Where the name is kept.
  public let place: String
}

/// The mutexes, semaphores, events and file mappings of a runtime directory.
public enum ObjectSurvey {
  /// All of them that are alive. Nothing is changed. Also says what is among them that is none.
  public static func objects(
    _ runtime: RuntimeDirectory
  ) -> (objects: [SurveyedObject], foreign: [SurveyedPath]) {
    var objects: [SurveyedObject] = []
    let foreign =
      NameRegistry(existing: ObjectNamespace.kind, in: runtime)?.survey { name in
        if let object = look(at: name) { objects.append(object) }
      } ?? []
    return (objects, foreign)
  }

  /// Removes what ended processes have left, and says what; never anything alive.
  public static func clean(_ runtime: RuntimeDirectory) -> [SurveyedPath] {
    NameRegistry(existing: ObjectNamespace.kind, in: runtime)?.clean("object") ?? []
  }

  /// What processes that have ended have left; what ``clean(_:)`` would remove at this moment.
  public static func remains(_ runtime: RuntimeDirectory) -> [SurveyedPath] {
    var found: [SurveyedPath] = []
    _ = NameRegistry(existing: ObjectNamespace.kind, in: runtime)?.survey {
      found += $0.removals("object")
    }
    return found
  }

  /// Looks into the object's memory through one of its owners; `nil` when all of them are ending.
  private static func look(at name: SurveyedName) -> SurveyedObject? {
    var state: SurveyedObject.State?
    var text = name.text
    for owner in name.owners {
      let words = name.directory.read("\(owner.number).\(ObjectNamespace.openSuffix)") ?? ""
      let numbers = words.split(separator: " ").compactMap { Int32($0) }
      guard numbers.count == 4,
        let file = try? SmallFile.openDescriptor(numbers[1], of: numbers[0], writable: true)
      else { continue }
      guard let memory = try? ObjectMemory(of: file, named: nil) else {
        state = .damaged
        continue
      }
      text = memory.name ?? text
      state = Self.state(memory, payload: (numbers[0], numbers[2]))
      break
    }
    guard let state else { return nil }
    return SurveyedObject(
      name: text, state: state,
      owners: Set(name.owners.map(\.pid)).sorted().map { ProcessFacts(of: $0) }, place: name.place)
  }

  private static func state(
    _ memory: ObjectMemory, payload: (pid: Int32, descriptor: Int32)
  ) -> SurveyedObject.State {
    switch memory.kind {
    case .mutex:
      let mutex = OwnedMutex(memory, nil)
      guard let thread = mutex.owner else {
        return mutex.isAbandoned ? .abandonedMutex : .freeMutex
      }
      guard let process = ProcessFacts.process(ofThread: thread) else { return .abandonedMutex }
      return .ownedMutex(thread: thread, process: process)
    case .semaphore:
      let semaphore = CountingSemaphore(memory, nil)
      return .semaphore(count: semaphore.count, limit: semaphore.limit)
    case .event:
      let event = Event(memory, nil)
      return .event(
        isSet: event.isSignalled(since: event.pulses),
        reset: event.reset == .manual ? "manual" : "automatic")
    case .mapping:
      // As `FileMapping` writes them down.
      let names = ["read only", "read and write", "copy on write"]
      let protection = Int(memory.constant(MappingTerms.protectionOffset, as: UInt32.self))
      guard names.indices.contains(protection - 1) else { return .damaged }
      return .mapping(
        size: Int(memory.constant(MappingTerms.sizeOffset, as: Int64.self)),
        protection: names[protection - 1],
        file: SmallFile.target(ofDescriptor: payload.descriptor, of: payload.pid))
    }
  }
}

/// Where a file mapping's size and protection are in its memory.
package enum MappingTerms {
  /// The size in bytes, 64 bits.
  package static let sizeOffset = 0
  /// What views may do at most: 1 read, 2 read and write, 3 copy on write; 32 bits.
  package static let protectionOffset = 8
}
