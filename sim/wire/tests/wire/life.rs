//! A proxy ends when it shall, whatever its connections wait for.

use crate::client::{Client, get, put};
use crate::server::Server;
use asl_wire::{Fault, Rule, Wire};
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// The connection on which this request comes. It is not answered.
fn request_arrives(listener: &TcpListener, request: &str) -> TcpStream {
    let (mut stream, _) = listener.accept().expect("the proxy connects");
    let mut read = vec![0; request.len()];
    stream.read_exact(&mut read).expect("the request comes");
    assert_eq!(String::from_utf8_lossy(&read), request);
    stream
}

#[test]
fn a_stop_closes_connections_on_both_sides() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it has an address");
    let wire = Wire::start(address, Vec::new(), 0).expect("it starts");
    let mut client = Client::connect(wire.address());
    let mut idle = Client::connect(wire.address());
    client.send(get("/"));
    let mut upstream = request_arrives(&listener, &get("/"));
    wire.stop();
    assert_eq!((client.rest(), idle.rest()), (String::new(), String::new()));
    assert_eq!(upstream.read(&mut [0]).expect("the proxy has closed it"), 0);
}

#[test]
fn a_stop_ends_a_delay_and_the_server_never_sees_the_request() {
    let server = Server::kind();
    let rules = vec![Rule::new(Fault::Delay(Duration::from_secs(1 << 20)), 1).methods(&["PUT"])];
    let wire = Wire::start(server.address, rules, 0).expect("it starts");
    let mut client = Client::connect(wire.address());
    client.send(get("/before") + &put("/delayed", "body"));
    assert_eq!(client.answer().1, "yes");
    while wire.told().harmed() == 0 {
        std::thread::yield_now();
    }
    drop(wire);
    assert_eq!(client.rest(), "");
    assert_eq!(server.next_line(), "GET /before HTTP/1.1");
    Client::connect(server.address).send(get("/after"));
    assert_eq!(server.next_line(), "GET /after HTTP/1.1");
}

#[test]
fn a_stop_ends_the_wait_for_an_answer_and_counts_it_as_nothing_unplanned() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it has an address");
    let wire = Wire::start(address, Vec::new(), 0).expect("it starts");
    let mut client = Client::connect(wire.address());
    let sent = client.put("/key", "body");
    let _upstream = request_arrives(&listener, &sent);
    assert_eq!(wire.stop().unplanned(), 0);
    assert_eq!(client.rest(), "");
}

#[test]
fn a_stop_ends_a_client_that_does_not_read_its_answer() {
    let server = Server::start(|_| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 64 << 20);
        [head.as_bytes(), &vec![0; 64 << 20]].concat()
    });
    let wire = Wire::start(server.address, Vec::new(), 0).expect("it starts");
    let mut client = Client::connect(wire.address());
    client.send(get("/large"));
    server.next();
    assert_eq!(wire.stop().requests(), 1);
}

#[test]
fn after_a_stop_the_port_is_free() {
    let wire = Wire::start("127.0.0.1:1", Vec::new(), 0).expect("it starts");
    let address = wire.address();
    wire.stop();
    assert!(TcpStream::connect(address).is_err());
    let again = Wire::start_on(address.port(), "127.0.0.1:1", Vec::new(), 0).expect("it starts");
    assert_eq!(again.address(), address);
}

#[test]
fn a_server_without_a_port_is_no_server() {
    let error = Wire::start("localhost", Vec::new(), 0).expect_err("it has no port");
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}
