import Glibc
import IPCSystem
import IPCTransport
import NamedPipes
import TestSupport
import Testing

/// Numbers of users and groups that need not exist.
private let alice: UInt32 = 54_001
private let bob: UInt32 = 54_002
private let team: UInt32 = 54_100

@Suite(
  "Access by other users",
  .enabled(if: geteuid() == 0, "needs root, to run clients and servers as other users"))
struct AccessTests {
  private let text = #"\\.\pipe\access"#

  private func instance(
    _ scratch: Scratch, _ access: NamedPipes.AccessControl
  ) throws -> NamedPipeInstance {
    var options = NamedPipes.Options(kind: .message)
    options.access = access
    return try NamedPipeInstance(try PipeName(text), in: scratch.runtime, options: options)
  }

  @Test("a pipe without a word about access does not exist for another user")
  func sameUser() throws {
    let scratch = try Scratch()
    let server = try instance(scratch, .sameUser)
    let visitor = try Visitor(scratch, uid: alice)
    #expect(try visitor.ask("connect \(text) now") == "error notFound")
    #expect(scratch.sharedNames.isEmpty)
    // Nor by the path of its socket.
    let path = scratch.runtime.path + "/pipes"
    var status = stat()
    #expect(lstat(scratch.runtime.path, &status) == 0 && status.st_mode & 0o077 == 0)
    #expect(DirectoryListing.names(in: path).count == 1)
    server.close()
  }

