import Glibc
import Win32

/// Receives one message, whatever its length.
///
/// - Returns: The message; `nil` when the client is gone.
func receive(from hPipe: HANDLE) -> [UInt8]? {
  // TASK 1: read a message; read on while the answer is ERROR_MORE_DATA.
  return nil
}

/// The letters a to z as capitals; every other byte as it is.
func uppercase(_ bytes: [UInt8]) -> [UInt8] {
  // TASK 1: change the bytes from UInt8(ascii: "a") to UInt8(ascii: "z"), and no others.
  return bytes
}

/// Talks with one client until it says "fim" or is gone, and lets the instance go.
func converse(_ hPipe: HANDLE) {
  // TASK 1: answer each request with its capitals.
  // TASK 2: after the answer to "fim", disconnect and close.
  // TASK 4: when the client is gone, do the same; the other clients must not notice.
}

/// Makes an instance for the next client, and a thread for each that comes; returns when it cannot.
func serve(_ name: String) -> Int32 {
  // TASK 1: create an instance and wait for a client.
  // TASK 3: give the client to a thread of its own, and go on with the next instance.
  complain("server: no pipe is made yet. Start with TASK 1 in Sources/server/main.swift.")
  return 1
}

guard CommandLine.arguments.count == 2 else {
  complain(#"usage: server \\.\pipe\NAME"#)
  exit(2)
}
exit(serve(CommandLine.arguments[1]))
