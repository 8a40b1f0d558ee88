internal import Win32

extension CallTable {
  static let handles: [Call] = [
    Call(
      "CloseHandle", "Closes a handle. The object goes away with its last handle.", [.anyHandle],
      errors: ["ERROR_INVALID_HANDLE": "it is closed already"], example: ["CloseHandle h=c"]
    ) { call throws(Mistake) in
      let ok = CloseHandle(try call.handle("h"))
      let reply = Reply(ok: ok)
      if ok { call.session.noteClosed(call.text("h")) }
      return reply
    },
    Call(
      "DuplicateHandle", "Makes another handle of the same object.",
      [
        .anyHandle, Parameter("to", .freshHandle("d"), "a name for the new handle"), .inherit,
        Parameter("close", .value("0"), "1: closes the first handle (DUPLICATE_CLOSE_SOURCE)"),
        Parameter(
          "access", .none, "what the new handle may do; without: the same", flags: .objectAccess),
      ],
      errors: ["ERROR_ACCESS_DENIED": "a file or pipe that was not opened for that"],
      example: ["DuplicateHandle h=c to=d"]
    ) { call throws(Mistake) in
      let (handle, isInherited) = (try call.handle("h"), try call.isOn("inherit"))
      let closes = try call.isOn("close")
      let access = call.values["access"] == nil ? nil : try call.flags("access")
      var copy: HANDLE = nil
      let ok = unsafe DuplicateHandle(
        GetCurrentProcess(), handle, GetCurrentProcess(), &copy, access ?? 0, isInherited,
        (access == nil ? DUPLICATE_SAME_ACCESS : 0) | (closes ? DUPLICATE_CLOSE_SOURCE : 0))
      let reply = Reply(ok: ok)
      if ok {
        call.session.bind(call.text("to"), copy, duplicateOf: call.text("h"))
        if closes { call.session.noteClosed(call.text("h")) }
      }
      return reply
    },
    Call(
      "GetInherit", aliases: ["GetHandleInformation"], "Tells whether children get the handle.",
      [.anyHandle],
      example: ["GetInherit h=s"]
    ) { call throws(Mistake) in
      let handle = try call.handle("h")
      var flags: DWORD = 0
      var reply = Reply(ok: unsafe GetHandleInformation(handle, &flags))
      if reply.isSuccess == true {
        reply["inherit"] = .flag(flags & HANDLE_FLAG_INHERIT != 0)
      }
      return reply
    },
    Call(
      "SetInherit", aliases: ["SetHandleInformation"], "Chooses whether children get the handle.",
      [.anyHandle, Parameter("on", .value("1"), "1: they do, 0: they do not")],
      example: ["SetInherit h=r on=0"]
    ) { call throws(Mistake) in
      let (handle, isOn) = (try call.handle("h"), try call.isOn("on"))
      return Reply(
        ok: SetHandleInformation(handle, HANDLE_FLAG_INHERIT, isOn ? HANDLE_FLAG_INHERIT : 0))
    },
  ]
}