  @Test("a pipe for everyone takes other users, and each end knows the other")
  func everyone() throws {
    let scratch = try Scratch()
    let server = try instance(scratch, .everyone)
    let visitor = try Visitor(scratch, uid: alice)
    #expect(try visitor.ask("connect \(text) now").hasPrefix("connected \(getpid()) 0"))
    try server.acceptClient()
    #expect(server.peer == PeerIdentity(pid: visitor.pid, uid: alice, gid: alice))
    #expect(try visitor.ask("write hello") == "written")
    #expect(try server.text() == "hello")
    try server.write("world")
    #expect(try visitor.ask("read") == "data world")
    #expect(try visitor.ask("count") == "1")
    // This user finds the name too.
    #expect(
      code {
        _ = try NamedPipeClient(try PipeName(text), in: scratch.runtime, deadline: .immediate)
      }
        == .instancesBusy)
    server.close()
    #expect(scratch.sharedNames.isEmpty && scratch.names("pipes").isEmpty)
  }

  @Test("a pipe for a group takes its members, also by a supplementary group, and nobody else")
  func group() throws {
    let scratch = try Scratch()
    let server = try instance(scratch, .group(team))
    let member = try Visitor(scratch, uid: alice, groups: [7, team])
    let stranger = try Visitor(scratch, uid: bob)
    #expect(try stranger.ask("connect \(text) now") == "error accessDenied")
    #expect(try stranger.ask("wait \(text) now") == "error accessDenied")
    #expect(server.state == .listening)
    #expect(try member.ask("connect \(text) now").hasPrefix("connected \(getpid()) 0"))
    try server.acceptClient()
    #expect(server.peer?.uid == alice)
    server.close()
  }

  @Test("only a member of a group can make a pipe for it")
  func foreignGroup() throws {
    let scratch = try Scratch()
    let visitor = try Visitor(scratch, uid: alice)
    #expect(try visitor.ask("serve \(text) g\(team)") == "error accessDenied")
    #expect(scratch.sharedNames.isEmpty)
    #expect(DirectoryListing.names(in: visitor.runtime + "/pipes").isEmpty)
    let member = try Visitor(scratch, uid: bob, groups: [team])
    #expect(try member.ask("serve \(text) g\(team)") == "serving")
  }

  @Test("a list of users admits those, the server's own and root, and nobody else")
  func users() throws {
    let scratch = try Scratch()
    let server = try Visitor(scratch, uid: alice)
    #expect(try server.ask("serve \(text) \(bob)") == "serving")
    let stranger = try Visitor(scratch, uid: 54_003)
    #expect(try stranger.ask("connect \(text) now") == "error accessDenied")
    for user in [bob, alice, 0] {
      let client = try Visitor(scratch, uid: user)
      #expect(try client.ask("connect \(text) now").hasPrefix("connected \(server.pid) \(alice)"))
      #expect(try server.ask("accept") == "accepted \(client.pid) \(user)")
      #expect(try server.ask("disconnect") == "disconnected")
      try server.tell("accept")
      // The instance listens again when it waits for the next.
      #expect(try client.ask("wait \(text) never") == "free")
      #expect(try client.ask("connect \(text) never").hasPrefix("connected"))
      #expect(try server.answer().hasPrefix("accepted"))
      #expect(try server.ask("disconnect") == "disconnected")
      try server.tell("accept")
      let next = try Visitor(scratch, uid: user)
      #expect(try next.ask("connect \(text) never").hasPrefix("connected"))
      #expect(try server.answer() == "accepted \(next.pid) \(user)")
      #expect(try server.ask("close") == "closed")
      #expect(try server.ask("serve \(text) \(bob)") == "serving")
    }
  }

  @Test("clients that are refused do not end the server's wait, and the next that may gets in")
  func refusedClients() throws {
    let scratch = try Scratch()
    let server = try instance(scratch, .users([bob]))
    let wait = server.startWaitForClient { _ in }
    let stranger = try Visitor(scratch, uid: alice)
    for _ in 0..<50 {
      #expect(try stranger.ask("connect \(text) never") == "error accessDenied")
    }
    #expect(wait.outcome == nil)
    #expect(server.state == .listening && server.peer == nil)
    let friend = try Visitor(scratch, uid: bob)
    #expect(try friend.ask("connect \(text) never").hasPrefix("connected"))
    _ = try wait.wait(deadline: .never)
    #expect(server.peer?.uid == bob)
    server.close()
    #expect(scratch.sharedNames.isEmpty)
  }

  @Test("a waiting client of another user sleeps, and is woken by the instance that listens again")
  func waiting() throws {
    let scratch = try Scratch()
    let server = try instance(scratch, .everyone)
    let (first, second) = (try Visitor(scratch, uid: alice), try Visitor(scratch, uid: bob))
    #expect(try first.ask("connect \(text) now").hasPrefix("connected"))
    #expect(try second.ask("connect \(text) now") == "error instancesBusy")
    #expect(try second.ask("connect \(text) 20") == "error timedOut")
    #expect(try second.ask("wait \(text) 20") == "error timedOut")
    try second.tell("connect \(text) never")
    try second.waitUntilAsleep()
    try server.acceptClient()
    try server.disconnect()
    let wait = server.startWaitForClient { _ in }
    let answer = try second.answer()
    #expect(answer.hasPrefix("connected \(getpid()) 0 "))
    // It slept, once for each of the few things that happened: it did not look again and again.
    #expect(try #require(answer.split(separator: " ").last.flatMap { Int($0) }) < 20)
    _ = try wait.wait(deadline: .never)
    #expect(server.peer?.uid == bob)
    server.close()
  }

  @Test(
    "a waiting client of another user learns that the last server has closed", arguments: [0, 9])
  func waitingInVain(signal: Int32) throws {
    let scratch = try Scratch()
    let server = try Visitor(scratch, uid: alice)
    #expect(try server.ask("serve \(text) everyone") == "serving")
    let (first, second) = (try Visitor(scratch, uid: bob), try Visitor(scratch, uid: bob))
    #expect(try first.ask("connect \(text) now").hasPrefix("connected"))
    try second.tell("connect \(text) never")
    try second.waitUntilAsleep()
    if signal == 0 {
      #expect(try server.ask("close") == "closed")
    } else {
      // Its parent, this process, has not collected it when the client is woken.
      kill(server.pid, signal)
    }
    #expect(try second.answer() == "error notFound")
  }

  @Test("what a killed server left among the shared names goes with its user's next name")
  func killed() throws {
    let scratch = try Scratch()
    let server = try Visitor(scratch, uid: alice)
    #expect(try server.ask("serve \(text) everyone") == "serving")
    try server.kill()
    #expect(scratch.sharedNames.count == 1)
    let client = try Visitor(scratch, uid: bob)
    #expect(try client.ask("connect \(text) never") == "error notFound")
    #expect(try client.ask("wait \(text) never") == "error notFound")
    // Another user's sweep leaves it alone.
    NamedPipes.sweep(scratch.runtime)
    #expect(scratch.sharedNames.count == 1)
    // Nor is a killed server's instance free for its own user.
    let own = try Visitor(scratch, uid: 0)
    #expect(try own.ask("serve \(text) same") == "serving")
    try own.kill()
    let runtime = try RuntimeDirectory(verifying: own.runtime)
    #expect(
      code { try NamedPipes.waitForInstance(of: try PipeName(text), in: runtime, deadline: .never) }
        == .notFound)
    let next = try Visitor(scratch, uid: alice)
    #expect(try next.ask(#"serve \\.\pipe\other everyone"#) == "serving")
    #expect(scratch.sharedNames.count == 1)
    #expect(try next.ask("close") == "closed")
    #expect(scratch.sharedNames.isEmpty)
  }

  @Test("a name that another user serves is recognised before anything is written to it")
  func squatted() throws {
    let scratch = try Scratch()
    let squatter = try Visitor(scratch, uid: alice)
    #expect(try squatter.ask("serve \(text) everyone") == "serving")
    let client = try Visitor(scratch, uid: 54_003)
    // Whoever does not ask sees it.
    #expect(
      try client.ask("connect \(text) now").hasPrefix("connected \(squatter.pid) \(alice) "))
    #expect(try client.ask("close") == "closed")
    #expect(try squatter.ask("close") == "closed")
    #expect(try squatter.ask("serve \(text) everyone") == "serving")
    #expect(try client.ask("connect \(text) now \(bob)") == "error accessDenied")
    // The server that is meant has the name too, and is found behind the other.
    let server = try Visitor(scratch, uid: bob)
    #expect(try server.ask("serve \(text) everyone") == "serving")
    #expect(
      try client.ask("connect \(text) now \(bob)").hasPrefix("connected \(server.pid) \(bob) "))
    #expect(try server.ask("accept") == "accepted \(client.pid) 54003")
  }

  @Test("a server that refuses a client does not keep it from another user's")
  func passedOver() throws {
    let scratch = try Scratch()
    let unfriendly = try Visitor(scratch, uid: alice, groups: [team])
    let server = try Visitor(scratch, uid: bob)
    #expect(try server.ask("serve \(text) everyone") == "serving")
    let client = try Visitor(scratch, uid: 54_003)
    for access in ["7", "g\(team)"] {
      #expect(try unfriendly.ask("serve \(text) \(access)") == "serving")
      #expect(try client.ask("connect \(text) now").hasPrefix("connected \(server.pid) \(bob) "))
      #expect(try server.ask("accept").hasPrefix("accepted"))
      #expect(try server.ask("close") == "closed")
      #expect(try server.ask("serve \(text) everyone") == "serving")
      #expect(try unfriendly.ask("close") == "closed")
    }
  }

  @Test("what another user made up can neither hang nor lead a client astray")
  func lies() throws {
    let scratch = try Scratch()
    let liar = try Visitor(scratch, uid: alice)
    #expect(try liar.ask("serve \(text) everyone") == "serving")
    let directory = scratch.runtime.sharedPath + "/" + (try #require(scratch.sharedNames.first))
    let other = #"\\.\pipe\other"#
    let honest = try Visitor(scratch, uid: bob)
    #expect(try honest.ask("serve \(other) everyone") == "serving")
    let client = try Visitor(scratch, uid: 54_003)
    // A socket of this name that is another user's server.
    let theirs = try #require(
      scratch.sharedNames.map { scratch.runtime.sharedPath + "/" + $0 }.first { $0 != directory })
    let socket = try #require(
      DirectoryListing.names(in: theirs).first { $0.hasSuffix(".sock") })
    #expect(symlink(theirs + "/" + socket, directory + "/1.0.sock") == 0)
    #expect(try client.ask("connect \(text) never") == "error accessDenied")
    #expect(unlink(directory + "/1.0.sock") == 0)
    // It had room for the one client that was led there, which has left again.
    #expect(try honest.ask("disconnect") == "disconnected")
    // A state that is cut short, no file, or that nobody can read to its end.
    let state = directory + "/state"
    #expect(truncate(state, 20) == 0)
    #expect(try client.ask("connect \(text) never") == "error notFound")
    #expect(unlink(state) == 0 && mkfifo(state, 0o644) == 0)
    #expect(try client.ask("connect \(text) never") == "error notFound")
    #expect(unlink(state) == 0 && symlink("/dev/zero", state) == 0)
    #expect(try client.ask("connect \(text) never") == "error notFound")
  }

  @Test("nobody can keep a user from a name by sitting on its path")
  func blocked() throws {
    let scratch = try Scratch()
    let server = try Visitor(scratch, uid: alice)
    #expect(try server.ask("serve \(text) everyone") == "serving")
    let usual = try #require(scratch.sharedNames.first)
    #expect(try server.ask("close") == "closed")
    let villain = try Visitor(scratch, uid: bob)
    #expect(try villain.ask("mkdir \(scratch.runtime.sharedPath)/\(usual)") == "made")
    #expect(try server.ask("serve \(text) everyone") == "serving")
    #expect(scratch.sharedNames.count == 2)
    let client = try Visitor(scratch, uid: 54_003)
    #expect(
      try client.ask("connect \(text) now").hasPrefix("connected \(server.pid) \(alice) "))
    // Nothing was made in the villain's directory.
    #expect(DirectoryListing.names(in: scratch.runtime.sharedPath + "/" + usual).isEmpty)
    #expect(try server.ask("close") == "closed")
    #expect(scratch.sharedNames == [usual])
  }
}

