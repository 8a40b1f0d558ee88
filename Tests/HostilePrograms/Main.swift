import Glibc
import IPCSystem
import SyncObjects

/// Programs that no grader should have to meet: `HostilePrograms NAME [ARGUMENT]`.
///
/// Each bounds itself well above the limits of a check, so that a grader that does not hold it fails
/// its test and not the machine: none runs longer than a minute.
@main
struct HostilePrograms {
  static func main() {
    let words = CommandLine.arguments
    let argument = words.count > 2 ? words[2] : ""
    alarm(60)
    switch words.count > 1 ? words[1] : "" {
    case "healthy": say("ok")
    case "endless": endless()
    case "burner": burner()
    case "flood": flood()
    case "fork-bomb": forkBomb()
    case "hog": hog()
    case "hoarder": hoarder()
    case "daemon": daemon()
    case "stopped": raise(SIGSTOP)
    case "deaf": deaf()
    case "huge-file": hugeFile(heedingSignal: true)
    case "huge-file-quiet": hugeFile(heedingSignal: false)
    case "tamper": tamper(argument)
    case "crash": crash()
    case "litter": litter()
    case "killer": killer()
    case "peer": peer(argument)
    default: exit(2)
    }
  }

  static func say(_ text: String) {
    let bytes = Array((text + "\n").utf8)
    _ = unsafe write(1, bytes, bytes.count)
  }

  /// Never ends, and listens to nobody.
  static func endless() {
    for number in Int32(1)...31 where number != SIGALRM { signal(number, SIG_IGN) }
    while true { sched_yield() }
  }

  /// Takes all the processor time there is.
  static func burner() {
    for _ in 0..<3 {
      try? SystemThread.start { while true { _ = MonotonicClock.now() } }
    }
    while true { _ = MonotonicClock.now() }
  }

  /// Writes without end: 4 GiB.
  static func flood() {
    let bytes = [UInt8](repeating: 0x78, count: 1 << 16)
    for _ in 0..<(1 << 16) {
      if unsafe write(1, bytes, bytes.count) < 0 { exit(1) }
    }
  }

  /// Makes 2000 processes, each as soon as the one before.
  static func forkBomb() {
    for _ in 0..<2000 {
      if (try? Confinement.fork()) == 0 {
        sleep(60)
        exit(0)
      }
    }
    sleep(60)
  }

  /// Takes 2 GiB of memory.
  static func hog() {
    // What is looked at in the end is not optimised away.
    let size = 32 << 20
    var blocks: [UnsafeMutableRawPointer] = unsafe []
    for _ in 0..<64 {
      guard let block = unsafe malloc(size) else { break }
      unsafe memset(block, 1, size)
      unsafe blocks.append(block)
    }
    sleep(60)
    var sum = 0
    for index in unsafe blocks.indices {
      sum += unsafe Int(blocks[index].load(fromByteOffset: size / 2, as: UInt8.self))
    }
    exit(sum == 64 ? 0 : 1)
  }

  /// Takes 2 GiB of memory as files that it has open and nobody can find.
  static func hoarder() {
    let bytes = [UInt8](repeating: 0x78, count: 1 << 20)
    for number in 0..<64 {
      let path = "/dev/shm/hoard-\(getpid())-\(number)"
      let file = unsafe open(path, O_CREAT | O_WRONLY, 0o600)
      _ = unsafe unlink(path)
      for _ in 0..<32 where unsafe write(file, bytes, bytes.count) < 0 { break }
    }
    sleep(60)
  }

  /// Does what is asked, and leaves a process behind that has a session of its own, does not end when
  /// it is asked to, and keeps the standard output.
  static func daemon() {
    if (try? Confinement.fork()) == 0 {
      _ = setsid()
      if (try? Confinement.fork()) == 0 {
        signal(SIGTERM, SIG_IGN)
        signal(SIGHUP, SIG_IGN)
        sleep(60)
      }
      exit(0)
    }
    say("ok")
  }

  /// Closes every descriptor and stays.
  static func deaf() {
    for number in 0..<1024 { close(Int32(number)) }
    sleep(60)
  }

  /// Writes a file of 4 GiB.
  static func hugeFile(heedingSignal: Bool) {
    if !heedingSignal { signal(SIGXFSZ, SIG_IGN) }
    let file = unsafe open("huge", O_CREAT | O_WRONLY, 0o600)
    let bytes = [UInt8](repeating: 0x78, count: 1 << 20)
    for _ in 0..<4096 {
      if unsafe write(file, bytes, bytes.count) < 0 { exit(1) }
    }
  }

  /// Tries to become its own grader, and says how often that worked.
  static func tamper(_ results: String) {
    var successes: [String] = []
    let report = Array(#"{"id":"engine.answers","outcome":{"pass":{}},"points":100}"#.utf8) + [10]
    let grader = getppid()
    var files = (3..<64).map { "/proc/\(grader)/fd/\($0)" }
    files += [
      "/proc/\(grader)/mem", "/proc/\(grader)/task/\(grader)/mem", results + "/results.json",
    ]
    for number in 3..<64 where unsafe write(Int32(number), report, report.count) > 0 {
      successes.append("descriptor \(number)")
    }
    for path in files {
      let file = unsafe open(path, O_WRONLY | O_CREAT | O_NONBLOCK, 0o600)
      var status = stat()
      // The grader's ends of this program's own pipes are nothing worth having.
      let isWorth =
        unsafe fstat(file, &status) == 0
        && [S_IFREG, S_IFSOCK].contains(
          status.st_mode & S_IFMT)
      if isWorth, unsafe write(file, report, report.count) > 0 { successes.append(path) }
    }
    if unsafe mkdir(results, 0o700) == 0 { successes.append("mkdir \(results)") }
    kill(grader, SIGKILL)
    kill(grader, SIGSTOP)
    say(successes.isEmpty ? "nothing" : successes.joined(separator: " "))
  }

  /// Follows a pointer to nowhere.
  static func crash() {
    var action = sigaction()
    unsafe sigaction(SIGSEGV, &action, nil)
    unsafe UnsafeMutablePointer<Int>(bitPattern: 8)?.pointee = 1
  }

  /// Leaves a piece of shared memory and a file behind.
  static func litter() {
    for path in ["/dev/shm/litter", "/tmp/litter"] {
      close(unsafe open(path, O_CREAT | O_RDWR, 0o600))
    }
    say("ok")
  }

  /// Kills everything it can.
  static func killer() {
    // In a process namespace of its own only: elsewhere that would be everything of this user.
    if getppid() == 1 { kill(-1, SIGKILL) }
    kill(getppid(), SIGKILL)
    kill(0, SIGKILL)
  }

  /// Sets the event of this name, which the check has made.
  static func peer(_ name: String) {
    do {
      try Event.open(ObjectName(name), in: RuntimeDirectory.open()).set()
    } catch {
      say("\(error)")
      exit(1)
    }
  }
}
