import Foundation
import FoundationXML
import Testing

@testable import Coursework

@Suite("The formats of a batch")
struct FormatTests {
  /// A class in which everything happens, with texts that want to break out.
  private func result() throws -> ClassResult {
    let place = try LabWorkplace()
    let lab = try place.makeLab().lab
    let nasty = "</pre><script>alert(1)</script>\u{1B}[31m\u{0}]]> & \"quotes\"\n```\nout"
    func submission(_ name: String, _ outcomes: [Outcome]) -> GradedSubmission {
      var graded = GradedSubmission(name: name)
      graded.reports = zip(lab.checks, outcomes).map { item, outcome in
        CheckReport(
          id: item.id, outcome: outcome, maxPoints: Double(item.points), seed: 3,
          expected: outcome.isPass ? nil : "hello", seen: outcome.isPass ? nil : nasty)
      }
      graded.isComplete = true
      return graded
    }
    var unbuilt = submission("=1+1", [.buildError, .buildError])
    unbuilt.mistake = nasty
    let plan = BatchPlan(
      lab: lab.id, labFingerprint: 0, graderFingerprint: 0, seed: 3, seconds: nil,
      commands: [:], source: "/class", submissions: [], isSingle: false,
      started: "2026-01-31T12:00:00Z")
    return ClassResult(
      lab: lab, plan: plan,
      submissions: [
        submission("anna", [.pass, .pass]),
        submission("<b>ben</b>", [.fail, .skipped(parent: "x")]),
        submission("carl", [.timeout, .crash(signal: 11)]), unbuilt,
        submission("dora", [.limit(.memory), .leak([nasty])]),
        submission("emil", [.pass, .graderError(nasty)]),
      ],
      similar: [
        SimilarPair(
          one: "anna", other: "<b>ben</b>", share: 0.75,
          passages: [.init(one: "a.swift:1", other: "b.swift:2", lines: 9)])
      ])
  }

  @Test("JUnit XML can be read and has every outcome")
  func junit() throws {
    let text = JUnitReport.text(try result())
    let reader = Reader()
    let parser = XMLParser(data: Data(text.utf8))
    parser.delegate = reader
    #expect(parser.parse(), "\(parser.parserError.map { "\($0)" } ?? "")")
    #expect(reader.counts["testcase"] == 12)
    #expect(reader.counts["skipped"] == 1)
    #expect(reader.counts["error"] == 3)
    #expect(reader.counts["failure"] == 5)
    #expect(!text.unicodeScalars.contains { $0.value < 32 && $0 != "\n" })
  }

