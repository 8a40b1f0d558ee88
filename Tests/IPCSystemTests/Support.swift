import Glibc

/// Reads one byte, as `read(2)` does, whatever signals come: closing a `DescriptorIO` in another test
/// may interrupt this thread after it has left the call that was meant.
func readByte(_ descriptor: Int32) -> (count: Int, byte: UInt8) {
  var byte: UInt8 = 0
  while true {
    let count = read(descriptor, &byte, 1)
    if count >= 0 || errno != EINTR { return (count, byte) }
  }
}
