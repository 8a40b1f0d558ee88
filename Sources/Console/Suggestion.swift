/// The nearest known name to a misspelled one.
public enum Suggestion {
  /// “ (did you mean …?)”, or nothing when no name is near.
  public static func phrase(for word: String, among names: [String]) -> String {
    nearest(to: word, among: names).map { " (did you mean “\($0)”?)" } ?? ""
  }

  /// The name that is nearest, or that the word begins; `nil` when none is near.
  public static func nearest(to word: String, among names: [String]) -> String? {
    let ranked = names.map { (name: $0, distance: distance(word.lowercased(), $0.lowercased())) }
    guard let best = ranked.min(by: { $0.distance < $1.distance }) else { return nil }
    // A name of which nothing would be left is not near, however short it is.
    if best.distance <= max(2, best.name.count / 3),
      best.distance < min(word.count, best.name.count)
    {
      return best.name
    }
    let extensions = names.filter { $0.hasPrefix(word) }
    return word.isEmpty ? nil : extensions.first
  }

  /// Levenshtein distance.
  private static func distance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a), Array(b))
    var row = Array(0...b.count)
    for i in 0..<a.count {
      var diagonal = row[0]
      row[0] = i + 1
      for j in 0..<b.count {
        let substitution = diagonal + (a[i] == b[j] ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substitution, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[b.count]
  }
}