  private final class Reader: NSObject, XMLParserDelegate {
    var counts: [String: Int] = [:]
    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
      qualifiedName: String?, attributes: [String: String]
    ) { counts[name, default: 0] += 1 }
  }

  @Test("Gradescope gets plain text, every test, and the points of a grader error")
  func gradescope() throws {
    let result = try result()
    let emil = try #require(result.submissions.last)
    let text = try GradescopeResults.text(emil, result.lab)
    let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    #expect(object?["score"] as? Double == 100)
    let tests = try #require(object?["tests"] as? [[String: Any]])
    #expect(tests.count == 2)
    #expect(tests.allSatisfy { $0["output_format"] as? String == "text" })
    #expect(tests[1]["score"] as? Double == 40)
    #expect((tests[1]["output"] as? String)?.contains("\u{1B}") == false)
  }

  @Test("what is visible at once does not tell what hidden checks said")
  func hiddenChecks() throws {
    let result = try result()
    var lab = result.lab
    let carl = result.submissions[2]
    func output() throws -> String? {
      let text = try GradescopeResults.text(carl, lab)
      let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
      return object?["output"] as? String
    }
    #expect(try output()?.contains("0 of 100 points, 0 of 2 checks") == true)
    lab.checks[1].hidden = true
    #expect(try output() == "\(lab.heading).")
  }

  @Test("the points of the checks sum to those of the submission, also where the grader failed")
  func pointsOfGraderError() throws {
    let result = try result()
    let emil = try #require(result.submissions.last)
    #expect(GradeTable.text(result).contains("\r\nemil,100,100,yes,yes,0,60,pass,40,"))
    #expect(SubmissionText.markdown(emil, result.lab).contains("| 40/40 |"))
    #expect(SubmissionPage(emil, result.lab).text.contains("40 of 40"))
    let reports = try #require(GradeDocument(result).submissions.last?.reports)
    #expect(reports.reduce(0) { $0 + $1.points } == emil.points)
  }

  @Test("programs that a submission names itself are shown, as text")
  func ownCommands() throws {
    var result = try result()
    #expect(ClassSummary(result).attention.allSatisfy { !$0.contains("ipclab.json") })
    result.submissions[2].ownCommands = ["hello": "cp </p><script>*x*"]
    let carl = result.submissions[2]
    #expect(GradeTable.text(result).contains(",hello is cp </p><script>*x*\r\n"))
    // One line for all who name the same.
    var more = result
    more.submissions[3].ownCommands = carl.ownCommands
    let lines = ClassSummary(more).attention.filter { $0.contains("ipclab.json") }
    #expect(lines.count == 1)
    #expect(lines[0].contains("is cp"))
    #expect(lines[0].contains("of carl, \(more.submissions[3].name)."))
    for text in [ClassText(result).markdown, SubmissionText.markdown(carl, result.lab)] {
      #expect(text.contains("hello is cp \\<") && !text.contains("*x*"))
    }
    for text in [ClassPage(result).text, SubmissionPage(carl, result.lab).text] {
      #expect(text.contains("hello is cp &lt;") && !text.contains("<script>"))
    }
  }

  @Test("a table's fields are no formulas, and every row has as many as the head")
  func csv() throws {
    let text = GradeTable.text(try result())
    #expect(text.contains("\r\n'=1+1,0,100,yes,no,"))
    #expect(text.contains("\r\nemil,100,100,yes,yes,"))
    #expect(text.contains("timeout") && text.contains("crash (SIGSEGV)"))
    #expect(text.contains("limit (memory)"))
  }

  @Test("no text of a student gets out of its place in Markdown")
  func markdown() throws {
    let result = try result()
    for submission in result.submissions {
      let text = SubmissionText.markdown(submission, result.lab)
      var fence = ""
      for line in text.split(separator: "\n") where line.hasPrefix("```") {
        let ticks = String(line.prefix { $0 == "`" })
        if fence.isEmpty { fence = ticks } else if ticks == fence { fence = "" }
      }
      #expect(fence.isEmpty)
    }
    #expect(ClassText(result).markdown.contains("\\<b\\>ben\\</b\\>"))
  }

  @Test("the pages hold what students wrote as text, and the class page says who timed out")
  func html() throws {
    let result = try result()
    let page = ClassPage(result).text
    #expect(!page.contains("<script") && !page.contains("<b>ben"))
    #expect(page.contains("triage aid"))
    let timeouts = try #require(page.range(of: "id=\"timeouts\""))
    let section = page[timeouts.upperBound...].prefix { $0 != "§" }.prefix(400)
    #expect(section.contains("carl") && !section.contains("anna"))
    for submission in result.submissions {
      let text = SubmissionPage(submission, result.lab).text
      #expect(!text.contains("<script") && !text.unicodeScalars.contains("\u{1B}"))
    }
  }

  @Test("the class summary counts every outcome once")
  func summary() throws {
    let summary = ClassSummary(try result())
    #expect(summary.rows[0].counts.values.reduce(0, +) == 6)
    #expect(summary.rows[0].passed == 2 && summary.rows[0].failed == 4)
    #expect(summary.hardest.first?.item.id == "hello.child" || summary.hardest.count == 2)
    #expect(summary.histogram.map(\.count).reduce(0, +) == 6)
    #expect(summary.median == 0 && summary.points.last == 100)
  }
}

@Suite("Similarity")
struct SimilarityTests {
  private static let program = """
    import Glibc
    /// Reads lines and counts them.
    func count(_ name: String) -> Int {
      var total = 0
      while let line = readLine(strippingNewline: true) {
        if line.isEmpty { continue }
        for word in line.split(separator: " ") where word.count > 3 {
          total += word.count * 2
          if total > 100 { print("many", total); break }
        }
      }
      guard total > 0 else { return -1 }
      switch total { case 1: print("one"); case 2...9: print("few"); default: print("more", name) }
      return total
    }
    print(count("x"))
    """

  private func text(_ place: LabWorkplace, _ name: String, _ source: String) throws -> SourceText {
    try place.write(source, to: "\(name)/Sources/a/main.swift")
    return SourceText.all(in: place.path + "/" + name)
  }

  @Test("is seen through other names, layout and comments, and not between different programs")
  func renamed() throws {
    let place = try LabWorkplace()
    let other =
      Self.program.replacing("total", with: "sum").replacing("line", with: "row")
      .replacing("word", with: "piece").replacing("/// Reads lines and counts them.", with: "")
      .replacing("\n  ", with: "\n\n        ") + "\n// mine\n"
    let different = """
      struct Stack { var items: [Int] = []
        mutating func push(_ x: Int) { items.append(x) }
        mutating func pop() -> Int? { items.popLast() } }
      var s = Stack(); s.push(1); s.push(2)
      while let top = s.pop() { print(top, terminator: ",") }
      do { try Task.checkCancellation() } catch { print(error) }
      let squares = (1...10).map { $0 * $0 }.filter { $0 % 2 == 0 }.reduce(0, +)
      """
    let sources = [
      ("anna", try text(place, "anna", Self.program)), ("ben", try text(place, "ben", other)),
      ("carl", try text(place, "carl", different)),
    ]
    let pairs = Similarity.pairs(sources, given: [])
    #expect(pairs.count == 1)
    #expect(pairs.first?.one == "anna" && pairs.first?.other == "ben")
    #expect((pairs.first?.share ?? 0) > 0.8)
    #expect((pairs.first?.passages.first?.lines ?? 0) > 5)
    // What everybody was given counts for nobody.
    #expect(Similarity.pairs(sources, given: [sources[0].1]).isEmpty)
  }
}
