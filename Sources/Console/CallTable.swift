internal import Win32

/// Every call that the console knows, in the order in which help lists them.
enum CallTable {
  /// Calls that belong together.
  struct Group: Sendable {
    let title: String
    let calls: [Call]
  }

  static let groups: [Group] = [
    Group(title: "Named pipes", calls: namedPipes),
    Group(title: "Any handle of a pipe or file", calls: transfers),
    Group(title: "Mailslots", calls: mailslots),
    Group(title: "Anonymous pipes and child processes", calls: processes),
    Group(title: "Overlapped operations", calls: overlapped),
    Group(title: "File mappings", calls: mappings),
    Group(title: "Mutexes, semaphores and events", calls: syncObjects),
    Group(title: "Waiting", calls: waits),
    Group(title: "Threads", calls: threads),
    Group(title: "Handles", calls: handles),
  ]

  static let all: [Call] = groups.flatMap(\.calls)

  private static let byName: [String: Call] = Dictionary(
    uniqueKeysWithValues: all.flatMap { call in
      ([call.name] + call.aliases).map { ($0.lowercased(), call) }
    })

  /// The call of a name, however its letters are written.
  static func call(_ name: String) throws(Mistake) -> Call {
    guard let call = byName[name.lowercased()] else {
      throw Mistake(
        "no call is named “\(name)”"
          + Suggestion.phrase(for: name, among: all.flatMap { [$0.name] + $0.aliases })
          + ". `help` lists them")
    }
    return call
  }
}

// Arguments and flags that several calls share.
extension Parameter {
  static let pipeOrFile = Parameter(
    "h", .recentHandle([.server, .client, .readEnd, .writeEnd, .file]), "the pipe or file")
  static let source = Parameter(
    "h", .recentHandle([.server, .client, .readEnd, .file, .mailslot]), "the pipe, file or mailslot"
  )
  static let target = Parameter(
    "h", .recentHandle([.server, .client, .writeEnd, .file, .mailslotWriter]),
    "the pipe, file or mailslot")
  static let pipe = Parameter(
    "h", .recentHandle([.server, .client, .readEnd, .writeEnd]), "the end of a pipe")
  static let peeked = Parameter(
    "h", .recentHandle([.server, .client, .readEnd]), "the end of a pipe that is read")
  static let server = Parameter("h", .recentHandle([.server]), "the server end")
  static let anyHandle = Parameter("h", .recentHandle([]), "the handle")
  static let process = Parameter("h", .recentHandle([.process]), "the process")
  static let event = Parameter("h", .recentHandle([.event]), "the event")
  static let pipeName = Parameter("name", .recentName, "the pipe, such as \(Session.defaultName)")
  static let data = Parameter("data", .none, "the bytes to send; %0A is a byte in hexadecimal")
  static let fill = Parameter("fill", .none, "instead of data: this many bytes a…z")
  static let overlapped = Parameter(
    "ov", .none, "a name: the operation is overlapped, and the call does not wait")
  static let inherit = Parameter("inherit", .value("0"), "1: children get the handle")
  static let receive = Parameter("n", .value("4096"), "the length of the buffer")
  static let milliseconds = "milliseconds, or INFINITE"
}

extension FlagSet {
  static let pipeAccess = FlagSet(
    prefix: "PIPE_ACCESS_",
    [
      "DUPLEX": PIPE_ACCESS_DUPLEX, "INBOUND": PIPE_ACCESS_INBOUND,
      "OUTBOUND": PIPE_ACCESS_OUTBOUND,
    ])
  static let openFlags = FlagSet(
    prefix: "FILE_FLAG_",
    [
      "FIRST_PIPE_INSTANCE": FILE_FLAG_FIRST_PIPE_INSTANCE, "OVERLAPPED": FILE_FLAG_OVERLAPPED,
      "WRITE_THROUGH": FILE_FLAG_WRITE_THROUGH,
    ])
  static let pipeMode = FlagSet(
    prefix: "PIPE_",
    [
      "TYPE_BYTE": PIPE_TYPE_BYTE, "TYPE_MESSAGE": PIPE_TYPE_MESSAGE,
      "READMODE_BYTE": PIPE_READMODE_BYTE, "READMODE_MESSAGE": PIPE_READMODE_MESSAGE,
      "WAIT": PIPE_WAIT, "NOWAIT": PIPE_NOWAIT,
    ])
  static let fileAccess =
    FlagSet(prefix: "GENERIC_", ["READ": GENERIC_READ, "WRITE": GENERIC_WRITE])
    + FlagSet(
      prefix: "FILE_",
      [
        "READ_ATTRIBUTES": FILE_READ_ATTRIBUTES, "WRITE_ATTRIBUTES": FILE_WRITE_ATTRIBUTES,
        "READ_DATA": FILE_READ_DATA, "WRITE_DATA": FILE_WRITE_DATA,
        "APPEND_DATA": FILE_APPEND_DATA,
      ]) + FlagSet(prefix: "", ["SYNCHRONIZE": SYNCHRONIZE])
  static let share = FlagSet(
    prefix: "FILE_",
    [
      "SHARE_READ": FILE_SHARE_READ, "SHARE_WRITE": FILE_SHARE_WRITE,
      "SHARE_DELETE": FILE_SHARE_DELETE,
    ])
  static let disposition = FlagSet(
    prefix: "",
    [
      "CREATE_NEW": CREATE_NEW, "CREATE_ALWAYS": CREATE_ALWAYS, "OPEN_EXISTING": OPEN_EXISTING,
      "OPEN_ALWAYS": OPEN_ALWAYS, "TRUNCATE_EXISTING": TRUNCATE_EXISTING,
    ])
  static let fileFlags =
    FlagSet(
      prefix: "FILE_FLAG_",
      [
        "OVERLAPPED": FILE_FLAG_OVERLAPPED, "WRITE_THROUGH": FILE_FLAG_WRITE_THROUGH,
        "DELETE_ON_CLOSE": FILE_FLAG_DELETE_ON_CLOSE, "NO_BUFFERING": FILE_FLAG_NO_BUFFERING,
        "SEQUENTIAL_SCAN": FILE_FLAG_SEQUENTIAL_SCAN, "RANDOM_ACCESS": FILE_FLAG_RANDOM_ACCESS,
      ])
    + FlagSet(
      prefix: "FILE_ATTRIBUTE_",
      ["NORMAL": FILE_ATTRIBUTE_NORMAL, "TEMPORARY": FILE_ATTRIBUTE_TEMPORARY])
}

extension Invocation {
  /// Security attributes that say nothing but whether the handle is inherited.
  func attributes() throws(Mistake) -> SECURITY_ATTRIBUTES {
    var attributes = SECURITY_ATTRIBUTES()
    attributes.bInheritHandle = try isOn("inherit")
    return attributes
  }
}
