internal import IPCSystem
internal import Win32

extension CallTable {
  static let mappings: [Call] = [
    Call(
      "CreateFileMapping", "Creates a file mapping, or opens the one that has the name.",
      [
        Parameter("h", .freshHandle("map"), "a name for the new handle"),
        Parameter("file", .none, "the file; without: memory of its own"),
        Parameter(
          "prot", .value("PAGE_READWRITE"), "what views may do at most", flags: .pageProtection),
        Parameter("size", .value("0"), "bytes; 0: the file's size"),
        .objectName, .inherit,
      ],
      errors: [
        "ERROR_INVALID_PARAMETER": "memory of its own needs a size",
        "ERROR_FILE_INVALID": "the file is empty",
        "ERROR_INVALID_HANDLE": "the name belongs to another kind of object",
      ],
      example: ["CreateFileMapping h=map size=4096 name=teste"]
    ) { call throws(Mistake) in
      var attributes = try call.attributes()
      let file = try call.optionalHandle("file") ?? INVALID_HANDLE_VALUE
      let (protection, size) = (try call.flags("prot"), try call.wide("size"))
      return call.created(
        unsafe CreateFileMapping(
          file, &attributes, protection, DWORD(size >> 32), DWORD(truncatingIfNeeded: size),
          call.values["name"]), .mapping)
    },
    Call(
      "OpenFileMapping", "Opens the file mapping that has the name.",
      [
        Parameter("h", .freshHandle("map"), "a name for the new handle"), .existingName,
        Parameter("access", .value("MAP_ALL"), "what views may do", flags: .mapAccess),
      ],
      errors: openErrors, example: ["OpenFileMapping h=map name=teste"]
    ) { call throws(Mistake) in
      call.opened(OpenFileMapping(try call.flags("access"), FALSE, call.text("name")), .mapping)
    },
    Call(
      "MapViewOfFile", aliases: ["MapViewOfFileEx"], "Maps part of a file mapping into memory.",
      [
        Parameter("h", .recentHandle([.mapping]), "the mapping"),
        Parameter("v", .value("v"), "a name for the view"),
        Parameter(
          "access", .value("MAP_ALL"), "what the view may do; 0: nothing", flags: .mapAccess),
        Parameter("off", .value("0"), "where it begins: a multiple of 65536"),
        Parameter("size", .value("0"), "bytes; 0: up to the end"),
        Parameter("at", .none, "where in memory: a number, or a view, be it unmapped, to lie at"),
      ],
      errors: [
        "ERROR_INVALID_ADDRESS": "there is no room at that address",
        "ERROR_ACCESS_DENIED": "beyond the end, or more than the mapping allows",
        "ERROR_MAPPED_ALIGNMENT": "off is no multiple of 65536",
      ],
      example: ["MapViewOfFile v=v h=map"]
    ) { call throws(Mistake) in
      let (handle, access) = (try call.handle("h"), try call.flags("access"))
      let (offset, size) = (try call.wide("off"), try call.wide("size"))
      var place: UInt?
      if let text = call.values["at"] {
        if let view = call.session.view(text) {
          place = view.address
        } else {
          place = UInt(try call.wide("at"))
        }
      }
      let address = unsafe MapViewOfFileEx(
        handle, access, DWORD(offset >> 32), DWORD(truncatingIfNeeded: offset),
        Int(clamping: size), place.flatMap { unsafe UnsafeMutableRawPointer(bitPattern: $0) })
      var reply = Reply(ok: unsafe address != nil)
      if unsafe address != nil {
        call.session.bindView(call.text("v"), UInt(bitPattern: address))
        var info = MEMORY_BASIC_INFORMATION()
        _ = unsafe VirtualQuery(address, &info, MemoryLayout<MEMORY_BASIC_INFORMATION>.size)
        reply["region"] = .number(info.RegionSize)
        reply["protect"] = .text(FlagSet.pageProtection.name(of: info.Protect))
      }
      return reply
    },
    Call(
      "UnmapViewOfFile", "Takes a view out of memory.",
      [.view, Parameter("off", .value("0"), "where in it the address lies that is given")],
      errors: ["ERROR_INVALID_ADDRESS": "it is no view, or not any more"],
      example: ["UnmapViewOfFile v=v"]
    ) { call throws(Mistake) in
      let ok = unsafe UnmapViewOfFile(
        UnsafeRawPointer(bitPattern: call.view &+ UInt(try call.wide("off"))))
      let reply = Reply(ok: ok)
      if ok { call.session.noteUnmapped(call.text("v")) }
      return reply
    },
    Call(
      "FlushViewOfFile", "Writes what was changed in a view to its file.",
      [.view, Parameter("n", .value("0"), "bytes; 0: up to the end")],
      example: ["FlushViewOfFile v=v"]
    ) { call throws(Mistake) in
      let length = try call.wide("n")
      return Reply(
        ok: unsafe FlushViewOfFile(UnsafeRawPointer(bitPattern: call.view), Int(clamping: length)))
    },
    Call(
      "MemRead", "Reads bytes of a view.",
      [
        .view, Parameter("off", .value("0"), "where to begin"),
        Parameter("n", .value("16"), "how many"),
      ],
      errors: ["ACCESS_VIOLATION": "there is no such memory: a program would be killed"],
      example: ["MemRead v=v off=0 n=16"]
    ) { call throws(Mistake) in
      let (address, length) = (try call.address(), try call.length("n"))
      let bytes = address.flatMap { try? GuardedMemory.read(from: $0, count: length) } ?? nil
      guard let bytes else { return Reply.violation }
      var reply = Reply(ok: true)
      reply["data"] = .text(DataText.text(of: bytes))
      return reply
    },
    Call(
      "MemWrite", "Writes bytes to a view.",
      [.view, Parameter("off", .value("0"), "where to begin"), .data, .fill],
      errors: ["ACCESS_VIOLATION": "it cannot be written: a program would be killed"],
      example: ["MemWrite v=v off=0 data=hello"]
    ) { call throws(Mistake) in
      let (address, bytes) = (try call.address(), try call.bytes())
      let isDone = address.flatMap { try? GuardedMemory.write(bytes, to: $0) } ?? false
      return isDone ? Reply(ok: true) : Reply.violation
    },
    Call(
      "SystemInfo", aliases: ["GetSystemInfo"],
      "Tells the size of a page and what offsets of views are multiples of.", [],
      example: ["SystemInfo"]
    ) { _ throws(Mistake) in
      var info = SYSTEM_INFO()
      unsafe GetSystemInfo(&info)
      var reply = Reply(ok: true)
      reply["page"] = .number(Int(info.dwPageSize))
      reply["granularity"] = .number(Int(info.dwAllocationGranularity))
      return reply
    },
  ]
}

