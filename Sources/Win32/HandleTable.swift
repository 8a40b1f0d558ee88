internal import IPCSystem

/// Something that handles refer to.
class KernelObject: @unchecked Sendable {
  // Sendable: `handles` is only touched with the table's lock held; what subclasses add is safe by
  // itself.
  fileprivate var handles = 0

  /// Says good-bye: no handle refers to it any more. Calls on it may still be going on.
  func lastHandleWasClosed() {}

  /// The rights that those stand for that a call asks for: here, of a process or thread.
  func rights(of desired: DWORD) throws(Failure) -> DWORD {
    let generic = GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL
    if desired & (GENERIC_ALL | MAXIMUM_ALLOWED) != 0 { return PROCESS_ALL_ACCESS }
    return desired & ~generic
  }

  /// Whether a duplicate may have rights that its original does not have.
  var mayGetMoreRights: Bool { true }

  /// Another process's copy of this object, made with the table's lock held, which keeps the object
  /// open meanwhile; `nil` when it cannot be inherited.
  func bequeath() -> Bequest? { nil }
}

/// What one handle may do, and to which object.
struct HandleEntry {
  let object: KernelObject
  let access: DWORD
  var isInherited: Bool
  var isProtected = false
}

/// The handles of this process.
final class HandleTable: Sendable {
  static let shared = HandleTable()

  private let state = Locked(State())

  private struct State {
    var entries: [Int: HandleEntry] = [:]
    /// Values are not reused, so that a stale one never means something else.
    var next = 4
    var standard: [DWORD: HANDLE] = [:]
  }

  private init() {
    for (value, entry) in Inheritance.receive() { adopt(entry, value) }
  }

  private func adopt(_ entry: HandleEntry, _ value: Int) {
    state.withLock { state in
      state.entries[value] = entry
      entry.object.handles += 1
      state.next = max(state.next, value + 4)
    }
  }

  /// Makes a handle.
  func insert(_ object: KernelObject, access: DWORD, isInherited: Bool) -> HANDLE {
    state.withLock { state in
      let value = state.next
      state.next += 4
      state.entries[value] = HandleEntry(object: object, access: access, isInherited: isInherited)
      object.handles += 1
      return HANDLE(value)
    }
  }

  /// What a handle refers to.
  func entry(_ handle: HANDLE) throws(Failure) -> HandleEntry {
    guard let entry = state.withLock({ $0.entries[handle.value] }) else {
      throw Failure(ERROR_INVALID_HANDLE)
    }
    return entry
  }

  /// The object of a handle, which must be of this kind and allow this access.
  func object<Object: KernelObject>(
    _ handle: HANDLE, _ kind: Object.Type, access: DWORD = 0
  ) throws(Failure) -> Object {
    let entry = try entry(handle)
    guard let object = entry.object as? Object else { throw Failure(ERROR_INVALID_HANDLE) }
    guard entry.access & access == access else { throw Failure(ERROR_ACCESS_DENIED) }
    return object
  }

  /// Makes another handle of the same object.
  ///
  /// - Parameter desired: Its rights; `nil` for the same.
  func duplicate(
    _ handle: HANDLE, desired: DWORD?, isInherited: Bool
  ) throws(Failure) -> HANDLE {
    try state.withLock { (state) throws(Failure) -> HANDLE in
      let entry = try state.entries[handle.value].orFailure(ERROR_INVALID_HANDLE)
      let access = try desired.map { (desired) throws(Failure) in
        try entry.object.rights(of: desired)
      }
      if let access, access & ~entry.access != 0, !entry.object.mayGetMoreRights {
        throw Failure(ERROR_ACCESS_DENIED)
      }
      let value = state.next
      state.next += 4
      state.entries[value] = HandleEntry(
        object: entry.object, access: access ?? entry.access, isInherited: isInherited)
      entry.object.handles += 1
      return HANDLE(value)
    }
  }

  /// Closes a handle, and the object with its last one.
  func close(_ handle: HANDLE) throws(Failure) {
    let closing = state.withLock { state -> (entry: HandleEntry, isLast: Bool)? in
      guard let entry = state.entries[handle.value], !entry.isProtected else { return nil }
      state.entries[handle.value] = nil
      entry.object.handles -= 1
      return (entry, entry.object.handles == 0)
    }
    let (entry, isLast) = try closing.orFailure(ERROR_INVALID_HANDLE)
    if isLast { entry.object.lastHandleWasClosed() }
  }

  /// Gives back what keeps an object open as a handle would.
  func release(_ object: KernelObject) {
    let isLast = state.withLock { _ in
      object.handles -= 1
      return object.handles == 0
    }
    if isLast { object.lastHandleWasClosed() }
  }

  /// Changes what is noted with a handle.
  func change(_ handle: HANDLE, _ body: (inout HandleEntry) -> Void) throws(Failure) {
    let found = state.withLock { state -> Bool in
      guard var entry = state.entries[handle.value] else { return false }
      body(&entry)
      state.entries[handle.value] = entry
      return true
    }
    if !found { throw Failure(ERROR_INVALID_HANDLE) }
  }

  /// The objects of this kind that handles refer to.
  func objects<Object: KernelObject>(_ kind: Object.Type) -> [Object] {
    state.withLock { $0.entries.values.compactMap { $0.object as? Object } }
  }

  /// Which handle is a standard one; makes it with the first question.
  func standard(_ number: DWORD, _ make: () -> KernelObject?, access: DWORD) -> HANDLE {
    state.withLock { state in
      if let known = state.standard[number] { return known }
      guard let object = make() else { return nil }
      let value = state.next
      state.next += 4
      object.handles += 1
      state.entries[value] = HandleEntry(object: object, access: access, isInherited: true)
      state.standard[number] = HANDLE(value)
      return HANDLE(value)
    }
  }

  /// The standard handle that was set or asked for, if any.
  func knownStandard(_ number: DWORD) -> HANDLE? { state.withLock { $0.standard[number] } }

  func setStandard(_ number: DWORD, _ handle: HANDLE) {
    state.withLock { $0.standard[number] = handle }
  }

  /// What a child gets for these handles, which become its standard ones, and, if asked for, copies of
  /// what all other inherited handles refer to. What is lent must be given back with ``release(_:)``.
  func bequeath(
    standard: [HANDLE?], others: Bool
  ) -> (standard: [StandardBequest], others: [(value: Int, bequest: Bequest, access: DWORD)]) {
    state.withLock { state in
      let chosen = standard.map { handle -> StandardBequest in
        guard let handle else { return .own }
        guard others, let entry = state.entries[handle.value], entry.isInherited else {
          return .none
        }
        if let copy = entry.object.bequeath() { return .copy(copy) }
        guard let file = entry.object as? FileObject else { return .none }
        file.handles += 1
        return .lent(file, entry.access)
      }
      guard others else { return (chosen, []) }
      // One that is a standard handle is there already.
      let rest = state.entries.filter { value, entry in
        entry.isInherited && !standard.contains(HANDLE(value))
      }.sorted { $0.key < $1.key }
      return (
        chosen,
        rest.compactMap { value, entry in
          entry.object.bequeath().map { (value, $0, entry.access) }
        }
      )
    }
  }
}
