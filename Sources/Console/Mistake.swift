/// A line that makes no sense, in words for whoever wrote it.
struct Mistake: Error, Hashable {
  let description: String
  init(_ description: String) { self.description = description }
}
