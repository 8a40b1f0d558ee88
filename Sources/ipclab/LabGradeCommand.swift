enum LabGradeCommand {
  static let command = Command(
    name: "grade", summary: "Grade a folder of submissions", help: "x", run: { _ in 0 })
}
enum LabSelftestCommand {
  static let command = Command(
    name: "selftest", summary: "Let the grader prove itself", help: "x", run: { _ in 0 })
}
