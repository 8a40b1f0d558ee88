internal import Win32

extension CallTable {
  static let syncObjects: [Call] = [
    Call(
      "CreateMutex", "Creates a mutex, or opens the one that has the name.",
      [
        Parameter("h", .freshHandle("m"), "a name for the new handle"),
        Parameter("owned", .value("0"), "1: the thread owns a new mutex from the start"),
        .objectName, .inherit,
      ],
      errors: nameErrors, example: ["CreateMutex h=m name=teste"]
    ) { call throws(Mistake) in
      var attributes = try call.attributes()
      let isOwned = try call.isOn("owned")
      return call.created(
        unsafe CreateMutex(&attributes, isOwned, call.values["name"]), .mutex)
    },
    Call(
      "OpenMutex", "Opens the mutex that has the name.",
      [
        Parameter("h", .freshHandle("m"), "a name for the new handle"), .existingName,
        Parameter("access", .value("MUTEX_ALL"), "what the handle may do", flags: .mutexAccess),
      ],
      errors: openErrors, example: ["OpenMutex h=m name=teste"]
    ) { call throws(Mistake) in
      call.opened(OpenMutex(try call.flags("access"), FALSE, call.text("name")), .mutex)
    },
    Call(
      "ReleaseMutex", "Gives a mutex back, once.", [.mutex],
      errors: ["ERROR_NOT_OWNER": "this thread does not own it"], example: ["ReleaseMutex h=m"]
    ) { call throws(Mistake) in Reply(ok: ReleaseMutex(try call.handle("h"))) },
    Call(
      "CreateSemaphore", "Creates a semaphore, or opens the one that has the name.",
      [
        Parameter("h", .freshHandle("sem"), "a name for the new handle"),
        Parameter("init", .value("0"), "the count at first"),
        Parameter("max", .value("1"), "the highest count"), .objectName, .inherit,
      ],
      errors: nameErrors, example: ["CreateSemaphore h=sem init=0 max=5"]
    ) { call throws(Mistake) in
      var attributes = try call.attributes()
      let (count, most) = (try call.number("init"), try call.number("max"))
      return call.created(
        unsafe CreateSemaphore(
          &attributes, LONG(bitPattern: count), LONG(bitPattern: most), call.values["name"]),
        .semaphore)
    },
    Call(
      "OpenSemaphore", "Opens the semaphore that has the name.",
      [
        Parameter("h", .freshHandle("sem"), "a name for the new handle"), .existingName,
        Parameter("access", .value("SEM_ALL"), "what the handle may do", flags: .semaphoreAccess),
      ],
      errors: openErrors, example: ["OpenSemaphore h=sem name=teste"]
    ) { call throws(Mistake) in
      call.opened(OpenSemaphore(try call.flags("access"), FALSE, call.text("name")), .semaphore)
    },
    Call(
      "ReleaseSemaphore", "Adds to the count of a semaphore.",
      [
        Parameter("h", .recentHandle([.semaphore]), "the semaphore"),
        Parameter("n", .value("1"), "how much"),
      ],
      errors: ["ERROR_TOO_MANY_POSTS": "the count would exceed max; nothing is changed"],
      example: ["ReleaseSemaphore h=sem n=2"]
    ) { call throws(Mistake) in
      let (handle, amount) = (try call.handle("h"), try call.number("n"))
      var previous: LONG = 0
      var reply = Reply(
        ok: unsafe ReleaseSemaphore(handle, LONG(bitPattern: amount), &previous))
      if reply.isSuccess == true { reply["previous"] = .number(Int(previous)) }
      return reply
    },
    Call(
      "CreateEvent", "Creates an event, or opens the one that has the name.",
      [
        Parameter("h", .freshHandle("e"), "a name for the new handle"),
        Parameter("manual", .value("1"), "1: stays set until ResetEvent; 0: lets one waiter go"),
        Parameter("init", .value("0"), "1: is set from the start"),
        .objectName, .inherit,
      ],
      errors: nameErrors, example: ["CreateEvent h=e manual=1"]
    ) { call throws(Mistake) in
      var attributes = try call.attributes()
      let (isManual, isSet) = (try call.isOn("manual"), try call.isOn("init"))
      return call.created(
        unsafe CreateEvent(&attributes, isManual, isSet, call.values["name"]), .event)
    },
    Call(
      "OpenEvent", "Opens the event that has the name.",
      [
        Parameter("h", .freshHandle("e"), "a name for the new handle"), .existingName,
        Parameter("access", .value("EVENT_ALL"), "what the handle may do", flags: .eventAccess),
      ],
      errors: openErrors, example: ["OpenEvent h=e name=teste"]
    ) { call throws(Mistake) in
      call.opened(OpenEvent(try call.flags("access"), FALSE, call.text("name")), .event)
    },
    Call(
      "SetEvent", "Sets an event: who waits for it goes on.", [.event], example: ["SetEvent h=e"]
    ) { call throws(Mistake) in Reply(ok: SetEvent(try call.handle("h"))) },
    Call(
      "ResetEvent", "Resets an event: who waits for it waits.", [.event],
      example: ["ResetEvent h=e"]
    ) { call throws(Mistake) in Reply(ok: ResetEvent(try call.handle("h"))) },
    Call(
      "PulseEvent", "Lets those go on who wait at this moment, and resets the event.", [.event],
      example: ["PulseEvent h=e"]
    ) { call throws(Mistake) in Reply(ok: PulseEvent(try call.handle("h"))) },
  ]

