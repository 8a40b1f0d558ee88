internal import Glibc
internal import IPCSystem

/// What `CreateProcess` was told, and how that becomes a child.
struct ProcessCreation {
  let application: String?
  let commandLine: String?
  let inheritsHandles: Bool
  let environment: [String]?
  let directory: String?
  let startsGroup: Bool
  /// Standard input, output and error, when they were given.
  let standard: [HANDLE]?

  private static let standardNumbers = [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE]

  func start() throws(Failure) -> ProcessObject {
    var plan = try self.plan()
    if let directory, !Self.isDirectory(directory) { throw Failure(ERROR_DIRECTORY) }
    plan.directory = directory
    plan.group = startsGroup ? 0 : nil
    plan.environment = environment

    let chosen =
      standard.map { $0.map(HANDLE?.some) }
      ?? Self.standardNumbers.map { inheritsHandles ? HandleTable.shared.knownStandard($0) : nil }
    let estate = HandleTable.shared.bequeath(standard: chosen, others: inheritsHandles)
    // These keep the copies open until the child has its own.
    var temporary: [DescriptorIO] = []
    var pumps: [Pump] = []
    defer {
      extendLifetime(estate)
      for descriptor in temporary { descriptor.close() }
      for pump in pumps { pump.abandon() }
    }
    plan.descriptors = []
    for (index, bequest) in estate.standard.enumerated() {
      let number = Int32(index)
      switch bequest {
      case .own:
        if fcntl(number, F_GETFD) != -1 { plan.descriptors.append((number, number)) }
      case .copy(let bequest): plan.descriptors.append((number, bequest.descriptor.raw))
      case .lent(let file, let access):
        let pump = try Pump(file, isInput: index == 0, access: access)
        pumps.append(pump)
        plan.descriptors.append((number, pump.childsEnd.descriptor))
        temporary.append(pump.childsEnd)
      case .none:
        let nothing = try translating { () throws(SystemError) in
          DescriptorIO(adopting: try StandardStreams.nothing(for: number))
        }
        plan.descriptors.append((number, nothing.descriptor))
        temporary.append(nothing)
      }
    }
    for (index, item) in estate.others.enumerated() {
      plan.descriptors.append((Int32(3 + index), item.bequest.descriptor.raw))
    }
    if !estate.others.isEmpty {
      plan.environment =
        (environment ?? Self.ownEnvironment) + [Inheritance.announce(estate.others)]
    }
    let process = try ProcessObject.start(plan)
    for pump in pumps { try pump.run(for: process) }
    pumps = []
    return process
  }

  /// The program and its arguments.
  private func plan() throws(Failure) -> ChildProcess.Plan {
    guard application != nil || commandLine != nil else { throw Failure(ERROR_INVALID_PARAMETER) }
    let parts = commandLine.map(CommandLineParser.split) ?? []
    let arguments = Array(parts.dropFirst())
    guard var program = application ?? parts.first, !program.isEmpty else {
      throw Failure(ERROR_FILE_NOT_FOUND)
    }
    if (parts + [program]).contains(where: { $0.utf8.contains(0) }) {
      throw Failure(ERROR_INVALID_PARAMETER)
    }
    if application != nil {
      // Windows does not look into `PATH` for it.
      if !program.contains("/") { program = "./" + program }
    } else if !program.contains("/") {
      program = Self.lookUp(program)
    }
    if directory != nil, program.contains("/"), !program.hasPrefix("/") {
      // It is meant from here, and looked for from there.
      program = Self.workingDirectory + "/" + program
    }
    if program.contains("/"), Self.isDirectory(program) { throw Failure(ERROR_ACCESS_DENIED) }
    return ChildProcess.Plan(program: program, arguments: arguments)
  }

  /// The path of a program without one; unchanged for `PATH`.
  private static func lookUp(_ name: String) -> String {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = unsafe readlink("/proc/self/exe", &path, path.count - 1)
    let own = String(
      decoding: path.prefix(max(0, length)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    let candidates =
      own.lastIndex(of: "/").map { [String(own[...$0]) + name] } ?? []
    for candidate in candidates + ["./" + name] where !isDirectory(candidate) {
      if unsafe access(candidate, X_OK) == 0 { return candidate }
    }
    return name
  }

  private static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  private static var workingDirectory: String {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX))
    guard unsafe getcwd(&path, path.count) != nil else { return "." }
    return String(decoding: path.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  private static var ownEnvironment: [String] {
    var texts: [String] = []
    var next = unsafe environ
    while let text = unsafe next.pointee {
      texts.append(unsafe String(cString: text))
      unsafe next += 1
    }
    return texts
  }

  /// Texts that each end with a 0, until an empty one.
  static func texts(at start: UnsafeMutableRawPointer) -> [String] {
    var texts: [String] = []
    var next = unsafe start.assumingMemoryBound(to: CChar.self)
    while unsafe next.pointee != 0 {
      let text = unsafe String(cString: next)
      texts.append(text)
      unsafe next += strlen(next) + 1
    }
    return texts
  }
}
