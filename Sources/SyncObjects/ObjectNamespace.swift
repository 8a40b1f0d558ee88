internal import Glibc
package import IPCSystem

/// The names of mutexes, semaphores, events and mappings in a runtime directory.
///
/// An object lives in memory files, which have no names. Who opens it reaches them through any
/// process that has them open; every such process is an owner of the name (``NameOwner``) and notes
/// its descriptors there. The object thus ends with its last owner, however that one ends, and there
/// is nothing that anybody could attach to afterwards. Opening and creating happen with the name's
/// directory locked.
package final class ObjectNamespace: Sendable {
  /// A descriptor that comes with an object: what a mapping maps.
  package final class Payload: Sendable {
    package let descriptor: OwnedDescriptor
    package let isWritable: Bool

    package init(_ descriptor: consuming OwnedDescriptor, isWritable: Bool) {
      self.descriptor = descriptor
      self.isWritable = isWritable
    }
  }

  /// What this process has of one name, however often it is open.
  private final class Entry: @unchecked Sendable {
    // Sendable: `pins` is only touched with the table's lock held, the rest with the entry's.
    var pins = 0
    let lock = ThreadLock()
    var users = 0
    var owner: NameOwner?
    var file: OwnedDescriptor?
    var memory: ObjectMemory?
    var payload: Payload?
  }

  /// One opening of an object. It ends with ``close()``, or when it goes away.
  package final class Holding: Sendable {
    package let name: ObjectName
    package let memory: ObjectMemory
    package let payload: Payload?
    private let namespace: ObjectNamespace
    private let isOpen = Locked(true)

    fileprivate init(
      _ name: ObjectName, _ memory: ObjectMemory, _ payload: Payload?, _ namespace: ObjectNamespace
    ) {
      self.name = name
      self.memory = memory
      self.payload = payload
      self.namespace = namespace
    }

    deinit { close() }

    /// Gives the name up; with the last opening of the last process, it is free.
    package func close() {
      let isFirst = isOpen.withLock { isOpen in
        defer { isOpen = false }
        return isOpen
      }
      if isFirst { namespace.leave(name) }
    }
  }

  /// Makes the state of a new object.
  package typealias Preparation = (ObjectMemory) throws(ObjectError) -> Payload?

  static let kind = "objects"
  static let openSuffix = "open"
  private static let all = Locked<[String: ObjectNamespace]>([:])

  private let registry: NameRegistry
  private let table = Locked<[ObjectName: Entry]>([:])

  private init(_ registry: NameRegistry) { self.registry = registry }

  /// The namespace of a runtime directory. The first use in a process removes what dead processes
  /// have left there.
  package static func of(_ runtime: RuntimeDirectory) throws(ObjectError) -> ObjectNamespace {
    let (namespace, isNew) = try asObject("the runtime directory") { () throws(SystemError) in
      try all.withLock { (all) throws(SystemError) -> (ObjectNamespace, Bool) in
        // The directory may have been removed since the last time: it is made again.
        let registry = try NameRegistry(Self.kind, in: runtime)
        if let known = all[runtime.path] { return (known, false) }
        let fresh = ObjectNamespace(registry)
        all[runtime.path] = fresh
        return (fresh, true)
      }
    }
    if isNew { namespace.registry.sweep() }
    return namespace
  }

  /// Removes what dead processes have left.
  package static func sweep(_ runtime: RuntimeDirectory) throws(ObjectError) {
    try of(runtime).registry.sweep()
  }

  /// Opens the object of a name.
  ///
  /// - Parameter prepare: Makes the state of a new object, before anybody else sees it; `nil` when
  ///   none is to be created.
  /// - Throws: `.notFound`, `.wrongKind`.
  package func open(
    _ name: ObjectName, _ kind: ObjectKind,
    prepare: Preparation?
  ) throws(ObjectError) -> (holding: Holding, existed: Bool) {
    let entry = table.withLock { table in
      let entry = table[name] ?? Entry()
      table[name] = entry
      entry.pins += 1
      return entry
    }
    do throws(ObjectError) {
      return try entry.lock.withLock { () throws(ObjectError) -> (Holding, Bool) in
        var existed = true
        if entry.memory == nil { existed = try attach(entry, name, kind, creating: prepare) }
        guard let memory = entry.memory, memory.kind == kind else {
          if entry.users == 0 { Self.clear(entry) }
          throw ObjectError(.wrongKind, "opening “\(name)” as a \(kind)")
        }
        entry.users += 1
        return (Holding(name, memory, entry.payload, self), existed)
      }
    } catch {
      unpin(name)
      throw error
    }
  }

  private func leave(_ name: ObjectName) {
    guard let entry = table.withLock({ $0[name] }) else { return }
    entry.lock.withLock {
      entry.users -= 1
      if entry.users == 0 { Self.clear(entry) }
    }
    unpin(name)
  }

  /// The owner goes first: as long as it is one, others may come for the descriptors.
  private static func clear(_ entry: Entry) {
    entry.owner = nil
    entry.file = nil
    entry.payload = nil
    entry.memory = nil
  }

  private func unpin(_ name: ObjectName) {
    table.withLock { table in
      guard let entry = table[name] else { return }
      entry.pins -= 1
      if entry.pins == 0 { table[name] = nil }
    }
  }

  /// Makes this process an owner of the name.
  ///
  /// - Returns: Whether there was such an object.
  private func attach(
    _ entry: Entry, _ name: ObjectName, _ kind: ObjectKind, creating prepare: Preparation?
  ) throws(ObjectError) -> Bool {
    let directory = registry.directory(ofExactly: name.text)
    var failure: ObjectError?
    let existed = try asObject("opening “\(name)”") { () throws(SystemError) in
      try directory.withLock(creating: prepare != nil) { directory throws(SystemError) -> Bool in
        do throws(ObjectError) {
          return try attach(entry, name, kind, directory, creating: prepare)
        } catch {
          failure = error
          directory.removeDeadOwners()
          directory.removeIfUnowned()
          return false
        }
      }
    }
    if let failure {
      // An owner that could not be completed takes the directory's lock when it goes.
      Self.clear(entry)
      throw failure
    }
    guard let existed else { throw ObjectError(.notFound, "opening “\(name)”") }
    return existed
  }

  /// With the directory locked.
  private func attach(
    _ entry: Entry, _ name: ObjectName, _ kind: ObjectKind, _ directory: NameDirectory,
    creating prepare: Preparation?
  ) throws(ObjectError) -> Bool {
    var patience = Patience(.seconds(5))
    while true {
      directory.removeDeadOwners()
      if directory.livingOwners().isEmpty { break }
      if try find(entry, name, directory) {
        try note(entry, name, directory)
        return true
      }
      // Every owner is ending: its descriptors are closed, and its lock is about to be. Or somebody
      // has removed what it has noted here.
      if patience.isOver() { throw ObjectError(.damaged, "opening “\(name)”") }
      sched_yield()
    }
    guard let prepare else { throw ObjectError(.notFound, "opening “\(name)”") }
    directory.label(name.text)
    let memory: ObjectMemory
    do throws(SystemError) {
      memory = try ObjectMemory(creating: kind, named: name, &entry.file)
    } catch { throw ObjectError(.system, "creating “\(name)”", system: error) }
    entry.payload = try prepare(memory)
    entry.memory = memory
    try note(entry, name, directory)
    return false
  }

  /// Opens the object through one of its owners; false when none has it open any more.
  private func find(
    _ entry: Entry, _ name: ObjectName, _ directory: NameDirectory
  ) throws(ObjectError) -> Bool {
    for item in directory.entries() where item.rest == Self.openSuffix {
      let numbers = (directory.read(item.name) ?? "").split(separator: " ").compactMap {
        Int32($0)
      }
      guard numbers.count == 4 else { throw ObjectError(.damaged, "opening “\(name)”") }
      do throws(SystemError) {
        let file = try SmallFile.openDescriptor(numbers[1], of: numbers[0], writable: true)
        var payload: Payload?
        if numbers[2] >= 0 {
          let isWritable = numbers[3] == 1
          payload = Payload(
            try SmallFile.openDescriptor(numbers[2], of: numbers[0], writable: isWritable),
            isWritable: isWritable)
        }
        entry.memory = try map(file, name)
        entry.file = consume file
        entry.payload = payload
        return true
      } catch {
        if error.code == EBADMSG { throw ObjectError(.damaged, "opening “\(name)”") }
        if error.code != ENOENT && error.code != ESRCH {
          throw ObjectError(.system, "opening “\(name)”", system: error)
        }
      }
    }
    return false
  }

  private func map(
    _ file: borrowing OwnedDescriptor, _ name: ObjectName
  ) throws(SystemError) -> ObjectMemory {
    do throws(ObjectError) { return try ObjectMemory(of: file, named: name) } catch {
      throw SystemError(code: EBADMSG, call: error.description)
    }
  }

  /// Tells others where this process has the object open.
  private func note(
    _ entry: Entry, _ name: ObjectName, _ directory: NameDirectory
  ) throws(ObjectError) {
    do throws(SystemError) {
      let owner = try directory.addOwner()
      let number = owner.number
      entry.owner = consume owner
      let words = [
        getpid(), entry.file?.raw ?? -1, entry.payload?.descriptor.raw ?? -1,
        entry.payload?.isWritable == true ? 1 : 0,
      ]
      try directory.write(
        words.map(String.init).joined(separator: " "), to: "\(number).\(Self.openSuffix)")
    } catch { throw ObjectError(.system, "opening “\(name)”", system: error) }
  }
}
