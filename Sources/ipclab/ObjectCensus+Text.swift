internal import IPCSystem
internal import IPCTransport
internal import LabReport
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

  /// A title and the rows below a head; nothing when there are no rows.
  private func table(_ title: String, _ head: [String], _ rows: [[String]]) -> String {
    rows.isEmpty ? "" : title + "\n" + TextTable.text([head] + rows, indent: "  ")
  }

  private var pipeTable: String {
    let rows = pipes.flatMap { pipe in
      pipe.instances.enumerated().map { index, instance -> [String] in
        let type = "\(pipe.type ?? "?"), \(pipe.direction ?? "?")"
        let name = pipe.name ?? "? (\(pipe.place))"
        // What the instances have in common stands in the first one's row.
        return (index == 0 ? [name, type, pipe.access] : ["", "", ""]) + [
          instance.state.rawValue, instance.client.map(words) ?? "–", words(instance.owner),
          pipe.user,
        ]
      }
    }
    return table(
      "Named pipes", ["NAME", "TYPE", "ACCESS", "INSTANCE", "CLIENT", "SERVER", "USER"], rows)
  }

  private var mailslotTable: String {
    let rows = mailslots.map { slot -> [String] in
      let waiting = slot.waiting.map { PlainText.count($0, "message") } ?? "no answer"
      let next = slot.next.map { "\($0) bytes" } ?? "–"
      let longest = slot.maximumMessage.map { "\($0) bytes" } ?? "any"
      return [
        slot.name ?? "? (\(slot.place))", "\(slot.computer) in \(slot.domain)", waiting, next,
        longest, words(slot.owner), slot.owner.user,
      ]
    }
    return table(
      "Mailslots", ["NAME", "COMPUTER", "WAITING", "NEXT", "LONGEST", "READER", "USER"], rows)
  }

  private var mappingTable: String {
    let rows = mappings.map { mapping -> [String] in
      [
        mapping.name, "\(mapping.size) bytes", mapping.protection, mapping.file ?? "memory",
        words(mapping.owners), users(mapping.owners),
      ]
    }
    return table("File mappings", ["NAME", "SIZE", "VIEWS", "OF", "OPEN IN", "USER"], rows)
  }

  private var mutexTable: String {
    let rows = mutexes.map { mutex -> [String] in
      let holder = mutex.thread.map { thread in
        " by thread \(thread) of " + (mutex.holder.map(words) ?? "?")
      }
      return [mutex.name, mutex.state + (holder ?? ""), words(mutex.owners), users(mutex.owners)]
    }
    return table("Mutexes", ["NAME", "STATE", "OPEN IN", "USER"], rows)
  }

  private var semaphoreTable: String {
    let rows = semaphores.map { item -> [String] in
      [item.name, "\(item.count)", "\(item.limit)", words(item.owners), users(item.owners)]
    }
    return table("Semaphores", ["NAME", "COUNT", "LIMIT", "OPEN IN", "USER"], rows)
  }

  private var eventTable: String {
    let rows = events.map { event -> [String] in
      [
        event.name, event.isSet ? "set" : "not set", event.reset, words(event.owners),
        users(event.owners),
      ]
    }
    return table("Events", ["NAME", "STATE", "RESET", "OPEN IN", "USER"], rows)
  }

  private var damagedTable: String {
    let rows = damaged.map { [$0.name, words($0.owners), users($0.owners)] }
    return table("Damaged objects", ["NAME", "OPEN IN", "USER"], rows)
  }

  private var transportTable: String {
    let rows = transports.map { item -> [String] in
      [item.transport, item.name, item.state, item.address, words(item.owner), item.owner.user]
    }
    return table(
      "Served by name or address", ["TRANSPORT", "NAME", "STATE", "ADDRESS", "SERVER", "USER"],
      rows)
  }

  private var runTable: String {
    let rows = runs.map { run -> [String] in
      [
        run.path, run.names.isEmpty ? "–" : run.names.joined(separator: ", "), words(run.owner),
        run.owner.user,
      ]
    }
    return table("Runs", ["DIRECTORY", "NAMES", "RUNNER", "USER"], rows)
  }
}