@Suite("Access by this user")
struct OwnAccessTests {
  private func options(_ access: NamedPipes.AccessControl) -> NamedPipes.Options {
    var options = NamedPipes.Options(kind: .byte)
    options.access = access
    return options
  }

  @Test("instances share their name whatever access each asks for; that of the first holds")
  func oneName() throws {
    let scratch = try Scratch()
    let name = try PipeName(#"\\.\pipe\one"#)
    for (first, second, isShared) in [
      (NamedPipes.AccessControl.everyone, NamedPipes.AccessControl.sameUser, true),
      (.sameUser, .everyone, false), (.users([1, 2, 3]), .group(getgid()), true),
    ] {
      let one = try NamedPipeInstance(name, in: scratch.runtime, options: options(first))
      let two = try NamedPipeInstance(name, in: scratch.runtime, options: options(second))
      #expect(one.instanceCount == 2 && two.instanceCount == 2)
      #expect(scratch.sharedNames.count == (isShared ? 1 : 0))
      #expect(scratch.names("pipes").count == (isShared ? 0 : 1))
      var third = options(second)
      third.firstInstanceOnly = true
      #expect(
        code { _ = try NamedPipeInstance(name, in: scratch.runtime, options: third) }
          == .accessDenied)
      let clients = try (0..<2).map { _ in
        try NamedPipeClient(name, in: scratch.runtime, deadline: .immediate)
      }
      #expect(clients[0].peer?.uid == geteuid() && clients[0].instanceCount == 2)
      clients.forEach { $0.close() }
      one.close()
      two.close()
      #expect(scratch.sharedNames.isEmpty && scratch.names("pipes").isEmpty)
    }
  }

