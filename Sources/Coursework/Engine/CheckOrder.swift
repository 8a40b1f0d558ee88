/// What the runner tells a check process.
struct CheckOrder: Codable {
  var plan: CheckPlan
  /// Environment of the programs.
  var environment: [String]
  /// Paths that programs need, also where ``Seclusion`` puts something else.
  var visible: [String]
  /// Directories that must not be seen.
  var hidden: [String]
  /// A new directory, for a check that has no file system of its own.
  var place: String
}
