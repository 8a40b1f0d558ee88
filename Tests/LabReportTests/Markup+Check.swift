import Foundation
import FoundationXML

/// Reads a page as strictly as XML is read, after making of HTML what XML can read.
///
/// A tag that is not closed, an attribute without quotes, a bare `&` or `<` or a control character
/// fails here.
final class PageReader: NSObject, XMLParserDelegate {
  struct Element {
    var name: String
    var attributes: [String: String]
    var text = ""
    var parents: [String]
  }

  private(set) var elements: [Element] = []
  private(set) var problem: String?
  private var open: [Int] = []

  static func read(_ page: String) -> PageReader {
    let reader = PageReader()
    var source = page.replacingOccurrences(of: "<!DOCTYPE html>", with: "")
    for tag in ["meta"] {
      source = source.replacingOccurrences(
        of: "<\(tag)([^>]*)>", with: "<\(tag)$1/>", options: .regularExpression)
    }
    let parser = XMLParser(data: Data(source.utf8))
    parser.delegate = reader
    if !parser.parse() {
      reader.problem =
        "line \(parser.lineNumber), column \(parser.columnNumber): "
        + "\(parser.parserError.map { "\($0)" } ?? "unknown")"
    }
    return reader
  }

  func all(_ name: String) -> [Element] { elements.filter { $0.name == name } }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?,
    qualifiedName: String?, attributes: [String: String]
  ) {
    elements.append(
      Element(name: name, attributes: attributes, parents: open.map { elements[$0].name }))
    open.append(elements.count - 1)
  }

  func parser(
    _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
  ) {
    open.removeLast()
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) {
    for index in open { elements[index].text += string }
  }
}
