internal import IPCSystem
internal import Win32

/// What one console or agent holds: handles and operations under the names that lines use.
final class Session: Sendable {
  /// What a handle is of, as far as the console can tell.
  enum Sort: Sendable {
    case server, client, readEnd, writeEnd, file, process, thread, event, mutex, semaphore
    case mapping, mailslot, mailslotWriter
  }

  /// What can be waited for.
  static let waitable: [Sort] = [.process, .thread, .event, .mutex, .semaphore]

  /// What is known of a handle.
  struct Entry: Sendable {
    var handle: HANDLE
    var sort: Sort
    /// The name of the pipe or file.
    var title: String?
    /// The same number for handles of the same object: duplicates.
    var object: Int
    var isOpen = true
  }

  /// A view of a file mapping.
  struct View: Sendable {
    let address: UInt
    var isMapped = true
  }

  private struct Tables {
    var entries: [String: Entry] = [:]
    /// Open handles whose name was given to another one.
    var nameless: [Entry] = []
    /// Names of handles, the one that was used last at the end.
    var recency: [String] = []
    var recentName: String?
    var views: [String: View] = [:]
    var threads: [String: HANDLE] = [:]
    var operations: [String: PendingOperation] = [:]
    /// Operations whose name was given to another one before they were complete.
    var retired: [PendingOperation] = []
    var objects = 0
    /// Whether everything was closed: what comes now comes too late.
    var isOver = false

    mutating func touch(_ name: String) {
      recency.removeAll { $0 == name }
      recency.append(name)
    }
  }

  /// The pipe name that a person need not type.
  static let defaultName = #"\\.\pipe\teste"#
  /// A mailslot's name for examples.
  static let exampleMailslot = #"\\.\mailslot\teste"#

  /// The program whose hidden command plays the children.
  let childProgram: String
  /// Whether a person types: unknown names are then refused with a suggestion; in the protocol they
  /// are handles that are not valid.
  let isForPeople: Bool
  private let tables = Locked(Tables())

  init(childProgram: String, isForPeople: Bool) {
    self.childProgram = childProgram
    self.isForPeople = isForPeople
  }

  /// The handle of a name. `INVALID` and `NULL` are what they are in C.
  func handle(_ name: String) throws(Mistake) -> HANDLE {
    if name == "INVALID" { return INVALID_HANDLE_VALUE }
    if name == "NULL" { return nil }
    let (entry, names) = tables.withLock { tables in
      if tables.entries[name] != nil { tables.touch(name) }
      return (tables.entries[name], tables.entries.keys.sorted())
    }
    if let entry { return entry.handle }
    if !isForPeople { return nil }
    let list = names.isEmpty ? "none yet" : names.joined(separator: ", ")
    throw Mistake(
      "no handle is called “\(name)”" + Suggestion.phrase(for: name, among: names)
        + ". There are: \(list)")
  }

  /// What is known of a handle's name.
  func entry(_ name: String) -> Entry? { tables.withLock { $0.entries[name] } }

  /// Every name, in alphabetical order.
  var entries: [(name: String, entry: Entry)] {
    tables.withLock { tables in
      tables.entries.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
  }

  /// Gives a name to a handle.
  func bind(_ name: String, _ handle: HANDLE, _ sort: Sort, title: String? = nil) {
    let isLate = tables.withLock { tables in
      if tables.isOver { return true }
      if let lost = tables.entries[name], lost.isOpen { tables.nameless.append(lost) }
      tables.objects += 1
      tables.entries[name] = Entry(
        handle: handle, sort: sort, title: title, object: tables.objects)
      tables.touch(name)
      return false
    }
    if isLate { Self.close(Entry(handle: handle, sort: sort, object: 0)) }
  }

  /// Gives a name to a duplicate of another name's handle.
  func bind(_ name: String, _ handle: HANDLE, duplicateOf original: String) {
    let source = entry(original)
    bind(name, handle, source?.sort ?? .file, title: source?.title)
    if let source { tables.withLock { $0.entries[name]?.object = source.object } }
  }

  /// Notes that the handle of a name was closed. The name goes on to denote the closed value.
  func noteClosed(_ name: String) { tables.withLock { $0.entries[name]?.isOpen = false } }

  /// The open handle of one of these sorts that was used last.
  func recentHandle(_ sorts: [Sort]) -> String? {
    tables.withLock { tables in
      tables.recency.last { name in
        tables.entries[name].map { $0.isOpen && (sorts.isEmpty || sorts.contains($0.sort)) }
          ?? false
      }
    }
  }

  /// A name for a new handle: the base, or the base with a number when that is taken.
  func freshName(_ base: String) -> String {
    tables.withLock { tables in
      var name = base
      var number = 2
      while tables.entries[name]?.isOpen == true {
        name = base + String(number)
        number += 1
      }
      return name
    }
  }

  /// The pipe name that was used last.
  var recentName: String {
    get { tables.withLock { $0.recentName ?? Self.defaultName } }
    set { tables.withLock { $0.recentName = newValue } }
  }

  /// The view of a name.
  func view(_ name: String) -> View? { tables.withLock { $0.views[name] } }

  /// Gives a name to a view.
  func bindView(_ name: String, _ address: UInt) {
    tables.withLock { $0.views[name] = View(address: address) }
  }

  /// Notes that the view of a name was unmapped. The name goes on to denote the address.
  func noteUnmapped(_ name: String) { tables.withLock { $0.views[name]?.isMapped = false } }

  /// The thread of a worker.
  func thread(_ worker: String) throws(Mistake) -> HANDLE {
    let threads = tables.withLock { $0.threads }
    if let thread = threads[worker] { return thread }
    if !isForPeople { return nil }
    throw Mistake("no worker is called “\(worker)”: a call such as A: ReadFile starts one")
  }

  /// Notes which thread a worker is.
  func bindThread(_ worker: String, _ thread: HANDLE) {
    tables.withLock { $0.threads[worker] = thread }
  }

  /// The operation of a name.
  func operation(_ name: String) -> PendingOperation? { tables.withLock { $0.operations[name] } }

  /// Gives a name to an operation that is about to start.
  func bind(_ name: String, _ operation: PendingOperation) {
    tables.withLock { tables in
      tables.retired.removeAll { $0.isComplete }
      if let previous = tables.operations.updateValue(operation, forKey: name),
        !previous.isComplete
      {
        tables.retired.append(previous)
      }
    }
  }

  /// Closes what is open and ends the children, so that nothing is left behind.
  func closeAll() {
    let open = tables.withLock { tables in
      let all = tables.nameless + tables.entries.values.filter(\.isOpen)
      for name in tables.entries.keys { tables.entries[name]?.isOpen = false }
      tables.nameless = []
      tables.isOver = true
      return all
    }
    open.forEach(Self.close)
    LentEnds.closeAll()
  }

  private static func close(_ entry: Entry) {
    if entry.sort == .process { TerminateProcess(entry.handle, 1) }
    CloseHandle(entry.handle)
  }
}