extension Parameter {
  fileprivate static let view = Parameter("v", .value("v"), "the view")
}

extension FlagSet {
  fileprivate static let pageProtection =
    FlagSet(
      prefix: "",
      [
        "PAGE_READWRITE": PAGE_READWRITE, "PAGE_READONLY": PAGE_READONLY,
        "PAGE_WRITECOPY": PAGE_WRITECOPY, "PAGE_NOACCESS": PAGE_NOACCESS,
        "PAGE_EXECUTE_READ": PAGE_EXECUTE_READ,
        "PAGE_EXECUTE_READWRITE": PAGE_EXECUTE_READWRITE,
        "PAGE_EXECUTE_WRITECOPY": PAGE_EXECUTE_WRITECOPY,
        "SEC_COMMIT": SEC_COMMIT, "SEC_RESERVE": SEC_RESERVE,
      ])
  static let mapAccess = FlagSet(
    prefix: "FILE_",
    [
      "MAP_ALL": FILE_MAP_ALL_ACCESS, "MAP_ALL_ACCESS": FILE_MAP_ALL_ACCESS,
      "MAP_READ": FILE_MAP_READ, "MAP_WRITE": FILE_MAP_WRITE, "MAP_COPY": FILE_MAP_COPY,
    ])

  /// The name of a flag's value.
  fileprivate func name(of value: UInt32) -> String {
    flags.first { $0.value == value }?.name ?? String(value)
  }
}

extension Invocation {
  /// The address of the view that the line names, 0 for none. The name of one that was unmapped
  /// still denotes the address.
  fileprivate var view: UInt { session.view(text("v"))?.address ?? 0 }

  /// Where in a view to read or write; `nil` when it is not mapped.
  fileprivate func address() throws(Mistake) -> UInt? {
    let offset = try wide("off")
    guard let view = session.view(text("v")), view.isMapped else { return nil }
    return view.address &+ UInt(offset)
  }

  /// A number of 64 bits without a sign.
  fileprivate func wide(_ name: String) throws(Mistake) -> UInt64 {
    guard let number = Number.parse(text(name)) else {
      throw Mistake("\(name) is a number such as 65536 or 0x10000, not “\(text(name))”")
    }
    return UInt64(bitPattern: Int64(number))
  }
}

extension Reply {
  /// What a program would be killed for.
  fileprivate static var violation: Reply {
    var reply = Reply(status: "done")
    reply["ok"] = .flag(false)
    reply["err"] = .text("ACCESS_VIOLATION")
    return reply
  }
}
