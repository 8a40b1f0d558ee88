internal import Win32

extension CallTable {
  static let waits: [Call] = [
    Call(
      "Wait", aliases: ["WaitForSingleObject", "WaitForSingleObjectEx"], "Waits for an object.",
      [
        Parameter("h", .recentHandle(Session.waitable), "what to wait for"),
        Parameter("timeout", .value("INFINITE"), Parameter.milliseconds), .alertable,
      ],
      example: ["A: Wait h=proc", "Wait h=e timeout=0"]
    ) { call throws(Mistake) in
      let (handle, timeout) = (try call.handle("h"), try call.milliseconds("timeout"))
      return Reply(waited: WaitForSingleObjectEx(handle, timeout, try call.isOn("alertable")))
    },
    Call(
      "WaitMultiple", aliases: ["WaitForMultipleObjects", "WaitForMultipleObjectsEx"],
      "Waits for one of several, or for all.",
      [
        Parameter("hs", .required, "handles with commas between them: a,b"),
        Parameter("all", .value("0"), "1: waits for all of them"),
        Parameter("timeout", .value("INFINITE"), Parameter.milliseconds),
        Parameter("count", .none, "nCount, when it is to differ; the last handle is repeated"),
        .alertable,
      ],
      errors: ["ERROR_INVALID_PARAMETER": "none, more than 64, or all=1 and one is there twice"],
      example: ["A: WaitMultiple hs=e,proc all=0"]
    ) { call throws(Mistake) in
      let (all, timeout) = (try call.isOn("all"), try call.milliseconds("timeout"))
      var handles: [HANDLE] = []
      for name in call.text("hs").split(separator: ",") {
        handles.append(try call.session.handle(String(name)))
      }
      let count = call.values["count"] == nil ? DWORD(handles.count) : try call.number("count")
      // One more than may be is enough to be refused.
      while handles.count < min(Int(count), Int(MAXIMUM_WAIT_OBJECTS) + 1) {
        handles.append(handles.last ?? nil)
      }
      let isAlertable = try call.isOn("alertable")
      return Reply(
        waited: unsafe WaitForMultipleObjectsEx(count, handles, all, timeout, isAlertable))
    },
    Call(
      "SignalObjectAndWait", "Signals one object and waits for another.",
      [
        Parameter("h", .recentHandle([.mutex, .semaphore, .event]), "what to signal"),
        Parameter("w", .none, "what to wait for"),
        Parameter("to", .none, "the same, when w is left out"),
        Parameter("timeout", .value("INFINITE"), Parameter.milliseconds), .alertable,
      ],
      errors: [
        "ERROR_NOT_OWNER": "a mutex that this thread does not own",
        "ERROR_TOO_MANY_POSTS": "a semaphore that is full",
      ],
      example: ["A: SignalObjectAndWait h=m w=e"]
    ) { call throws(Mistake) in
      guard let name = call.values["w"] ?? call.values["to"] else {
        throw Mistake("SignalObjectAndWait needs w=…: what to wait for")
      }
      let other = try call.session.handle(name)
      let (handle, timeout) = (try call.handle("h"), try call.milliseconds("timeout"))
      let isAlertable = try call.isOn("alertable")
      return Reply(waited: SignalObjectAndWait(handle, other, timeout, isAlertable))
    },
    Call(
      "Sleep", "Does nothing for some time.",
      [Parameter("ms", .value("1000"), "milliseconds")], example: ["A: Sleep ms=5000"]
    ) { call throws(Mistake) in
      Sleep(try call.milliseconds("ms"))
      return Reply(ok: true)
    },
  ]
}

extension Parameter {
  fileprivate static let alertable = Parameter(
    "alertable", .value("0"), "1: ends with WAIT_IO_COMPLETION when a routine has run")
}

extension Reply {
  /// The answer of a wait.
  init(waited result: DWORD) {
    self.init(ok: result != WAIT_FAILED)
    let name =
      switch result {
      case WAIT_OBJECT_0..<WAIT_OBJECT_0 + MAXIMUM_WAIT_OBJECTS:
        "WAIT_OBJECT_\(result - WAIT_OBJECT_0)"
      case WAIT_ABANDONED_0..<WAIT_ABANDONED_0 + MAXIMUM_WAIT_OBJECTS:
        "WAIT_ABANDONED_\(result - WAIT_ABANDONED_0)"
      case WAIT_TIMEOUT: "WAIT_TIMEOUT"
      case WAIT_IO_COMPLETION: "WAIT_IO_COMPLETION"
      case WAIT_FAILED: "WAIT_FAILED"
      default: String(result)
      }
    self["result"] = .text(name)
  }
}
