internal import Win32

extension CallTable {
  static let mailslots: [Call] = [
    Call(
      "CreateMailslot", "Creates a mailslot; CreateFile opens it for writing.",
      [
        Parameter("h", .freshHandle("m"), "a name for the new handle, which is read"),
        Parameter(
          "name", .value(Session.exampleMailslot),
          "the mailslot, such as \(Session.exampleMailslot)"),
        Parameter("max", .value("0"), "the longest message in bytes; 0: any"),
        Parameter("timeout", .value("FOREVER"), timeoutNote),
        .inherit,
      ],
      errors: [
        "ERROR_ALREADY_EXISTS": "somebody has created it: a mailslot has one reader",
        "ERROR_INVALID_NAME": #"the name does not begin with \\.\mailslot\"#,
      ],
      example: ["CreateMailslot h=m name=\(Session.exampleMailslot) timeout=0"]
    ) { call throws(Mistake) in
      var attributes = try call.attributes()
      let (most, timeout) = (try call.number("max"), try call.milliseconds("timeout"))
      let name = call.text("name")
      let handle = unsafe CreateMailslot(name, most, timeout, &attributes)
      let reply = Reply(ok: handle != INVALID_HANDLE_VALUE)
      if handle != INVALID_HANDLE_VALUE {
        call.session.bind(call.text("h"), handle, .mailslot, title: name)
      }
      return reply
    },
    Call(
      "GetMailslotInfo", "Tells how many messages wait, and how long the next one is.", [.mailslot],
      errors: ["ERROR_INVALID_HANDLE": "it is no handle of CreateMailslot"],
      example: ["GetMailslotInfo h=m"]
    ) { call throws(Mistake) in
      let handle = try call.handle("h")
      var (most, next, count, timeout): (DWORD, DWORD, DWORD, DWORD) = (0, 0, 0, 0)
      var reply = Reply(ok: unsafe GetMailslotInfo(handle, &most, &next, &count, &timeout))
      if reply.isSuccess == true {
        reply["maxSize"] = .number(Int(most))
        reply["next"] = next == MAILSLOT_NO_MESSAGE ? .text("NO_MESSAGE") : .number(Int(next))
        reply["count"] = .number(Int(count))
        reply["timeout"] =
          timeout == MAILSLOT_WAIT_FOREVER ? .text("FOREVER") : .number(Int(timeout))
      }
      return reply
    },
    Call(
      "SetMailslotInfo", "Changes how long a read waits; for a writer's handle, how long a write.",
      [.mailslot, Parameter("timeout", .required, timeoutNote)],
      example: ["SetMailslotInfo h=m timeout=1000"]
    ) { call throws(Mistake) in
      let (handle, timeout) = (try call.handle("h"), try call.milliseconds("timeout"))
      return Reply(ok: SetMailslotInfo(handle, timeout))
    },
  ]

  private static let timeoutNote = "milliseconds; 0: do not wait; FOREVER"
}

extension Parameter {
  fileprivate static let mailslot = Parameter("h", .recentHandle([.mailslot]), "the mailslot")
}
