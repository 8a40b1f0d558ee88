internal import Console
internal import Glibc
internal import IPCSystem
internal import IPCTransport
internal import NamedPipes

/// `ipclab listen` and `ipclab connect`: standard input and output over any transport.
enum TalkCommand {
  static let listen = Command(
    name: "listen", summary: "Serve one client by hand, over any transport",
    help: help("listen", "Waits for one client and connects it"),
    run: { try run($0, listens: true) })

  static let connect = Command(
    name: "connect", summary: "Talk to a server by hand, over any transport",
    help: help("connect", "Connects to whoever listens, and joins it"),
    run: { try run($0, listens: false) })

  private static func help(_ name: String, _ what: String) -> String {
    #"""
    Usage: ipclab \#(name) TRANSPORT[:NAME] [--raw] [--count N] [--peek]

    \#(what) to standard input and output: each line that
    you type is a message, and each message that comes is a line. `ipclab list transports` says what
    TRANSPORT can be.

    NAME is a word of your choice, by default \#(TalkAddress.defaultName). For these transports it is more:
      tcp, udp                a port, or HOST:PORT (by default 127.0.0.1:\#(TalkAddress.defaultPort))
      unix-…, fifo, …         with a slash it is a path, such as ./chat or /tmp/chat
      named-pipe-…, mailslot  NAME stands for \\.\pipe\NAME and \\.\mailslot\NAME
      anonymous-pipe          the descriptors to read and to write that the shell opened: 3,4

      --raw      bytes as they are, not lines. unix-stream, unix-seqpacket, unix-datagram, tcp, udp
                 and fifo are then bare, as socat, nc and cat speak them; without --raw they are
                 framed, for the other ipclab command and programs that use the library
      --count N  end when N messages have come (with --raw: N pieces)
      --peek     named pipes only: show what is there without taking it, and end

    Named pipes and mailslots are always as Win32 programs have them. A mailslot goes one way, from
    connect to listen; so does a bare FIFO.

    The end of input closes the direction to the other side, and the command ends when the other side
    closes. Where a mechanism cannot close one direction (named pipes, shared memory, message queues,
    datagrams), the end of input ends the talk, unless there was no input at all or --count says what
    is still to come. Mailslots and udp do not notice that the other side ends: use --count or Ctrl-C.

    Examples:
      ipclab listen named-pipe-message:demo        in one terminal
      ipclab connect named-pipe-message:demo       in another
      echo hello | ipclab connect mailslot:box
      ipclab connect --raw tcp:127.0.0.1:80
      ipclab listen --raw unix-stream:/tmp/chat    then: socat - UNIX-CONNECT:/tmp/chat
      ipclab listen named-pipe-byte:demo --peek

    Exit codes:
      0    done
      1    nobody listens, the other side broke off, or something could not be sent
      2    usage
      3    the name is taken, or the system stands in the way
      130  interrupted

    """#
  }

  private static func run(_ words: [String], listens: Bool) throws -> Int32 {
    let arguments = try Arguments(words, options: ["--count"], flags: ["--raw", "--peek"])
    guard let text = arguments.operands.first, arguments.operands.count == 1 else {
      throw UsageError(
        arguments.operands.isEmpty
          ? "\(listens ? "listen at" : "connect to") what? TRANSPORT[:NAME], such as "
            + "named-pipe-message:demo"
          : "one TRANSPORT[:NAME] at a time")
    }
    let address = try TalkAddress(text)
    let count = try arguments.number("--count", in: 1...Int.max)
    if arguments.has("--peek") {
      guard case .pipe = address.place else {
        throw UsageError("--peek is for named pipes: nothing else can show what it keeps")
      }
      if count != nil { throw UsageError("--peek takes nothing, so there is nothing to count") }
    }
    let runtime = try Workplace.openRuntime()
    let meeting = Meeting(address, isRaw: arguments.has("--raw"), runtime)
    defer { meeting.close() }
    let talk = try Talk(meeting, listens: listens, count: count, peeks: arguments.has("--peek"))
    do {
      return try talk.run()
    } catch let error as TransportError {
      return try report(error, meeting, listens: listens)
    }
  }

  /// Says what went wrong and what to do about it.
  private static func report(
    _ error: TransportError, _ meeting: Meeting, listens: Bool
  ) throws -> Int32 {
    let text = meeting.address.text
    let raw = meeting.isRaw ? " --raw" : ""
    switch error.code {
    case .notFound where !listens:
      let served = meeting.servedNames().filter { $0 != meeting.address.name }
      var message = "ipclab connect: nobody listens at \(text)"
      message += Suggestion.phrase(for: meeting.address.name, among: served)
      message += ". Start the other side first: ipclab listen\(raw) \(meeting.address.word)"
      if !served.isEmpty { message += "\nServed now: \(served.sorted().joined(separator: ", "))" }
      Output.message(message)
      return Exit.failed
    case .notFound:
      throw EnvironmentError(
        "cannot listen at \(text)" + (error.system.map { ": \($0)" } ?? ": \(error.description)"))
    case .nameInUse:
      throw EnvironmentError(
        "\(text) is taken: \(error.description). See ipclab objects, or choose another name.")
    case .accessDenied where listens:
      throw EnvironmentError(
        "\(text): \(error.description). See ipclab objects, or choose another name.")
    case .timedOut, .instancesBusy:
      Output.message(
        "ipclab connect: \(text) is served, and nobody takes this client: the server is busy with "
          + "another one, or speaks \(meeting.isRaw ? "framed" : "--raw").")
      return Exit.failed
    case .invalidArgument, .invalidName:
      throw UsageError(error.description)
    case .brokenPipe, .noReader, .endOfFile:
      let loss = error.remedy.map { " (\(error.operation)). \($0)." } ?? ""
      Output.message("ipclab \(listens ? "listen" : "connect"): the other side has gone\(loss)")
      return Exit.failed
    case .protocolViolation:
      Output.message(
        "ipclab: the other side of \(text) does not speak as this one does: use --raw on both "
          + "sides, or on none (\(error.description))")
      return Exit.failed
    default: throw EnvironmentError(error.description)
    }
  }
}
