import FileMappings
import Foundation
import IPCSystem
import IPCTransport
import Mailslots
import NamedPipes
import SyncObjects
import TestSupport
import Testing

@Suite("ipclab objects", .timeLimit(.minutes(2)))
struct ObjectsCommandTests {
  /// What a process makes in these tests, as calls of the console.
  private static let calls = [
    #"CreateNamedPipe name=\\.\pipe\demo mode=TYPE_MESSAGE"#,
    #"CreateNamedPipe name=\\.\pipe\demo mode=TYPE_MESSAGE"#,
    #"CreateMailslot name=\\.\mailslot\box"#, "CreateMutex name=Guard owned=1",
    "CreateSemaphore name=Slots init=2 max=5", "CreateEvent name=Bell",
    "CreateFileMapping size=4096 name=Board",
  ]

  /// A process that has made all that.
  private func owner(_ room: Room, suffix: String = "") throws -> Actor {
    let console = try room.ipclab("console", "-")
    for call in Self.calls {
      // Names end a line or stand before a blank.
      var words = call.split(separator: " ").map(String.init)
      words = words.map { $0.hasPrefix("name=") ? $0 + suffix : $0 }
      try make(words.joined(separator: " "), console)
    }
    return console
  }

  private func make(_ call: String, _ console: Actor) throws {
    try console.type(call + "\n")
    let line = try #require(nextOutcome(console))
    try #require(line.contains("ok"), "\(call): \(line)")
  }

  /// The line behind a call's echo.
  private func nextOutcome(_ console: Actor) -> String? {
    while let line = console.line() {
      let text = line.trimmingCharacters(in: .whitespaces)
      if text.hasPrefix("ok") || text.hasPrefix("failed") { return text }
    }
    return nil
  }

  private func census(_ room: Room, _ words: String...) throws -> [String: Any] {
    let outcome =
      words.isEmpty
      ? try room.run("objects", "--json") : try room.run("objects", "--json", words[0])
    #expect(outcome.status == .exited(0), "\(outcome.messages)")
    return try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
  }

  private func rows(_ census: [String: Any], _ key: String) -> [[String: Any]] {
    census[key] as? [[String: Any]] ?? []
  }

  private func pid(_ value: Any?) -> Int32 {
    ((value as? [String: Any])?["pid"] as? Int).map(Int32.init) ?? -1
  }

  @Test("says in a sentence that there is nothing, and how to make something")
  func empty() throws {
    let outcome = try Room().run("objects")
    #expect(outcome.status == .exited(0))
    #expect(outcome.output.contains("Nothing is alive in "))
    #expect(outcome.output.contains("ipclab listen"))
  }

