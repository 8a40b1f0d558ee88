internal import Win32

extension CallTable {
  static let overlapped: [Call] = [
    Call(
      "GetOverlappedResult", "Tells the result of an operation, or waits for it.",
      [
        .pipeOrFile, .operation,
        Parameter("wait", .value("0"), "1: waits until it is complete"),
      ],
      errors: [
        "ERROR_IO_INCOMPLETE": "it goes on",
        "ERROR_OPERATION_ABORTED": "it was cancelled",
      ],
      example: ["GetOverlappedResult h=s ov=o wait=1"]
    ) { call throws(Mistake) in
      let (handle, operation) = (try call.handle("h"), try call.operation())
      let waits = try call.isOn("wait")
      var bytes: DWORD = 0
      var reply = Reply(
        ok: unsafe GetOverlappedResult(handle, operation.overlapped, &bytes, waits))
      guard reply.error != "ERROR_IO_INCOMPLETE" else { return reply }
      if operation.capacity == nil {
        reply["bytes"] = .number(Int(bytes))
      } else {
        reply.add(received: operation.received(bytes), bytes)
      }
      return reply
    },
    Call(
      "OverlappedEvent", "Waits for the event of an operation.",
      [.operation, Parameter("timeout", .value("0"), Parameter.milliseconds)],
      example: ["OverlappedEvent ov=o timeout=500"]
    ) { call throws(Mistake) in
      let (operation, timeout) = (try call.operation(), try call.milliseconds("timeout"))
      return Reply(waited: WaitForSingleObject(operation.event, timeout))
    },
    Call(
      "CancelIo", "Cancels what this thread has started on the handle.", [.pipeOrFile],
      example: ["CancelIo h=s"]
    ) { call throws(Mistake) in Reply(ok: CancelIo(try call.handle("h"))) },
    Call(
      "CancelIoEx", "Cancels an operation on the handle, or all of them.",
      [.pipeOrFile, Parameter("ov", .none, "the operation; without it: all")],
      errors: ["ERROR_NOT_FOUND": "nothing is going on"],
      example: ["CancelIoEx h=s ov=o"]
    ) { call throws(Mistake) in
      let handle = try call.handle("h")
      if call.values["ov"] == nil { return Reply(ok: CancelIoEx(handle, nil)) }
      return Reply(ok: unsafe CancelIoEx(handle, try call.operation().overlapped))
    },
  ]
}

extension Parameter {
  fileprivate static let operation = Parameter("ov", .required, "the operation")
}

extension Invocation {
  fileprivate func operation() throws(Mistake) -> PendingOperation {
    guard let operation = session.operation(text("ov")) else {
      throw Mistake("no operation is called “\(text("ov"))”: a call with ov= makes one")
    }
    return operation
  }
}
