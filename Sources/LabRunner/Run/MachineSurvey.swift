internal import FoundationEssentials
internal import Glibc
internal import IPCSystem
public import LabResults

/// What this machine is, and what about it limits or disturbs a run.
public enum MachineSurvey {
  /// Looks at the machine. Takes a few milliseconds.
  public static func environment() -> LabResults.Environment {
    var name = utsname()
    unsafe uname(&name)
    let processors = Processor.allowed()
    let hypervisor = hypervisorName()
    return LabResults.Environment(
      kernel: text(name.sysname) + " " + text(name.release),
      operatingSystem: osName() ?? "unknown", architecture: text(name.machine),
      processor: cpuField("model name") ?? "unknown", processorCount: processors.count,
      hypervisor: hypervisor, memoryBytes: memoryBytes(),
      timerOverheadNanoseconds: timerOverhead(), settings: settings(),
      warnings: warnings(processors: processors.count, hypervisor: hypervisor))
  }

  /// The kernel settings that bear on the mechanisms, as they are.
  private static func settings() -> [LabResults.Environment.Setting] {
    let files = [
      ("fs.pipe-max-size", "/proc/sys/fs/pipe-max-size"),
      ("fs.mqueue.msg_max", "/proc/sys/fs/mqueue/msg_max"),
      ("fs.mqueue.msgsize_max", "/proc/sys/fs/mqueue/msgsize_max"),
      ("net.core.wmem_default", "/proc/sys/net/core/wmem_default"),
      ("net.core.wmem_max", "/proc/sys/net/core/wmem_max"),
      ("net.core.rmem_max", "/proc/sys/net/core/rmem_max"),
      ("net.unix.max_dgram_qlen", "/proc/sys/net/unix/max_dgram_qlen"),
    ]
    var list = files.map { name, path in
      LabResults.Environment.Setting(name: name, value: firstLine(path) ?? "not available")
    }
    list.append(.init(name: "open files (soft limit)", value: limit(.openFiles)))
    list.append(.init(name: "message queue bytes (soft limit)", value: limit(.messageQueueBytes)))
    return list
  }

  private static func warnings(processors: Int, hypervisor: String?) -> [String] {
    var list: [String] = []
    if BuildMode.current == "debug" {
      list.append("This is a debug build: its figures mean nothing. Use swift run -c release.")
    }
    if processors < 2 {
      list.append("Only one processor may be used: nothing can be measured across processors.")
    }
    let cores = Set(Processor.allowed().map(coreName)).count
    if processors >= 2 && cores == 1 {
      list.append(
        "The usable processors are hardware threads of one core: “on two cores” means two threads.")
    }
    if let hypervisor {
      list.append(
        "A virtual machine (\(hypervisor)): other guests can take processor time unseen, and "
          + "figures vary more than on bare hardware.")
    }
    if let load = firstLine("/proc/loadavg")?.split(separator: " ").first.flatMap({ Double($0) }),
      load > 0.5
    {
      list.append(
        "The load average is \(load): other work is going on, or ended a moment ago. Close what "
          + "you can."
      )
    }
    for (name, usual) in [("msg_max", 10), ("msgsize_max", 8192)] {
      if let value = firstLine("/proc/sys/fs/mqueue/\(name)").flatMap({ Int($0) }), value < usual {
        list.append(
          "fs.mqueue.\(name) is \(value), usually \(usual): message queues hold less than their "
            + "experiments need.")
      }
    }
    if let governor = firstLine("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
      governor != "performance"
    {
      list.append(
        "The processor's frequency governor is “\(governor)”: short trials may run at a low "
          + "frequency. “performance” is steadier.")
    }
    return list
  }

  /// A name that the hardware threads of one core share.
  static func coreName(of processor: Int) -> String {
    firstLine("/sys/devices/system/cpu/cpu\(processor)/topology/thread_siblings_list")
      ?? "\(processor)"
  }

  // MARK: - Reading

  private enum Limit {
    case openFiles, messageQueueBytes
  }

  private static func limit(_ which: Limit) -> String {
    let label = which == .openFiles ? "Max open files" : "Max msgqueue size"
    let line = try? String(contentsOfFile: "/proc/self/limits", encoding: .utf8)
      .split(separator: "\n").first { $0.hasPrefix(label) }
    let fields = (line ?? "").dropFirst(label.count).split(separator: " ")
    return fields.first.map(String.init) ?? "unknown"
  }

  private static func firstLine(_ path: String) -> String? {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
    return text.split(separator: "\n").first.map(String.init)
  }

  private static func osName() -> String? {
    let lines = try? String(contentsOfFile: "/etc/os-release", encoding: .utf8).split(
      separator: "\n")
    let line = lines?.first { $0.hasPrefix("PRETTY_NAME=") }
    return line.map { $0.dropFirst("PRETTY_NAME=".count).filter { $0 != "\"" } }
  }

  private static func cpuField(_ name: String) -> String? {
    let lines = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8).split(separator: "\n")
    guard let line = lines?.first(where: { $0.hasPrefix(name) }),
      let colon = line.firstIndex(of: ":")
    else { return nil }
    return String(line[line.index(after: colon)...].drop { $0 == " " })
  }

  private static func hypervisorName() -> String? {
    guard let flags = cpuField("flags"), flags.split(separator: " ").contains("hypervisor") else {
      return nil
    }
    return firstLine("/sys/class/dmi/id/sys_vendor") ?? "of an unknown kind"
  }

  private static func memoryBytes() -> UInt64 {
    UInt64(max(0, sysconf(Int32(_SC_PHYS_PAGES)))) * UInt64(max(0, sysconf(Int32(_SC_PAGESIZE))))
  }

  /// The median cost of reading the clock, from batches of 100 readings.
  private static func timerOverhead() -> Double {
    let batches = (0..<51).map { _ -> Double in
      let start = MonotonicClock.now()
      for _ in 0..<98 { _ = MonotonicClock.now() }
      return Double(MonotonicClock.now() - start) / 99
    }
    return Statistics.median(batches)
  }

  private static func text<T>(_ tuple: T) -> String {
    unsafe withUnsafeBytes(of: tuple) {
      unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
