/// Moves labels apart until none covers another.
enum LabelLayout {
  /// Places labels as near to where they want to be as they can without overlap.
  ///
  /// Labels that would overlap form a block around the mean of what they want; blocks that meet
  /// are joined. That is the least sum of squared displacements.
  ///
  /// - Parameters:
  ///   - wanted: The centre that each label wants.
  ///   - height: The distance that two centres must keep.
  ///   - low: The least centre allowed.
  ///   - high: The greatest centre allowed.
  /// - Returns: A centre for each label in the same order, or `nil` when they do not all fit.
  static func spread(
    _ wanted: [Double], height: Double, from low: Double, to high: Double
  ) -> [Double]? {
    guard Double(wanted.count - 1) * height <= high - low else { return nil }
    struct Block {
      var members: [Int]
      var top: Double
    }
    func settled(_ members: [Int]) -> Block {
      let tops = members.enumerated().map { wanted[$1] - Double($0) * height }
      let mean = tops.reduce(0, +) / Double(tops.count)
      let last = high - Double(members.count - 1) * height
      return Block(members: members, top: min(max(mean, low), last))
    }
    var blocks: [Block] = []
    for index in wanted.indices.sorted(by: { (wanted[$0], $0) < (wanted[$1], $1) }) {
      var block = settled([index])
      while let above = blocks.last,
        above.top + Double(above.members.count) * height > block.top
      {
        blocks.removeLast()
        block = settled(above.members + block.members)
      }
      blocks.append(block)
    }
    var result = wanted
    for block in blocks {
      for (position, index) in block.members.enumerated() {
        result[index] = block.top + Double(position) * height
      }
    }
    return result
  }
}
