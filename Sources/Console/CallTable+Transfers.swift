internal import Win32

extension CallTable {
  static let transfers: [Call] = [
    Call(
      "CreateFile", "Opens the client end of a named pipe, a mailslot for writing, or a file.",
      [
        Parameter("h", .freshHandle("c"), "a name for the new handle"),
        Parameter("name", .recentName, "a pipe such as \(Session.defaultName), or a file's path"),
        Parameter(
          "access", .value("READ|WRITE"), "what the handle is for; 0: only to ask",
          flags: .fileAccess),
        Parameter("share", .value("0"), "what others may do with the file", flags: .share),
        Parameter(
          "disp", .value("OPEN_EXISTING"), "what to do if it exists, or not", flags: .disposition),
        Parameter("flags", .value("0"), "how to open it", flags: .fileFlags),
        .inherit,
      ],
      errors: [
        "ERROR_FILE_NOT_FOUND": "nobody has created it",
        "ERROR_PIPE_BUSY": "every instance is taken: WaitNamedPipe waits for a free one",
        "ERROR_ACCESS_DENIED": "the pipe does not go that way, or belongs to another user",
        "ERROR_SHARING_VIOLATION": "the file is open, and not shared for this",
      ],
      example: [#"CreateFile h=c name=\\.\pipe\teste access=READ|WRITE"#]
    ) { call throws(Mistake) in
      var attributes = try call.attributes()
      let (access, share) = (try call.flags("access"), try call.flags("share"))
      let (disposition, flags) = (try call.flags("disp"), try call.flags("flags"))
      let name = call.text("name")
      let handle = unsafe CreateFile(name, access, share, &attributes, disposition, flags, nil)
      let reply = Reply(ok: handle != INVALID_HANDLE_VALUE)
      let isMailslot = name.lowercased().contains(#"\mailslot\"#)
      let isPipe = name.hasPrefix(#"\\"#)
      if isPipe && !isMailslot { call.session.recentName = name }
      if handle != INVALID_HANDLE_VALUE {
        let sort: Session.Sort = isPipe ? (isMailslot ? .mailslotWriter : .client) : .file
        call.session.bind(call.text("h"), handle, sort, title: name)
      }
      return reply
    },
    Call(
      "ReadFile", "Reads; waits until there is something.",
      [.source, .receive, .overlapped],
      errors: [
        "ERROR_MORE_DATA": "the message is longer than n; the next ReadFile gets its rest",
        "ERROR_INSUFFICIENT_BUFFER": "the mailslot's message is longer than n, and stays",
        "ERROR_SEM_TIMEOUT": "no message came to the mailslot in time",
        "ERROR_BROKEN_PIPE": "the other end is closed and everything was read",
        "ERROR_PIPE_LISTENING": "no client yet: ConnectNamedPipe waits for one",
        "ERROR_PIPE_NOT_CONNECTED": "the server has disconnected",
        "ERROR_NO_DATA": "NOWAIT, and there is nothing",
        "ERROR_IO_PENDING": "overlapped, and goes on: GetOverlappedResult has the result",
      ],
      example: ["ReadFile h=s n=16", "A: ReadFile h=c"]
    ) { call throws(Mistake) in
      let (handle, length) = (try call.handle("h"), try call.length("n"))
      var bytes: DWORD = 0
      if let name = call.values["ov"] {
        let operation = PendingOperation(receiving: length)
        call.session.bind(name, operation)
        var reply = Reply(
          ok: unsafe ReadFile(
            handle, operation.output, DWORD(length), &bytes, operation.overlapped))
        if !reply.isPending { reply.add(received: operation.received(bytes), bytes) }
        return reply
      }
      var buffer = [UInt8](repeating: 0, count: max(1, length))
      var reply = Reply(ok: unsafe ReadFile(handle, &buffer, DWORD(length), &bytes, nil))
      reply.add(received: buffer, bytes)
      return reply
    },
    Call(
      "WriteFile", "Writes; waits until what is unread fits the quota.",
      [.target, .data, .fill, .overlapped],
      errors: [
        "ERROR_NO_DATA": "the other end is closed",
        "ERROR_BROKEN_PIPE": "the other end was closed during the call",
        "ERROR_PIPE_LISTENING": "no client yet",
        "ERROR_PIPE_NOT_CONNECTED": "the server has disconnected",
      ],
      example: ["WriteFile h=c data=hello", "A: WriteFile h=c fill=10000"]
    ) { call throws(Mistake) in
      let handle = try call.handle("h")
      var data = try call.bytes()
      let length = DWORD(data.count)
      var bytes: DWORD = 0
      if let name = call.values["ov"] {
        let operation = PendingOperation(sending: data)
        call.session.bind(name, operation)
        var reply = Reply(
          ok: unsafe WriteFile(handle, operation.input, length, &bytes, operation.overlapped))
        if !reply.isPending { reply["bytes"] = .number(Int(bytes)) }
        return reply
      }
      if data.isEmpty { data = [0] }
      var reply = Reply(ok: unsafe WriteFile(handle, &data, length, &bytes, nil))
      reply["bytes"] = .number(Int(bytes))
      return reply
    },
    Call(
      "FlushFileBuffers", "Waits until the other end has read everything.", [.target],
      example: ["A: FlushFileBuffers h=s"]
    ) { call throws(Mistake) in Reply(ok: FlushFileBuffers(try call.handle("h"))) },
    Call(
      "GetFileType", "Tells a file from a pipe and from a terminal.", [.anyHandle],
      example: ["GetFileType h=c"]
    ) { call throws(Mistake) in
      let handle = try call.handle("h")
      SetLastError(NO_ERROR)
      let type = GetFileType(handle)
      var reply = Reply(ok: type != FILE_TYPE_UNKNOWN || GetLastError() == NO_ERROR)
      let names = [
        FILE_TYPE_DISK: "FILE_TYPE_DISK", FILE_TYPE_CHAR: "FILE_TYPE_CHAR",
        FILE_TYPE_PIPE: "FILE_TYPE_PIPE",
      ]
      reply["type"] = .text(names[type] ?? "FILE_TYPE_UNKNOWN")
      return reply
    },
    Call("GetFileSize", "Tells the size of a file.", [.file], example: ["GetFileSize h=c"]) {
      call throws(Mistake) in
      let handle = try call.handle("h")
      var high: DWORD = 0
      SetLastError(NO_ERROR)
      let low = unsafe GetFileSize(handle, &high)
      var reply = Reply(ok: low != INVALID_FILE_SIZE || GetLastError() == NO_ERROR)
      if reply.isSuccess == true { reply["size"] = .number(Int(high) << 32 | Int(low)) }
      return reply
    },
    Call(
      "SetFilePointer", "Moves the place where a file is read and written next.",
      [
        .file, Parameter("off", .value("0"), "how far, in bytes; may be negative"),
        Parameter("from", .value("BEGIN"), "BEGIN, CURRENT or END", flags: .origin),
      ],
      example: ["SetFilePointer h=c off=0"]
    ) { call throws(Mistake) in
      let (handle, origin) = (try call.handle("h"), try call.flags("from"))
      guard let distance = Number.parse(call.text("off")) else {
        throw Mistake("off is a number, not “\(call.text("off"))”")
      }
      var high = LONG(truncatingIfNeeded: distance >> 32)
      SetLastError(NO_ERROR)
      let low = unsafe SetFilePointer(
        handle, LONG(truncatingIfNeeded: distance), &high, origin)
      var reply = Reply(ok: low != INVALID_SET_FILE_POINTER || GetLastError() == NO_ERROR)
      if reply.isSuccess == true {
        reply["position"] = .number(Int(high) << 32 | Int(low))
      }
      return reply
    },
  ]
}

extension Parameter {
  fileprivate static let file = Parameter("h", .recentHandle([.file]), "the file")
}

extension FlagSet {
  fileprivate static let origin = FlagSet(
    prefix: "FILE_", ["BEGIN": FILE_BEGIN, "CURRENT": FILE_CURRENT, "END": FILE_END])
}
