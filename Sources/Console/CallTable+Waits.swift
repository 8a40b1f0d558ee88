internal import Win32

extension CallTable {
  static let waits: [Call] = [
    Call(
      "CreateEvent", "Creates an event.",
      [
        Parameter("h", .freshHandle("e"), "a name for the new handle"),
        Parameter("manual", .value("1"), "1: stays set until ResetEvent; 0: lets one waiter go"),
        Parameter("init", .value("0"), "1: is set from the start"),
        Parameter("name", .none, "a name that other processes open it by"),
      ],
      example: ["CreateEvent h=e manual=1"]
    ) { call throws(Mistake) in
      let (isManual, isSet) = (try call.isOn("manual"), try call.isOn("init"))
      SetLastError(NO_ERROR)
      let event = CreateEvent(nil, isManual, isSet, call.values["name"])
      let existed = GetLastError() == ERROR_ALREADY_EXISTS
      var reply = Reply(ok: event != nil)
      if event != nil {
        reply["existed"] = .flag(existed)
        call.session.bind(call.text("h"), event, .event)
      }
      return reply
    },
    Call(
      "SetEvent", "Sets an event: who waits for it goes on.", [.event], example: ["SetEvent h=e"]
    ) { call throws(Mistake) in Reply(ok: SetEvent(try call.handle("h"))) },
    Call(
      "ResetEvent", "Resets an event: who waits for it waits.", [.event],
      example: ["ResetEvent h=e"]
    ) { call throws(Mistake) in Reply(ok: ResetEvent(try call.handle("h"))) },
    Call(
      "Wait", aliases: ["WaitForSingleObject"], "Waits for a process or an event.",
      [
        Parameter("h", .recentHandle([.process, .event]), "what to wait for"),
        Parameter("timeout", .value("INFINITE"), Parameter.milliseconds),
      ],
      example: ["A: Wait h=proc", "Wait h=e timeout=0"]
    ) { call throws(Mistake) in
      let (handle, timeout) = (try call.handle("h"), try call.milliseconds("timeout"))
      return Reply(waited: WaitForSingleObject(handle, timeout))
    },
    Call(
      "WaitMultiple", aliases: ["WaitForMultipleObjects"], "Waits for one of several, or for all.",
      [
        Parameter("hs", .required, "handles with commas between them: a,b"),
        Parameter("all", .value("0"), "1: waits for all of them"),
        Parameter("timeout", .value("INFINITE"), Parameter.milliseconds),
        Parameter("count", .none, "nCount, when it is to differ; the last handle is repeated"),
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
      return Reply(waited: unsafe WaitForMultipleObjects(count, handles, all, timeout))
    },
    Call(
      "Sleep", "Does nothing for some time.",
      [Parameter("ms", .value("1000"), "milliseconds")], example: ["A: Sleep ms=5000"]
    ) { call throws(Mistake) in
      Sleep(try call.milliseconds("ms"))
      return Reply(ok: true)
    },
    Call(
      "ExitThread", "Ends the worker that makes the call; its letter is then a new one.",
      [], example: ["A: ExitThread"]
    ) { _ throws(Mistake) in Reply(ok: true) },
  ]
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
