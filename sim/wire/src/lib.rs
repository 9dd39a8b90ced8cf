//! A proxy in front of an HTTP server that harms what passes, as a seed says.
//!
//! The simulator makes the faults of object stores inside itself. This proxy makes the same faults on a real
//! connection, between a real client and a real server on one machine, so that both can be compared.
//!
//! ```
//! use asl_wire::{Fault, Rule, Wire};
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! # fn main() -> std::io::Result<()> {
//! // The first request is refused. The server at port 9000 never sees it.
//! let wire = Wire::start("127.0.0.1:9000", vec![Rule::new(Fault::Unavailable, 1).times(1)], 7)?;
//!
//! let mut client = TcpStream::connect(wire.address())?;
//! client.write_all(b"GET /bucket/key HTTP/1.1\r\nHost: bucket\r\nConnection: close\r\n\r\n")?;
//! let mut answer = String::new();
//! client.read_to_string(&mut answer)?;
//!
//! assert!(answer.starts_with("HTTP/1.1 503 Slow Down"));
//! assert_eq!(wire.stop().of(&Fault::Unavailable), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # What passes
//!
//! HTTP/1.1 without TLS. Heads and bodies pass byte for byte, chunks and trailers included, so a signed
//! request stays signed. Each connection of a client has one connection to the server, and both are kept
//! alive. If the server closes its connection after an answer or within one, so does the proxy. If the server
//! closes an idle connection, the proxy opens another before it sends the next request. The proxy never sends
//! a request again on its own. If the server cannot be reached, a request that should go there is
//! answered 502 with one line of text, whatever the fault.
//!
//! The proxy reads a request whole before it draws a fault and before the server sees a byte of it. An answer
//! is passed on as it comes.
//!
//! # What is not as it would be without the proxy
//!
//! - A client that dies within a request leaves no half request at the server. [`Fault::CutRequest`] does.
//! - The proxy itself answers `Expect: 100-continue`. A server cannot refuse a body before the client sends
//!   it. Its own 1xx answers are dropped.
//! - A request body of more than [`REQUEST_BODY_LEN_MAX`] bytes is answered 413, a head of more than
//!   [`HEAD_LEN_MAX`] bytes 400.
//! - The proxy reads an answer only once it has sent the whole request. If a server answers early, neither
//!   reads the rest nor closes, and the rest does not fit into the buffers of the sockets, then both wait
//!   until the proxy stops.
//!
//! # What is not modelled
//!
//! TLS, HTTP/2, `CONNECT`, upgrades to other protocols, header lines that are folded (they pass, but
//! [`Fault::DropHeader`] leaves the continuation behind), faults below HTTP (loss and reordering of packets,
//! resets), and limits of bandwidth. The proxy has no timeouts of its own, except that a connection to the
//! server has to be made within ten seconds.

mod answers;
mod body;
mod connection;
mod fault;
mod head;
mod plan;
mod request;
mod server;
mod shared;
mod wire;

pub use fault::{Fault, Rule};
pub use head::HEAD_LEN_MAX;
pub use plan::Told;
pub use request::REQUEST_BODY_LEN_MAX;
pub use wire::Wire;
