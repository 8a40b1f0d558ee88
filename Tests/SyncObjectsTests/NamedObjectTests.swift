import Glibc
import IPCSystem
import SyncObjects
import TestSupport
import Testing

@Suite struct NamedObjectTests {
  private func code(_ body: () throws -> Void) -> ObjectError.Code? {
    (#expect(throws: ObjectError.self) { try body() })?.code
  }

  @Test("a name is one object for all who open it, until the last one closes it")
  func shared() throws {
    let scratch = try Scratch()
    let name = try ObjectName("n")
    let first = try CountingSemaphore.create(name, count: 1, limit: 2, in: scratch.runtime)
    let second = try CountingSemaphore.create(name, count: 9, limit: 9, in: scratch.other())
    #expect(!first.existed && second.existed)
    #expect(second.semaphore.takeIfSignalled())
    #expect(first.semaphore.count == 0)
    #expect(second.semaphore.identity == first.semaphore.identity)
    first.semaphore.close()
    #expect(try CountingSemaphore.open(name, in: scratch.runtime).limit == 2)
    second.semaphore.close()
    #expect(code { _ = try CountingSemaphore.open(name, in: scratch.runtime) } == .notFound)
    #expect(scratch.names("objects").isEmpty)
  }

  @Test("an object whose owner is alive and cannot be reached is damaged")
  func unreachable() throws {
    let scratch = try Scratch()
    let event = try Event.create(ObjectName("n"), .manual, in: scratch.runtime).event
    let directory = scratch.path + "/objects/" + (try #require(scratch.names("objects").first))
    for note in ["", "99999999 3 -1 0"] {
      for name in DirectoryListing.names(in: directory) where name.hasSuffix(".open") {
        try SmallFile.write(note, to: directory + "/" + name)
      }
      let other = try scratch.other()
      #expect(code { _ = try Event.open(ObjectName("n"), in: other) } == .damaged)
    }
    event.close()
    #expect(scratch.names("objects").isEmpty)
  }

  @Test("names differ in case, and one name is of one kind")
  func names() throws {
    let scratch = try Scratch()
    let mutex = try OwnedMutex.create(ObjectName("Name"), in: scratch.runtime).mutex
    #expect(code { _ = try OwnedMutex.open(ObjectName("name"), in: scratch.runtime) } == .notFound)
    for runtime in [scratch.runtime, try scratch.other()] {
      #expect(code { _ = try Event.open(ObjectName("Name"), in: runtime) } == .wrongKind)
      #expect(
        code { _ = try Event.create(ObjectName("Name"), .manual, in: runtime) } == .wrongKind)
    }
    mutex.close()
    #expect(scratch.names("objects").isEmpty)
  }

  @Test(
    "the session's prefix is taken off, that of all sessions kept, other backslashes refused",
    arguments: [
      (#"\a"#, .absoluteName), (#"\Local\a"#, .absoluteName),
      (#"local\a"#, .noSuchNamespace), (#"Global\a\b"#, .noSuchNamespace),
      (#"Global\"#, .invalidName), (#"Local\a\b"#, .noSuchNamespace), (#"Local\"#, .invalidName),
      ("", .invalidName),
      ("a\0", .invalidName), (String(repeating: "x", count: 261), .nameTooLong),
    ] as [(String, ObjectError.Code)])
  func prefixes(_ bad: String, _ expected: ObjectError.Code) throws {
    #expect(code { _ = try ObjectName(bad) } == expected)
    #expect(try ObjectName(#"Local\a"#) == ObjectName("a"))
    #expect(try ObjectName(#"Global\a"#).text == #"Global\a"#)
    let longest = String(repeating: "x", count: 260)
    #expect(try ObjectName(#"Local\"# + longest).text == longest)
  }

  @Test("many threads create and close one name: all who have it at once have the same")
  func race() throws {
    let scratch = try Scratch()
    let other = try scratch.other()
    let jobs = try (0..<4).map { number in
      try Background {
        for _ in 0..<300 {
          guard
            let (mutex, _) = try? OwnedMutex.create(
              ObjectName("n"), in: number % 2 == 0 ? scratch.runtime : other)
          else { return false }
          guard mutex.lock() == .owned, (try? mutex.unlock()) != nil else { return false }
          mutex.close()
        }
        return true
      }
    }
    #expect(try jobs.allSatisfy { try $0.value() })
    #expect(scratch.names("objects").isEmpty)
  }

  @Test(
    "killed again and again, readers and writers go on and leave nothing", .timeLimit(.minutes(3)),
    arguments: [["25"], ["strays", "20"]])
  func kills(_ words: [String]) async throws {
    let scratch = try Scratch()
    let done = try Background {
      var plan = ChildProcess.Plan(
        program: BuiltPrograms.directory + "/SyncSoak", arguments: [scratch.path] + words)
      plan.descriptors = [(1, 2), (2, 2)]
      return (try? ChildProcess.start(plan).wait().status)
    }
    #expect(try done.value() == .exited(0))
  }
}

/// Where this program is.
enum ThisProgram {
  static func executable() throws -> String {
    var path = [CChar](repeating: 0, count: 4096)
    let length = readlink("/proc/self/exe", &path, 4095)
    try #require(length > 0)
    return String(decoding: path.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
