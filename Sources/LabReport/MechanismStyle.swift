internal import LabResults

/// How a mechanism looks in every chart: its family by colour and marker, itself by its dashes.
///
/// The colours are chosen to differ for the common kinds of colour blindness; shape and dashes carry
/// the same distinction without any colour.
struct MechanismStyle {
  /// Index of the colour class in the stylesheet.
  var family: Int
  /// Index among the mechanisms of the family.
  var member: Int

  /// Colours with a class of their own in the stylesheet, in its order.
  static let families = ["pipe", "named-pipe", "mailslot", "shared-memory", "socket", "queue"]
  /// Number of colour classes; the last ones are for families that a later version adds.
  static let classCount = 8

  /// A style for each mechanism, by id.
  static func assign(_ mechanisms: [MechanismInfo]) -> [String: MechanismStyle] {
    let others = mechanisms.map(\.family).filter { !families.contains($0) }
    var members: [String: Int] = [:]
    var styles: [String: MechanismStyle] = [:]
    for mechanism in mechanisms {
      let member = members[mechanism.family, default: 0]
      members[mechanism.family] = member + 1
      let family =
        families.firstIndex(of: mechanism.family)
        ?? min(
          families.count + (others.firstIndex(of: mechanism.family) ?? 0), classCount - 1)
      styles[mechanism.id] = MechanismStyle(family: family, member: member)
    }
    return styles
  }

  /// Class attribute value that sets the colour `--c`.
  var className: String { "f\(family)" }

  private static let dashes = ["", "7 3", "2 3", "9 3 2 3", "12 3 2 3 2 3", "4 2"]

  /// The pattern of the line, empty for a solid one.
  var dash: String { Self.dashes[member % Self.dashes.count] }

  /// The `stroke-dasharray` attribute, or nothing.
  var dashAttribute: Markup { dash.isEmpty ? "" : " stroke-dasharray=\"\(dash)\"" }

  /// A marker around a point. Every second member's is hollow.
  func marker(x: Double, y: Double) -> Markup {
    let look: Markup = member % 2 == 0 ? "full" : "hollow"
    func polygon(_ corners: [(Double, Double)]) -> Markup {
      let points = corners.map { "\(at: x + $0.0),\(at: y + $0.1)" as Markup }
      return "<polygon class=\"\(look)\" points=\"\(points.assembled(separator: " "))\"/>"
    }
    switch family {
    case 0: return "<circle class=\"\(look)\" cx=\"\(at: x)\" cy=\"\(at: y)\" r=\"3.6\"/>"
    case 1: return polygon([(-3.3, -3.3), (3.3, -3.3), (3.3, 3.3), (-3.3, 3.3)])
    case 2: return polygon([(0, -4.8), (4.8, 0), (0, 4.8), (-4.8, 0)])
    case 3: return polygon([(0, -4.6), (4.2, 3.2), (-4.2, 3.2)])
    case 4: return polygon([(0, 4.6), (4.2, -3.2), (-4.2, -3.2)])
    case 5: return polygon([(-4.5, -1.6), (4.5, -1.6), (4.5, 1.6), (-4.5, 1.6)])
    default: return polygon([(-1.6, -4.5), (1.6, -4.5), (1.6, 4.5), (-1.6, 4.5)])
    }
  }
}
