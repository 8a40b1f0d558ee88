internal import Glibc

extension BuiltInChecks {
  /// Lab 2: two programs connected by a pipe.
  static let redirectionChecks: [Check] = [
    Check("redirection.runs") { context in
      let lines = context.words(6).map { $0 + "\n" }
      let file = try context.write(file: "lines.txt", Array(lines.joined().utf8))
      // `head` needs no end of its input.
      let ended = try context.run("pipeline", ["cat", file, "|", "head", "-n", "3"])
      try context.expectExit(ended, of: "pipeline", 0)
      try context.expectEqual(ended.text, lines.prefix(3).joined(), "the output of head")
    },
    Check("redirection.end") { context in
      let words = context.words(40)
      let file = try context.write(
        file: "words.txt", Array(words.map { $0 + "\n" }.joined().utf8))
      let ended = try context.run(
        "pipeline", ["cat", file, "|", "wc", "-l"], within: .seconds(4))
      try context.expectExit(ended, of: "pipeline", 0)
      try context.expectEqual(
        ended.text.filter { !$0.isWhitespace }, "\(words.count)", "what wc counted")
    },
    Check("redirection.early") { context in
      let word = context.words(1)[0]
      // `yes` never ends, unless its write fails because nobody can read any more.
      let ended = try context.run(
        "pipeline", ["yes", word, "|", "head", "-n", "5"], within: .seconds(4))
      try context.expectExit(ended, of: "pipeline", 0)
      try context.expectEqual(
        ended.text, String(repeating: word + "\n", count: 5), "the output of head")
    },
    Check("redirection.volume") { context in
      let content = context.bytes(context.number(in: 300_000...600_000))
      let file = try context.write(file: "large.bin", content)
      let ended = try context.run(
        "pipeline", ["cat", file, "|", "cat"], within: .seconds(4))
      try context.expectExit(
        ended, of: "pipeline", 0,
        cause: "A pipe holds little: both programs must run before you wait for one of them.")
      try context.expectEqual(ended.output, content, "the output of the second program")
    },
    Check("redirection.status") { context in
      let code = Int32(context.number(in: 2...99))
      let ended = try context.run(
        "pipeline", ["sh", "-c", "exit 1", "|", "sh", "-c", "cat; exit \(code)"])
      try context.expectExit(
        ended, of: "pipeline", code,
        cause: "The exit status is that of the second program: GetExitCodeProcess.")
      let other = try context.run("pipeline", ["sh", "-c", "exit \(code)", "|", "cat"])
      try context.expectExit(other, of: "pipeline", 0)
    },
    Check("redirection.arguments") { context in
      let words = context.words(4)
      let arguments = [
        "\(words[0]) \(words[1])", "", "say \"\(words[2])\"", #"back\slash\"#, "*", words[3],
      ]
      let ended = try context.run(
        "pipeline", ["printf", "<%s>\\n"] + arguments + ["|", "cat"])
      try context.expectExit(ended, of: "pipeline", 0)
      try context.expectEqual(
        ended.text, arguments.map { "<\($0)>\n" }.joined(), "what printf was given",
        cause: "CreateProcess takes one text and takes it apart again: quote each word.")
    },
    Check("redirection.input") { context in
      let words = context.words(5)
      let note = context.words(1)[0] + "-note"
      let ended = try context.run(
        "pipeline", ["cat", "|", "sh", "-c", "echo \(note) >&2; sort"],
        input: Array(words.map { $0 + "\n" }.joined().utf8))
      try context.expectExit(
        ended, of: "pipeline", 0,
        cause:
          "With STARTF_USESTDHANDLES all three handles count, also those you leave as they are.")
      let sorted = words.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
        .map { String(decoding: $0, as: UTF8.self) + "\n" }
      try context.expectEqual(ended.text, sorted.joined(), "what sort wrote")
      try context.expect(
        String(decoding: ended.errorOutput, as: UTF8.self).contains(note),
        expected: "what a program writes to standard error, “\(note)”, on that of pipeline",
        seen: Escaped.text(ended.errorOutput))
    },
    Check("redirection.missing") { context in
      let missing = context.name("no-such-program")
      for arguments in [[missing, "|", "cat"], ["yes", "|", missing]] {
        let ended = try context.run("pipeline", arguments, within: .seconds(3))
        try context.expectExit(
          ended, of: "pipeline", 1, saying: missing,
          cause: "CreateProcess returns FALSE when there is no such program; the pipe must be let "
            + "go all the same.")
      }
    },
  ]
}
