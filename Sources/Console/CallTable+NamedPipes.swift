internal import Win32

extension CallTable {
  static let namedPipes: [Call] = [
    Call(
      "CreateNamedPipe",
      "Creates an instance of a named pipe; clients can open it from now on.",
      [
        Parameter("h", .freshHandle("s"), "a name for the new server end"),
        .pipeName,
        Parameter(
          "access", .value("DUPLEX"), "which way data goes", flags: .pipeAccess + .openFlags),
        Parameter("mode", .value("TYPE_BYTE"), "type, read mode, wait mode", flags: .pipeMode),
        Parameter("max", .value("255"), "how many instances there may be; 255: any number"),
        Parameter("out", .value("4096"), "quota of what the server writes, in bytes"),
        Parameter("in", .value("4096"), "quota of what the client writes, in bytes"),
        Parameter("timeout", .value("0"), "WaitNamedPipe's DEFAULT in milliseconds; 0: 50"),
        Parameter(
          "everyone", .value("0"), "1: a security descriptor that lets every user connect"),
        .inherit,
      ],
      errors: [
        "ERROR_PIPE_BUSY": "there are as many instances as max allows",
        "ERROR_ACCESS_DENIED":
          "FIRST_PIPE_INSTANCE and there is one, or not the first one's access",
        "ERROR_INVALID_PARAMETER": #"a bad flag, or max is not 1 to 255"#,
        "ERROR_INVALID_NAME": #"the name does not begin with \\.\pipe\"#,
      ],
      example: [#"CreateNamedPipe h=s name=\\.\pipe\teste mode=TYPE_MESSAGE|READMODE_MESSAGE"#]
    ) { call throws(Mistake) in
      var attributes = try call.attributes()
      let (access, mode) = (try call.flags("access"), try call.flags("mode"))
      let (most, out, input) = (
        try call.number("max"), try call.number("out"), try call.number("in")
      )
      let timeout = try call.milliseconds("timeout")
      var descriptor = SECURITY_DESCRIPTOR()
      let isForEveryone = try call.isOn("everyone")
      let handle = unsafe withUnsafeMutablePointer(to: &descriptor) { descriptor in
        if isForEveryone {
          unsafe InitializeSecurityDescriptor(descriptor, SECURITY_DESCRIPTOR_REVISION)
          unsafe SetSecurityDescriptorDacl(descriptor, TRUE, nil, FALSE)
          unsafe attributes.lpSecurityDescriptor = LPVOID(descriptor)
        }
        return unsafe CreateNamedPipe(
          call.text("name"), access, mode, most, out, input, timeout, &attributes)
      }
      let reply = Reply(ok: handle != INVALID_HANDLE_VALUE)
      if handle != INVALID_HANDLE_VALUE {
        call.session.bind(call.text("h"), handle, .server, title: call.text("name"))
        call.session.recentName = call.text("name")
      }
      return reply
    },
    Call(
      "ConnectNamedPipe", "Waits for a client of this instance.",
      [.server, .overlapped],
      errors: [
        "ERROR_PIPE_CONNECTED": "a client came before the call: all is well",
        "ERROR_NO_DATA": "a client came and left; DisconnectNamedPipe, then wait for the next",
        "ERROR_PIPE_LISTENING": "NOWAIT, and no client is there yet",
        "ERROR_IO_PENDING": "overlapped, and goes on",
      ],
      example: ["A: ConnectNamedPipe h=s", "A?"]
    ) { call throws(Mistake) in
      let handle = try call.handle("h")
      guard let name = call.values["ov"] else {
        return Reply(ok: ConnectNamedPipe(handle, nil))
      }
      let operation = PendingOperation()
      call.session.bind(name, operation)
      return Reply(ok: unsafe ConnectNamedPipe(handle, operation.overlapped))
    },
    Call(
      "DisconnectNamedPipe", "Cuts the client off; what it has not read is lost.", [.server],
      errors: ["ERROR_PIPE_NOT_CONNECTED": "it is disconnected already"],
      example: ["DisconnectNamedPipe h=s"]
    ) { call throws(Mistake) in Reply(ok: DisconnectNamedPipe(try call.handle("h"))) },
    Call(
      "WaitNamedPipe", "Waits until an instance is free. It does not open it.",
      [
        .pipeName,
        Parameter(
          "timeout", .value("DEFAULT"), "milliseconds, DEFAULT (the server's choice) or FOREVER"),
      ],
      errors: [
        "ERROR_FILE_NOT_FOUND": "nobody has created this pipe: the call does not wait for that",
        "ERROR_SEM_TIMEOUT": "no instance became free in time",
      ],
      example: [#"WaitNamedPipe name=\\.\pipe\teste timeout=2000"#]
    ) { call throws(Mistake) in
      let timeout = try call.milliseconds("timeout")
      call.session.recentName = call.text("name")
      return Reply(ok: WaitNamedPipe(call.text("name"), timeout))
    },
    Call(
      "PeekNamedPipe", "Copies what could be read without taking it.",
      [
        .peeked, Parameter("n", .value("64"), "the length of the buffer"),
        Parameter("buf", .none, "NULL: only count"),
      ],
      errors: [
        "ERROR_BAD_PIPE": "no client is connected",
        "ERROR_BROKEN_PIPE": "the other end is closed and nothing is left",
      ],
      example: ["PeekNamedPipe h=s n=16"]
    ) { call throws(Mistake) in
      let (handle, length) = (try call.handle("h"), try call.length("n"))
      var (bytes, available, left): (DWORD, DWORD, DWORD) = (0, 0, 0)
      if call.text("buf").uppercased() == "NULL" {
        var reply = Reply(
          ok: unsafe PeekNamedPipe(handle, nil, 0, nil, &available, &left))
        if reply.isSuccess == true { reply.add(available: available, left: left) }
        return reply
      }
      var buffer = [UInt8](repeating: 0, count: max(1, length))
      var reply = Reply(
        ok: unsafe PeekNamedPipe(handle, &buffer, DWORD(length), &bytes, &available, &left))
      if reply.isSuccess == true {
        reply.add(received: buffer, bytes)
        reply.add(available: available, left: left)
      }
      return reply
    },
    Call(
      "TransactNamedPipe", "Writes a message and reads the answer.",
      [.pipe, .data, .fill, .receive, .overlapped],
      errors: [
        "ERROR_PIPE_BUSY": "there is unread input; nothing was written",
        "ERROR_BAD_PIPE": "not connected, or not in message read mode",
        "ERROR_MORE_DATA": "the answer is longer than n; ReadFile gets the rest",
      ],
      example: ["TransactNamedPipe h=c data=question n=64"]
    ) { call throws(Mistake) in
      let (handle, length) = (try call.handle("h"), try call.length("n"))
      var input = try call.bytes()
      var bytes: DWORD = 0
      if let name = call.values["ov"] {
        let operation = PendingOperation(sending: input, receiving: length)
        call.session.bind(name, operation)
        var reply = Reply(
          ok: unsafe TransactNamedPipe(
            handle, operation.input, DWORD(input.count), operation.output, DWORD(length), &bytes,
            operation.overlapped))
        if !reply.isPending { reply.add(received: operation.received(bytes), bytes) }
        return reply
      }
      var buffer = [UInt8](repeating: 0, count: max(1, length))
      let count = DWORD(input.count)
      if input.isEmpty { input = [0] }
      var reply = Reply(
        ok: unsafe TransactNamedPipe(
          handle, &input, count, &buffer, DWORD(length), &bytes, nil))
      reply.add(received: buffer, bytes)
      return reply
    },
    Call(
      "CallNamedPipe", "Opens a message pipe, writes a message, reads the answer and closes.",
      [
        .pipeName, .data, .fill, .receive,
        Parameter(
          "timeout", .value("DEFAULT"), "how long to wait for an instance: milliseconds, or a name"),
      ],
      errors: [
        "ERROR_SEM_TIMEOUT": "no instance became free in time",
        "ERROR_FILE_NOT_FOUND": "nobody has created this pipe",
        "ERROR_MORE_DATA": "the answer is longer than n; its rest is lost",
        "ERROR_INVALID_PARAMETER": "the pipe is a byte pipe",
      ],
      example: [#"CallNamedPipe name=\\.\pipe\teste data=question"#]
    ) { call throws(Mistake) in
      let (length, timeout) = (try call.length("n"), try call.milliseconds("timeout"))
      var input = try call.bytes()
      let count = DWORD(input.count)
      if input.isEmpty { input = [0] }
      var buffer = [UInt8](repeating: 0, count: max(1, length))
      var bytes: DWORD = 0
      call.session.recentName = call.text("name")
      var reply = Reply(
        ok: unsafe CallNamedPipe(
          call.text("name"), &input, count, &buffer, DWORD(length), &bytes, timeout))
      reply.add(received: buffer, bytes)
      return reply
    },
    Call(
      "SetNamedPipeHandleState", "Changes the read mode and the wait mode of one end.",
      [.pipe, Parameter("mode", .required, "read mode and wait mode", flags: .pipeMode)],
      errors: [
        "ERROR_INVALID_PARAMETER": "message read mode on a byte pipe, or a bad flag",
        "ERROR_ACCESS_DENIED": "the client end was opened without WRITE or WRITE_ATTRIBUTES",
      ],
      example: ["SetNamedPipeHandleState h=c mode=READMODE_MESSAGE"]
    ) { call throws(Mistake) in
      let handle = try call.handle("h")
      var mode = try call.flags("mode")
      return Reply(ok: unsafe SetNamedPipeHandleState(handle, &mode, nil, nil))
    },
    Call(
      "GetNamedPipeHandleState", "Tells the modes of one end and the number of instances.",
      [
        .pipe,
        Parameter("all", .value("0"), "1: asks for the collection values of a remote pipe too"),
      ],
      errors: ["ERROR_INVALID_PARAMETER": "all=1, and the pipe is on this machine"],
      example: ["GetNamedPipeHandleState h=s"]
    ) { call throws(Mistake) in
      let (handle, all) = (try call.handle("h"), try call.isOn("all"))
      var (state, instances, count, time): (DWORD, DWORD, DWORD, DWORD) = (0, 0, 0, 0)
      let ok =
        all
        ? unsafe GetNamedPipeHandleState(handle, &state, &instances, &count, &time, nil, 0)
        : unsafe GetNamedPipeHandleState(handle, &state, &instances, nil, nil, nil, 0)
      var reply = Reply(ok: ok)
      if ok {
        reply["state"] = .text(
          (state & PIPE_READMODE_MESSAGE != 0 ? "READMODE_MESSAGE" : "READMODE_BYTE")
            + (state & PIPE_NOWAIT != 0 ? "|NOWAIT" : "|WAIT"))
        reply["instances"] = .number(Int(instances))
      }
      return reply
    },
    Call(
      "GetNamedPipeInfo", "Tells what the pipe was created with.", [.pipe],
      example: ["GetNamedPipeInfo h=c"]
    ) { call throws(Mistake) in
      let handle = try call.handle("h")
      var (flags, out, input, most): (DWORD, DWORD, DWORD, DWORD) = (0, 0, 0, 0)
      var reply = Reply(ok: unsafe GetNamedPipeInfo(handle, &flags, &out, &input, &most))
      if reply.isSuccess == true {
        reply["end"] = .text(flags & PIPE_SERVER_END != 0 ? "server" : "client")
        reply["type"] = .text(flags & PIPE_TYPE_MESSAGE != 0 ? "message" : "byte")
        reply["out"] = .number(Int(out))
        reply["in"] = .number(Int(input))
        reply["max"] = .number(Int(most))
      }
      return reply
    },
    Call(
      "GetPeerIds", aliases: ["GetNamedPipeClientProcessId", "GetNamedPipeServerProcessId"],
      "Tells which processes have the two ends.",
      [.pipe], example: ["GetPeerIds h=s"]
    ) { call throws(Mistake) in
      let handle = try call.handle("h")
      var (client, server): (DWORD, DWORD) = (0, 0)
      var reply = Reply(ok: unsafe GetNamedPipeClientProcessId(handle, &client))
      guard reply.isSuccess == true else { return reply }
      reply = Reply(ok: unsafe GetNamedPipeServerProcessId(handle, &server))
      guard reply.isSuccess == true else { return reply }
      reply["client"] = .number(Int(client))
      reply["server"] = .number(Int(server))
      return reply
    },
  ]
}

extension Reply {
  /// Adds the bytes that a call has received.
  mutating func add(received buffer: [UInt8], _ count: DWORD) {
    self["bytes"] = .number(Int(count))
    self["data"] = .text(DataText.text(of: Array(buffer.prefix(Int(count)))))
  }

  fileprivate mutating func add(available: DWORD, left: DWORD) {
    self["avail"] = .number(Int(available))
    self["left"] = .number(Int(Int32(bitPattern: left)))
  }
}
