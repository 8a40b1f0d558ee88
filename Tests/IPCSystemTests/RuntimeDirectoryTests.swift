import Glibc
import IPCSystem
import TestSupport
import Testing

@Suite struct RuntimeDirectoryTests {
  private static func code(_ path: String) -> Int32? {
    do throws(SystemError) {
      _ = try RuntimeDirectory(verifying: path)
      return nil
    } catch { return error.code }
  }

  @Test("a missing directory is made for its owner only")
  func made() throws {
    let directory = try Scratch()
    let path = directory.path + "/runtime"
    #expect(try RuntimeDirectory(verifying: path).path == path)
    var status = stat()
    #expect(lstat(path, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o700)
    #expect(Self.code(path) == nil)
    #expect(Self.code(directory.path + "/missing/below") == ENOENT)
  }

  @Test("names for other users are beside the directory, or where it is said, also for parts")
  func shared() throws {
    let directory = try Scratch()
    let path = directory.path + "/runtime"
    let chosen = try RuntimeDirectory(verifying: path, shared: "/elsewhere/")
    #expect(chosen.sharedPath == "/elsewhere")
    #expect(try chosen.subdirectory("part").sharedPath == "/elsewhere")
    if getenv("IPCLAB_SHARED_DIR") == nil {
      #expect(try RuntimeDirectory(verifying: path + "/").sharedPath == path + ".shared")
    }
  }

  @Test("a symbolic link is refused, also when it leads to a good directory")
  func link() throws {
    let directory = try Scratch()
    #expect(mkdir(directory.path + "/good", 0o700) == 0)
    #expect(symlink(directory.path + "/good", directory.path + "/link") == 0)
    #expect(Self.code(directory.path + "/link") == EPERM)
    #expect(Self.code(directory.path + "/link/") == EPERM)
    #expect(Self.code(directory.path + "/good/") == nil)
    #expect(
      try RuntimeDirectory(verifying: directory.path + "/good//").path == directory.path + "/good")
  }

  @Test("a directory that others may use is refused", arguments: [0o750, 0o701, 0o777] as [mode_t])
  func open(mode: mode_t) throws {
    let directory = try Scratch()
    let path = directory.path + "/runtime"
    #expect(mkdir(path, 0o700) == 0)
    #expect(chmod(path, mode) == 0)
    #expect(Self.code(path) == EPERM)
  }

  @Test("a file, and a directory of somebody else, are refused")
  func foreign() throws {
    let directory = try Scratch()
    let path = directory.path + "/file"
    close(creat(path, 0o600))
    #expect(Self.code(path) == EPERM)
    // The root directory is somebody else's, or open to others.
    #expect(Self.code("/") == EPERM)
    if geteuid() == 0 {
      let foreign = directory.path + "/foreign"
      #expect(mkdir(foreign, 0o700) == 0)
      #expect(chown(foreign, 12345, 12345) == 0)
      #expect(Self.code(foreign) == EPERM)
    }
  }
}

@Suite struct ScratchDirectoryTests {
  @Test("it vanishes with its owner, and with all that is in it")
  func vanishes() throws {
    let directory = try Scratch()
    let runtime = try RuntimeDirectory(verifying: directory.path)
    let path: String
    do {
      let scratch = try ScratchDirectory(in: runtime)
      path = scratch.path
      #expect(mkdir(path + "/sub", 0o700) == 0)
      close(creat(path + "/sub/file", 0o600))
      mkfifo(path + "/fifo", 0o600)
      scratch.remove()
      scratch.remove()
    }
    #expect(access(path, F_OK) == -1)
  }

  @Test("two of one process do not share a directory, and the second leaves the first alone")
  func two() throws {
    let directory = try Scratch()
    let runtime = try RuntimeDirectory(verifying: directory.path)
    let first = try ScratchDirectory(in: runtime)
    let second = try ScratchDirectory(in: runtime)
    #expect(first.path != second.path)
    #expect(access(first.path, F_OK) == 0)
    withExtendedLifetime((first, second)) {}
  }

  @Test(
    "what an owner left that was killed is swept at the next start; what a living one holds stays")
  func sweep() throws {
    let directory = try Scratch()
    let runtime = try RuntimeDirectory(verifying: directory.path)
    let home = try runtime.subdirectory("run")
    // An owner in another process: it holds the lock as a scratch directory's owner does.
    let abandoned = home.path + "/other"
    #expect(mkdir(abandoned, 0o700) == 0)
    close(creat(abandoned + "/socket", 0o600))
    let pipe = try Pipes.make(capacity: nil)
    var plan = ChildProcess.Plan(
      program: "sh",
      arguments: ["-c", "exec 9>\"$0/.lock\"; flock 9; echo; exec sleep 1000", abandoned])
    plan.descriptors = [(1, pipe.writeEnd.raw)]
    let owner = try ChildProcess.start(plan)
    pipe.writeEnd.close()
    #expect(readByte(pipe.readEnd.raw).count == 1)

    do { _ = try ScratchDirectory(in: runtime) }
    #expect(access(abandoned + "/socket", F_OK) == 0)
    owner.signal(SIGKILL)
    _ = try owner.wait()
    do { _ = try ScratchDirectory(in: runtime) }
    #expect(access(abandoned, F_OK) == -1)
  }
}

@Suite struct NameRegistryTests {
  @Test("a name that cannot be made leaves nothing behind, and one that is there stays")
  func failure() throws {
    let scratch = try Scratch()
    let registry = try NameRegistry("things", in: scratch.runtime)
    let fail = { (directory: NameDirectory) throws(SystemError) in
      throw SystemError(code: ENOSPC, call: "write")
    }
    #expect(throws: SystemError.self) {
      _ = try registry.withName("new", creating: true, fail)
    }
    #expect(scratch.names("things").isEmpty)
    let owner = try registry.withName("old", creating: true) {
      (directory) throws(SystemError) -> NameOwner in try directory.addOwner()
    }
    #expect(throws: SystemError.self) {
      _ = try registry.withName("old", creating: true, fail)
    }
    #expect(scratch.names("things").count == 1)
    _ = consume owner
    #expect(scratch.names("things").isEmpty)
  }
}

@Suite struct FileLockTests {
  @Test("a lock has one holder, and is free when the holder is gone")
  func exclusive() throws {
    let directory = try Scratch()
    let path = directory.path + "/lock"
    do {
      let held = try FileLock.acquire(path)
      #expect(try FileLock.tryAcquire(path) == nil)
      _ = consume held
    }
    // Waits: a process that another test starts at this moment holds a copy until it runs.
    _ = try FileLock.acquire(path)
  }

  @Test("acquire waits for the holder")
  func waits() throws {
    let directory = try Scratch()
    let path = directory.path + "/lock"
    let held = try FileLock.acquire(path)
    let next = try Background { _ = try FileLock.acquire(path) }
    next.waitUntilAsleep()
    #expect(next.outcome == nil)
    _ = consume held
    try next.value()
  }

  @Test("a symbolic link is not followed")
  func link() throws {
    let directory = try Scratch()
    #expect(symlink("/tmp/nowhere-of-ipclab", directory.path + "/lock") == 0)
    #expect(throws: SystemError.self) { _ = try FileLock.acquire(directory.path + "/lock") }
  }
}