  @Test("tells of everything that is alive how it stands and whose it is")
  func alive() throws {
    let room = try Room()
    let owner = try owner(room)
    let client = try room.ipclab("console", "-")
    try make(#"CreateFile name=\\.\pipe\demo"#, client)
    try make(#"CreateFile name=\\.\mailslot\box"#, client)
    try make("WriteFile data=hello", client)
    try make("WriteFile data=hi", client)
    let census = try census(room)

    let pipe = try #require(rows(census, "pipes").first)
    #expect(pipe["name"] as? String == #"\\.\pipe\demo"#)
    #expect(pipe["type"] as? String == "message")
    let instances = pipe["instances"] as? [[String: Any]] ?? []
    #expect(instances.map { $0["state"] as? String } == ["connected", "listening"])
    #expect(instances.allSatisfy { pid($0["owner"]) == owner.pid })
    #expect(pid(instances.first?["client"]) == client.pid)

    let slot = try #require(rows(census, "mailslots").first)
    #expect(slot["name"] as? String == #"\\.\mailslot\box"#)
    #expect(slot["waiting"] as? Int == 2)
    #expect(slot["next"] as? Int == 5)
    #expect(pid(slot["owner"]) == owner.pid)

    let mutex = try #require(rows(census, "mutexes").first)
    #expect(mutex["name"] as? String == "Guard")
    #expect(mutex["state"] as? String == "owned")
    #expect(pid(mutex["holder"]) == owner.pid)
    let semaphore = try #require(rows(census, "semaphores").first)
    #expect(semaphore["count"] as? Int == 2)
    #expect(semaphore["limit"] as? Int == 5)
    #expect(rows(census, "events").first?["isSet"] as? Bool == false)
    #expect(rows(census, "mappings").first?["size"] as? Int == 4096)
    let user = (slot["owner"] as? [String: Any])?["user"] as? String
    #expect(user == ProcessFacts.user(geteuid()))

    let text = try room.run("objects").output
    for word in [#"\\.\pipe\demo"#, "2 messages", "Guard", "\(client.pid) ipclab console"] {
      #expect(text.contains(word), "\(text)")
    }
    // To be looked at changes nothing: the messages are still there.
    let again = try self.census(room)
    #expect(rows(again, "mailslots").first?["waiting"] as? Int == 2)
  }

  @Test("follows a pipe's instance: connected, client gone, disconnected")
  func states() throws {
    let room = try Room()
    let server = try room.ipclab("console", "-")
    try make(#"CreateNamedPipe name=\\.\pipe\demo"#, server)
    func state() throws -> String? {
      let pipe = rows(try census(room), "pipes").first
      return (pipe?["instances"] as? [[String: Any]])?.first?["state"] as? String
    }
    #expect(try state() == "listening")
    let client = try room.ipclab("console", "-")
    try make(#"CreateFile name=\\.\pipe\demo"#, client)
    #expect(try state() == "connected")
    client.signal(SIGKILL)
    try client.status()
    #expect(try state() == "client ended")
    try make("DisconnectNamedPipe", server)
    #expect(try state() == "disconnected")
  }

  @Test("cleans up after a killed process, says so, and leaves what another one has")
  func clean() throws {
    let room = try Room()
    let dead = try owner(room)
    let alive = try owner(room, suffix: "2")
    let talker = try room.ipclab("listen", "unix-stream:./socket")
    try #require(talker.says("listening"))
    let deadTalker = try room.ipclab("listen", "unix-stream:./dead-socket")
    try #require(deadTalker.says("listening"))
    for actor in [dead, deadTalker] {
      actor.signal(SIGKILL)
      #expect(try actor.status() == .signaled(SIGKILL))
    }
    let before = try room.run("objects").output
    #expect(before.contains("Left behind"))
    #expect(before.contains("ipclab objects --clean"))

    let told = try room.run("objects", "--clean").output
    for word in ["pipe demo", "mailslot box", "object Guard", "object Board", "dead-socket"] {
      #expect(told.contains(word), "\(told)")
    }
    #expect(told.contains("process \(dead.pid)"))
    #expect(!told.contains("of process \(alive.pid)"))
    #expect(!FileManager.default.fileExists(atPath: room.path + "/dead-socket"))

    let after = try census(room, "--clean")
    #expect(rows(after, "removed").isEmpty)
    #expect(rows(after, "leftBehind").isEmpty)
    #expect(rows(after, "pipes").map { $0["name"] as? String } == [#"\\.\pipe\demo2"#])
    // What is alive can still be used.
    let client = try room.ipclab("console", "-")
    try make(#"CreateFile name=\\.\pipe\demo2"#, client)
    try make(#"CreateFile name=\\.\mailslot\box2"#, client)
    try make("OpenMutex name=Guard2", client)
    try make("OpenFileMapping name=Board2", client)
    let visitor = try room.ipclab("connect", "unix-stream:./socket")
    try visitor.type("hello\n")
    #expect(talker.line() == "hello")
  }

  @Test("leaves a pipe alone of which one of two servers was killed")
  func halfDead() throws {
    let room = try Room()
    let dead = try room.ipclab("console", "-")
    let alive = try room.ipclab("console", "-")
    for server in [dead, alive] { try make(#"CreateNamedPipe name=\\.\pipe\demo"#, server) }
    dead.signal(SIGKILL)
    try dead.status()
    #expect(try room.run("objects", "--clean").output.contains("process \(dead.pid)"))
    let client = try room.ipclab("console", "-")
    try make(#"CreateFile name=\\.\pipe\demo"#, client)
    let pipe = rows(try census(room), "pipes").first
    let instances = pipe?["instances"] as? [[String: Any]] ?? []
    #expect(instances.map { pid($0["owner"]) } == [alive.pid])
  }

  @Test("never takes away what is born while it cleans")
  func births() throws {
    let room = try Room()
    let runtime = try RuntimeDirectory(verifying: room.runtime, shared: room.shared)
    let cleaner = try Background {
      for _ in 0..<100 {
        let outcome = try room.run("objects", "--clean")
        #expect(outcome.status == .exited(0))
      }
    }
    let isDone = Locked(false)
    let watch = try Background {
      defer { isDone.withLock { $0 = true } }
      try cleaner.value()
    }
    var births = 0
    while !isDone.withLock({ $0 }) {
      let pipeName = try PipeName(#"\\.\pipe\newborn"#)
      let instance = try NamedPipeInstance(pipeName, in: runtime, options: .init(kind: .message))
      let client = try NamedPipeClient(pipeName, in: runtime, deadline: .immediate)
      var wide = NamedPipes.Options(kind: .byte)
      wide.access = .everyone
      let sharedName = try PipeName(#"\\.\pipe\shared newborn"#)
      let shared = try NamedPipeInstance(sharedName, in: runtime, options: wide)
      let visitor = try NamedPipeClient(sharedName, in: runtime, deadline: .immediate)
      let slotName = try MailslotName(#"\\.\mailslot\newborn"#)
      let slot = try MailslotServer(slotName, in: runtime)
      let writer = try MailslotWriter(slotName, in: runtime)
      let objectName = try ObjectName("newborn")
      let (mutex, _) = try OwnedMutex.create(objectName, in: runtime)
      let again = try OwnedMutex.open(objectName, in: runtime)
      writer.close()
      slot.close()
      visitor.close()
      shared.close()
      client.close()
      instance.close()
      again.close()
      mutex.close()
      births += 1
    }
    try watch.value()
    #expect(births > 0)
    #expect(room.leftovers() == [])
  }

  @Test("names files that it does not know, and leaves them alone")
  func foreign() throws {
    let room = try Room()
    let dead = try owner(room)
    dead.signal(SIGKILL)
    try dead.status()
    let files = FileManager.default
    let pipes = room.runtime + "/pipes/"
    let name = try #require(try files.contentsOfDirectory(atPath: pipes).first)
    let strange = [
      room.runtime + "/notes.txt", pipes + "notes.txt", pipes + name + "/notes.txt",
      room.runtime + "/run/mine/notes.txt",
    ]
    try files.createDirectory(
      atPath: room.runtime + "/run/mine", withIntermediateDirectories: true,
      attributes: [.posixPermissions: 0o700])
    try files.setAttributes([.posixPermissions: 0o700], ofItemAtPath: room.runtime + "/run")
    // Runs have been here.
    _ = files.createFile(atPath: room.runtime + "/run/.lock", contents: Data())
    for path in strange {
      try #require(files.createFile(atPath: path, contents: Data("mine".utf8)))
    }
    let text = try room.run("objects", "--clean").output
    for path in strange.dropLast() + [room.runtime + "/run/mine"] {
      #expect(text.contains(path), "\(text)")
    }
    for path in strange { #expect(files.contents(atPath: path) == Data("mine".utf8)) }
  }

  @Test("shows pipes that other users may open, and who may")
  func shared() throws {
    let room = try Room()
    let runtime = try RuntimeDirectory(verifying: room.runtime, shared: room.shared)
    var options = NamedPipes.Options(kind: .message)
    options.access = .everyone
    let instance = try NamedPipeInstance(
      PipeName(#"\\.\pipe\open"#), in: runtime, options: options)
    let census = try census(room)
    let pipe = try #require(rows(census, "pipes").first)
    #expect(pipe["name"] as? String == #"\\.\pipe\open"#)
    #expect(pipe["access"] as? String == "everyone")
    #expect((pipe["place"] as? String)?.hasPrefix(room.shared) == true)
    instance.close()
    let after = try self.census(room)
    #expect(rows(after, "pipes").isEmpty)
  }

  @Test(
    "shows the pipes of other users that they let this one see, and never cleans those",
    .enabled(if: geteuid() == 0, "it takes the superuser to become another user"))
  func otherUsers() throws {
    let room = try Room()
    let runtime = try RuntimeDirectory(verifying: room.runtime, shared: room.shared)
    var options = NamedPipes.Options(kind: .message)
    options.access = .everyone
    let open = try NamedPipeInstance(PipeName(#"\\.\pipe\open"#), in: runtime, options: options)
    options.access = .sameUser
    let own = try NamedPipeInstance(PipeName(#"\\.\pipe\own"#), in: runtime, options: options)
    // The other user gets a copy of the program that it can reach.
    let files = FileManager.default
    let program = room.path + "/program"
    try BuiltPrograms.install(try LabProgram.path(), as: program)
    try files.setAttributes([.posixPermissions: 0o711], ofItemAtPath: room.path)
    let home = room.path + "/home"
    try files.createDirectory(atPath: home, withIntermediateDirectories: false)
    #expect(chown(home, 65534, 65534) == 0)
    #expect(chmod(home, 0o700) == 0)
    let visitor = try room.tool(
      "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env",
      "IPCLAB_RUNTIME_DIR=\(home)", program, "objects", "--json", "--clean")
    let outcome = try visitor.finish()
    #expect(outcome.status == .exited(0), "\(outcome.messages)")
    let census = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8))
    let pipes = rows(try #require(census as? [String: Any]), "pipes")
    #expect(pipes.map { $0["name"] as? String } == [#"\\.\pipe\open"#])
    #expect(pipes.first?["user"] as? String == "root")
    let instances = pipes.first?["instances"] as? [[String: Any]] ?? []
    #expect(instances.map { $0["state"] as? String } == ["listening"])
    #expect(instances.map { pid($0["owner"]) } == [getpid()])
    let client = try NamedPipeClient(open.name, in: runtime, deadline: .immediate)
    client.close()
    open.close()
    own.close()
  }

  @Test("takes no other words")
  func usage() throws {
    #expect(try Room().run("objects", "pipes").status == .exited(2))
    #expect(try Room().run("objects", "--cleen").messages.contains("--clean"))
  }
}
