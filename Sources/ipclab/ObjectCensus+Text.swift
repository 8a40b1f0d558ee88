internal import IPCSystem
internal import IPCTransport
internal import Mailslots
internal import NamedPipes

extension ObjectCensus {
  /// The census as tables.
  var text: String {
    var parts = [
      pipeTable, mailslotTable, mappingTable, mutexTable, semaphoreTable, eventTable, damagedTable,
      transportTable, runTable,
    ].filter { !$0.isEmpty }
    if parts.isEmpty {
      parts.append(
        "Nothing is alive in \(runtimeDirectory).\n"
          + "Create something in another terminal, for example with: ipclab listen "
          + "named-pipe-message:demo\n")
    }
    if let removed {
      parts.append(
        removed.isEmpty
          ? "Nothing was left behind by processes that have ended: nothing was removed.\n"
          : list("Removed", removed))
    } else if !leftBehind.isEmpty {
      parts.append(
        list("Left behind by processes that have ended", leftBehind)
          + "  ipclab objects --clean removes that.\n")
    }
    if !foreign.isEmpty {
      parts.append(list("Not made by ipclab, and left alone", foreign.map { ($0.path, "") }))
    }
    return parts.joined(separator: "\n")
  }

  private func list(_ title: String, _ paths: [SurveyedPath]) -> String {
    list(title, paths.map { ($0.what, $0.path) })
  }

  private func list(_ title: String, _ rows: [(String, String)]) -> String {
    let lines = rows.map { "  \($0.0)" + ($0.1.isEmpty ? "" : "\n    \($0.1)") }
    return title + "\n" + lines.joined(separator: "\n") + "\n"
  }

  private func words(_ process: ProcessFacts) -> String {
    if process.pid == 0 { return "?" }
    return process.user.isEmpty
      ? "\(process.pid) (has ended)" : "\(process.pid) \(short(process.command))"
  }

  private func words(_ processes: [ProcessFacts]) -> String {
    processes.map(words).joined(separator: ", ")
  }

  private func short(_ command: String) -> String {
    let longest = 48
    let line = String(command.map { $0.isNewline ? " " : $0 })
    return line.count > longest ? line.prefix(longest - 1) + "…" : line
  }

  private func users(_ processes: [ProcessFacts]) -> String {
    Set(processes.map(\.user)).sorted().joined(separator: ", ")
  }

  private var pipeTable: String {
    var table = Table(
      "Named pipes", ["NAME", "TYPE", "ACCESS", "INSTANCE", "CLIENT", "SERVER", "USER"])
    for pipe in pipes {
      for (index, instance) in pipe.instances.enumerated() {
        let isFirst = index == 0
        let type = "\(pipe.type ?? "?"), \(pipe.direction ?? "?")"
        table.add([
          isFirst ? pipe.name ?? "? (\(pipe.place))" : "", isFirst ? type : "",
          isFirst ? pipe.access : "", instance.state.rawValue,
          instance.client.map(words) ?? "–", words(instance.owner), pipe.user,
        ])
      }
    }
    return table.text
  }

  private var mailslotTable: String {
    var table = Table(
      "Mailslots", ["NAME", "COMPUTER", "WAITING", "NEXT", "LONGEST", "READER", "USER"])
    for slot in mailslots {
      table.add([
        slot.name ?? "? (\(slot.place))", "\(slot.computer) in \(slot.domain)",
        slot.waiting.map { "\($0) message\($0 == 1 ? "" : "s")" } ?? "no answer",
        slot.next.map { "\($0) bytes" } ?? "–",
        slot.maximumMessage.map { "\($0) bytes" } ?? "any", words(slot.owner), slot.owner.user,
      ])
    }
    return table.text
  }

  private var mappingTable: String {
    var table = Table("File mappings", ["NAME", "SIZE", "VIEWS", "OF", "OPEN IN", "USER"])
    for mapping in mappings {
      table.add([
        mapping.name, "\(mapping.size) bytes", mapping.protection, mapping.file ?? "memory",
        words(mapping.owners), users(mapping.owners),
      ])
    }
    return table.text
  }

  private var mutexTable: String {
    var table = Table("Mutexes", ["NAME", "STATE", "OPEN IN", "USER"])
    for mutex in mutexes {
      let holder = mutex.thread.map { thread in
        " by thread \(thread) of " + (mutex.holder.map(words) ?? "?")
      }
      table.add([
        mutex.name, mutex.state + (holder ?? ""), words(mutex.owners), users(mutex.owners),
      ])
    }
    return table.text
  }

  private var semaphoreTable: String {
    var table = Table("Semaphores", ["NAME", "COUNT", "LIMIT", "OPEN IN", "USER"])
    for item in semaphores {
      table.add([
        item.name, "\(item.count)", "\(item.limit)", words(item.owners), users(item.owners),
      ])
    }
    return table.text
  }

  private var eventTable: String {
    var table = Table("Events", ["NAME", "STATE", "RESET", "OPEN IN", "USER"])
    for event in events {
      table.add([
        event.name, event.isSet ? "set" : "not set", event.reset, words(event.owners),
        users(event.owners),
      ])
    }
    return table.text
  }

  private var damagedTable: String {
    var table = Table("Damaged objects", ["NAME", "OPEN IN", "USER"])
    for item in damaged { table.add([item.name, words(item.owners), users(item.owners)]) }
    return table.text
  }

  private var transportTable: String {
    var table = Table(
      "Served by name or address", ["TRANSPORT", "NAME", "STATE", "ADDRESS", "SERVER", "USER"])
    for item in transports {
      table.add([
        item.transport, item.name, item.state, item.address, words(item.owner), item.owner.user,
      ])
    }
    return table.text
  }

  private var runTable: String {
    var table = Table("Runs", ["DIRECTORY", "NAMES", "RUNNER", "USER"])
    for run in runs {
      table.add([
        run.path, run.names.isEmpty ? "–" : run.names.joined(separator: ", "), words(run.owner),
        run.owner.user,
      ])
    }
    return table.text
  }
}