  @Test("a client of this user waits for an instance that others may open, and is woken")
  func waiting() throws {
    let scratch = try Scratch()
    let name = try PipeName(#"\\.\pipe\wide"#)
    let server = try NamedPipeInstance(name, in: scratch.runtime, options: options(.everyone))
    let first = try NamedPipeClient(name, in: scratch.runtime, deadline: .immediate)
    let runtime = scratch.runtime
    let second = try Background {
      try NamedPipeClient(name, in: runtime, deadline: .never).close()
    }
    try server.acceptClient()
    try server.disconnect()
    let wait = server.startWaitForClient { _ in }
    try second.value()
    _ = try wait.wait(deadline: .never)
    first.close()
    server.close()
  }

  @Test("a client that wants another user's server does not take this user's")
  func anotherUser() throws {
    let scratch = try Scratch()
    let name = try PipeName(#"\\.\pipe\mine"#)
    let server = try NamedPipeInstance(name, in: scratch.runtime, options: options(.sameUser))
    func connect(_ user: UInt32) -> TransportError.Code? {
      code {
        _ = try NamedPipeClient(
          name, in: scratch.runtime, deadline: .immediate, serverUser: user)
      }
    }
    #expect(connect(geteuid() + 1) == .accessDenied)
    #expect(connect(geteuid()) == nil)
    server.close()
    #expect(connect(geteuid()) == .notFound)
    #expect(connect(geteuid() + 1) == .notFound)
  }

  @Test("a shared directory that is a link, a file or open to all without being sticky is refused")
  func badRoots() throws {
    let scratch = try Scratch()
    let name = try PipeName(#"\\.\pipe\bad"#)
    let root = scratch.runtime.sharedPath
    func create() -> TransportError.Code? {
      code { _ = try NamedPipeInstance(name, in: scratch.runtime, options: options(.everyone)) }
    }
    #expect(symlink("/tmp", root) == 0)
    #expect(create() == .accessDenied)
    #expect(unlink(root) == 0)
    close(open(root, O_CREAT, 0o600))
    #expect(create() != nil)
    #expect(unlink(root) == 0)
    #expect(mkdir(root, 0o700) == 0 && chmod(root, 0o777) == 0)
    #expect(create() == .accessDenied)
    #expect(chmod(root, 0o1777) == 0)
    #expect(create() == nil)
    #expect(rmdir(root) == 0)
    #expect(create() == nil)
    var status = stat()
    #expect(lstat(root, &status) == 0 && status.st_mode & 0o7777 == 0o1777)
    #expect(scratch.names("pipes").isEmpty)
  }

  @Test("more users than a list can hold are refused")
  func manyUsers() throws {
    let scratch = try Scratch()
    let name = try PipeName(#"\\.\pipe\many"#)
    let most = NamedPipes.AccessControl.mostUsers
    #expect(
      code {
        _ = try NamedPipeInstance(
          name, in: scratch.runtime, options: options(.users(Array(0...UInt32(most)))))
      } == .invalidArgument)
    let instance = try NamedPipeInstance(
      name, in: scratch.runtime, options: options(.users(Array(0..<UInt32(most)))))
    instance.close()
  }
}
