internal import Glibc
public import IPCSystem
internal import IPCTransport
internal import NamedPipes

/// Where the names of pipes are kept.
public enum Win32Names {
  private static let chosen = Locked<RuntimeDirectory?>(nil)

  /// The directory; at first that of ``RuntimeDirectory/open()``, which asks the environment. All
  /// processes that want to meet must use the same.
  public static func use(_ directory: RuntimeDirectory) { chosen.withLock { $0 = directory } }

  static func directory() throws(Failure) -> RuntimeDirectory {
    if let known = chosen.withLock({ $0 }) { return known }
    return try translating { () throws(SystemError) in try RuntimeDirectory.open() }
  }
}

/// Creating and opening named pipes.
enum NamedPipeOpening {
  /// The name of a pipe.
  static func name(_ text: String) throws(Failure) -> PipeName {
    do throws(TransportError) { return try PipeName(text) } catch {
      throw Failure(ERROR_INVALID_NAME)
    }
  }

  /// The client's end of the pipe that a `CreateFile` with a name of the form `\\…` is for.
  static func open(
    _ text: String, access: DWORD, disposition: DWORD, isOverlapped: Bool
  ) throws(Failure) -> NamedPipeFile {
    guard PipeName.isMeant(by: text) else {
      // `\\.\…` is another device, anything else another machine.
      throw Failure(text.hasPrefix(#"\\."#) ? ERROR_FILE_NOT_FOUND : ERROR_BAD_NETPATH)
    }
    guard disposition == OPEN_EXISTING || disposition == OPEN_ALWAYS else {
      throw Failure(ERROR_INVALID_PARAMETER)
    }
    let name = try name(text)
    let directory = try Win32Names.directory()
    var rights: PipeAccess = []
    if access & FILE_READ_DATA != 0 { rights.insert(.read) }
    if access & FILE_WRITE_DATA != 0 { rights.insert(.write) }
    if access & FILE_READ_ATTRIBUTES != 0 { rights.insert(.readAttributes) }
    if access & FILE_WRITE_ATTRIBUTES != 0 { rights.insert(.writeAttributes) }
    let client = try translating { () throws(TransportError) in
      try FileObject.callsByName.run { () throws(TransportError) in
        try NamedPipeClient(name, access: rights, in: directory, deadline: .immediate)
      }
    }
    return NamedPipeFile(client, isOverlapped: isOverlapped)
  }

  /// What `CreateNamedPipe` was told, as the pipe's options.
  static func options(
    openMode: DWORD, pipeMode: DWORD, maxInstances: DWORD, outSize: DWORD, inSize: DWORD,
    timeout: DWORD
  ) throws(Failure) -> NamedPipes.Options {
    let openFlags =
      PIPE_ACCESS_DUPLEX | FILE_FLAG_FIRST_PIPE_INSTANCE | FILE_FLAG_WRITE_THROUGH
      | FILE_FLAG_OVERLAPPED | WRITE_DAC | ACCESS_SYSTEM_SECURITY
    let modes =
      PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE | PIPE_NOWAIT | PIPE_REJECT_REMOTE_CLIENTS
    guard openMode & ~openFlags == 0, pipeMode & ~modes == 0,
      (1...PIPE_UNLIMITED_INSTANCES).contains(maxInstances),
      let direction = NamedPipes.Direction(rawValue: openMode & PIPE_ACCESS_DUPLEX)
    else { throw Failure(ERROR_INVALID_PARAMETER) }
    var options = NamedPipes.Options(kind: pipeMode & PIPE_TYPE_MESSAGE != 0 ? .message : .byte)
    options.readMode = pipeMode & PIPE_READMODE_MESSAGE != 0 ? .message : .byte
    options.waitMode = pipeMode & PIPE_NOWAIT != 0 ? .noWait : .wait
    options.direction = direction
    options.outboundQuota = Int(outSize)
    options.inboundQuota = Int(inSize)
    options.maxInstances = maxInstances == PIPE_UNLIMITED_INSTANCES ? nil : Int(maxInstances)
    options.firstInstanceOnly = openMode & FILE_FLAG_FIRST_PIPE_INSTANCE != 0
    options.defaultTimeout = .milliseconds(timeout == 0 ? 50 : Int64(timeout))
    return options
  }

  /// What a server's handle may do: that of a pipe that only goes outbound may not ask for
  /// attributes.
  static func access(openMode: DWORD) -> DWORD {
    var access: DWORD = 0
    if openMode & PIPE_ACCESS_INBOUND != 0 { access |= FileAccess.reading }
    if openMode & PIPE_ACCESS_OUTBOUND != 0 { access |= FileAccess.writing }
    return access
  }

  /// When `WaitNamedPipe` and `CallNamedPipe` give up; `nil` for the server's default.
  static func deadline(_ timeout: DWORD) -> Deadline? {
    switch timeout {
    case NMPWAIT_USE_DEFAULT_WAIT: nil
    case NMPWAIT_NOWAIT: .immediate
    case NMPWAIT_WAIT_FOREVER: .never
    default: .after(.milliseconds(Int64(timeout)))
    }
  }

  /// The name of a user, or the number of one that has none.
  static func userName(_ uid: UInt32) -> String {
    var entry = unsafe passwd()
    var found: UnsafeMutablePointer<passwd>?
    var memory = [CChar](repeating: 0, count: 16 * 1024)
    guard unsafe getpwuid_r(uid, &entry, &memory, memory.count, &found) == 0,
      unsafe found != nil, let name = unsafe entry.pw_name
    else { return "\(uid)" }
    return unsafe String(cString: name)
  }
}