  static let nameErrors: KeyValuePairs<String, String> = [
    "ERROR_INVALID_HANDLE": "the name belongs to another kind of object",
    "ERROR_PATH_NOT_FOUND": #"a backslash that is not Local\ or Global\"#,
  ]
  static let openErrors: KeyValuePairs<String, String> = [
    "ERROR_FILE_NOT_FOUND": "nobody has it open",
    "ERROR_INVALID_HANDLE": "the name belongs to another kind of object",
  ]
}

extension Parameter {
  static let objectName = Parameter("name", .none, "a name that other processes open it by")
  static let existingName = Parameter("name", .required, "its name")
  fileprivate static let mutex = Parameter("h", .recentHandle([.mutex]), "the mutex")
}

extension FlagSet {
  private static let standardRights = FlagSet(
    prefix: "",
    [
      "SYNCHRONIZE": SYNCHRONIZE, "READ_CONTROL": READ_CONTROL, "DELETE": DELETE,
      "GENERIC_READ": GENERIC_READ, "GENERIC_WRITE": GENERIC_WRITE,
      "GENERIC_EXECUTE": GENERIC_EXECUTE, "GENERIC_ALL": GENERIC_ALL,
    ])
  /// Those of every kind of object.
  static let objectAccess = fileAccess + mutexAccess + semaphoreAccess + eventAccess + mapAccess
  fileprivate static let mutexAccess =
    FlagSet(
      prefix: "",
      [
        "MUTEX_ALL": MUTEX_ALL_ACCESS, "MUTEX_ALL_ACCESS": MUTEX_ALL_ACCESS,
        "MUTEX_MODIFY": MUTEX_MODIFY_STATE, "MUTEX_MODIFY_STATE": MUTEX_MODIFY_STATE,
      ]) + standardRights
  fileprivate static let semaphoreAccess =
    FlagSet(
      prefix: "",
      [
        "SEM_ALL": SEMAPHORE_ALL_ACCESS, "SEMAPHORE_ALL_ACCESS": SEMAPHORE_ALL_ACCESS,
        "SEM_MODIFY": SEMAPHORE_MODIFY_STATE, "SEMAPHORE_MODIFY_STATE": SEMAPHORE_MODIFY_STATE,
      ]) + standardRights
  fileprivate static let eventAccess =
    FlagSet(
      prefix: "",
      [
        "EVENT_ALL": EVENT_ALL_ACCESS, "EVENT_ALL_ACCESS": EVENT_ALL_ACCESS,
        "EVENT_MODIFY": EVENT_MODIFY_STATE, "EVENT_MODIFY_STATE": EVENT_MODIFY_STATE,
      ]) + standardRights
}

extension Invocation {
  /// The answer of a call that creates an object or opens it. Make it right after the call.
  func created(_ handle: HANDLE, _ sort: Session.Sort) -> Reply {
    let existed = GetLastError() == ERROR_ALREADY_EXISTS
    var reply = opened(handle, sort)
    if handle != nil { reply["existed"] = .flag(existed) }
    return reply
  }

  /// The answer of a call that opens an object. Make it right after the call.
  func opened(_ handle: HANDLE, _ sort: Session.Sort) -> Reply {
    let reply = Reply(ok: handle != nil)
    if handle != nil { session.bind(text("h"), handle, sort, title: values["name"]) }
    return reply
  }
}
