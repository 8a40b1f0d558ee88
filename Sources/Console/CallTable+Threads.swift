internal import Win32

extension CallTable {
  static let threads: [Call] = [
    Call(
      "CreateThread", "Starts the worker that makes the call, and gives a handle of its thread.",
      [Parameter("h", .freshHandle("t"), "a name for the thread")],
      example: ["A: CreateThread h=t", "A: ExitThread code=3", "Wait h=t timeout=0"]
    ) { call throws(Mistake) in
      let me = GetCurrentProcess()
      var handle: HANDLE = nil
      let ok = unsafe DuplicateHandle(
        me, GetCurrentThread(), me, &handle, 0, FALSE, DUPLICATE_SAME_ACCESS)
      let reply = Reply(ok: ok)
      if ok { call.session.bind(call.text("h"), handle, .thread) }
      return reply
    },
    Call(
      "ExitThread", "Ends the worker that makes the call; its letter is then a new one.",
      [Parameter("code", .value("0"), "the exit code")], example: ["A: ExitThread"]
    ) { call throws(Mistake) in
      _ = try call.number("code")
      return Reply(ok: true)
    },
    Call(
      "GetExitCodeThread", "Tells the code that a thread has ended with.", [.thread],
      example: ["GetExitCodeThread h=t"]
    ) { call throws(Mistake) in
      let handle = try call.handle("h")
      var code: DWORD = 0
      var reply = Reply(ok: unsafe GetExitCodeThread(handle, &code))
      if reply.isSuccess == true { reply["code"] = .number(Int(code)) }
      return reply
    },
    Call(
      "QueueUserAPC", "Has a thread run a routine in its next alertable wait, which then ends.",
      [.thread],
      errors: ["ERROR_GEN_FAILURE": "the thread has ended"],
      example: ["A: SleepEx ms=INFINITE alertable=1", "QueueUserAPC h=t", "A?"]
    ) { call throws(Mistake) in
      Reply(ok: QueueUserAPC({ _ in }, try call.handle("h"), 0))
    },
  ]
}

extension Parameter {
  fileprivate static let thread = Parameter("h", .recentHandle([.thread]), "the thread")
}
