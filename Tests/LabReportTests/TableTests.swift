import LabResults
import Testing

@testable import LabReport

@Suite("CSV")
struct CSVTests {
  /// Reads CSV as RFC 4180 writes it.
  private func rows(_ csv: String) -> [[String]] {
    var rows: [[String]] = []
    var (row, field, isQuoted) = ([String](), "", false)
    var scalars = Array(csv.unicodeScalars)[...]
    while let scalar = scalars.popFirst() {
      switch (scalar, isQuoted) {
      case ("\"", true) where scalars.first == "\"":
        field += "\""
        scalars.removeFirst()
      case ("\"", _): isQuoted.toggle()
      case (",", false):
        row.append(field)
        field = ""
      case ("\r", false) where scalars.first == "\n":
        scalars.removeFirst()
        rows.append(row + [field])
        (row, field) = ([], "")
      default: field.unicodeScalars.append(scalar)
      }
    }
    #expect(row.isEmpty && field.isEmpty && !isQuoted, "the last line has no end")
    return rows
  }

  @Test("every text survives quoting")
  func quoting() throws {
    let texts = [
      "", "plain", "a,b", "say \"hi\"", "\"", "two\nlines", "dos\r\nlines", "\r", "=1+1", " é ",
    ]
    var document = Fixture.empty
    document.features = texts.map {
      FeatureResult(
        probe: $0, mechanism: "m", claim: $0, observed: $0, verdict: .agrees, evidence: [$0, "z"])
    }
    let read = rows(CSVReport.features(document)).dropFirst()
    try #require(read.allSatisfy { $0.count == 6 })
    #expect(Array(read.map { $0[3] }) == texts)
    #expect(Array(read.map { $0[5] }) == texts.map { $0 + "\nz" })
    #expect(CSVReport.field("plain") == "plain")
    #expect(CSVReport.field("dos\r\nlines") == "\"dos\r\nlines\"")
  }

  @Test("every cell has a row, and what does not exist is empty and not 0")
  func cells() throws {
    var document = Fixture.echoes([(Fixture.mechanism("a"), [1000, 1500, 1200])])
    document.cells.append(
      Cell(
        mechanism: "a", scenario: "echo", placement: "same", size: 99, clients: 2,
        status: .notApplicable, reason: "no, not this"))
    let rows = rows(CSVReport.results(document))
    #expect(rows.count == 3)
    #expect(Set(rows.map(\.count)).count == 1)
    let column = Dictionary(uniqueKeysWithValues: zip(rows[0], rows[0].indices))
    func value(_ row: Int, _ name: String) throws -> String {
      rows[row][try #require(column[name], "no column \(name)")]
    }
    #expect(try value(1, "p50_ns_median") == "1200")
    #expect(try value(1, "p50_ns_low") == "1000")
    #expect(try value(1, "p50_ns_high") == "1500")
    #expect(try value(1, "p99_ns_median") == "")
    #expect(try value(2, "status") == "notApplicable")
    #expect(try value(2, "reason") == "no, not this")
    #expect(try value(2, "messages_per_second_median") == "")
    #expect(try value(2, "lost") == "")
  }

  @Test("every trial has a row, and a failed one has no figures")
  func trials() {
    var document = Fixture.echoes([(Fixture.mechanism("a"), [1000, 1500])])
    document.cells[0].trials[1].failure = "it hung"
    let rows = rows(CSVReport.trials(document))
    #expect(rows.count == 3)
    #expect(Set(rows.map(\.count)).count == 1)
    #expect(rows[1][6] == "18446744073709551615")
    #expect(rows[1][10] == "100000")
    #expect(rows[2][7] == "it hung")
    #expect(rows[2][10...].allSatisfy { $0.isEmpty })
  }
}

@Suite("Markdown")
struct MarkdownTests {
  @Test("text from the document cannot leave its cell or become markup")
  func escaping() {
    let evil = "a|b\n# <script>*x* `c` [l](u)\u{1B}"
    #expect(
      MarkdownReport.escaped(evil)
        == "a\\|b \\# &lt;script&gt;\\*x\\* \\`c\\` \\[l\\](u)\u{FFFD}")
    var document = Fixture.echoes([(Fixture.mechanism(evil), [1, 2])])
    document.mechanisms[0].title = evil
    let text = MarkdownReport(document).render()
    #expect(!text.contains("<script"))
    let table = text.split(separator: "\n").filter { $0.contains("&lt;script") }
    #expect(!table.isEmpty && table.allSatisfy { $0.hasPrefix("| ") && $0.hasSuffix(" |") })
  }

  @Test("disagreements come before every table")
  func disagreements() throws {
    let text = MarkdownReport(SampleDocument.make()).render()
    let list = try #require(text.firstRange(of: "observed “nothing”"))
    let table = try #require(text.firstRange(of: "| --- |"))
    #expect(list.lowerBound < table.lowerBound)
  }

  @Test("the rows of a table are as wide as its head")
  func widths() {
    var width: Int?
    for line in MarkdownReport(SampleDocument.make()).render().split(
      separator: "\n", omittingEmptySubsequences: false)
    {
      guard line.hasPrefix("|") else {
        width = nil
        continue
      }
      let columns = line.split(separator: " | ", omittingEmptySubsequences: false).count
      #expect(columns == width ?? columns, "\(line)")
      width = columns
    }
  }

  @Test("backticks in a command line do not end its code span")
  func codeSpan() {
    var document = Fixture.empty
    document.run.commandLine = ["a``b"]
    #expect(MarkdownReport(document).render().contains("``` 'a``b' ```"))
  }
}
