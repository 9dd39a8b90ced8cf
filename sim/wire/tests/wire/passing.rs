//! What no rule harms passes as it came.

use crate::client::{Client, get, put};
use crate::server::Server;
use asl_wire::{HEAD_LEN_MAX, Wire};
use std::io::{Read, Write};
use std::net::TcpListener;

fn through(server: &Server) -> (Wire, Client) {
    let wire = Wire::start(server.address, Vec::new(), 0).expect("it starts");
    let client = Client::connect(wire.address());
    (wire, client)
}

/// A server that answers everything so.
fn says(answer: &'static str) -> Server {
    Server::start(move |_| answer.as_bytes().to_vec())
}

#[test]
fn several_requests_pass_on_one_connection_and_arrive_on_one() {
    let server = Server::kind();
    let (wire, mut client) = through(&server);
    for number in 0..5 {
        let sent = client.put(&format!("/bucket/{number}?x=%20"), &"b".repeat(number));
        assert_eq!(client.answer(), ("HTTP/1.1 200 OK".to_owned(), "yes".to_owned()));
        let seen = server.next();
        assert_eq!(seen.head + &"b".repeat(seen.body.len()), sent);
        assert_eq!((seen.connection, seen.body.len()), (0, number));
    }
    let told = wire.stop();
    assert_eq!((told.requests(), told.harmed(), told.unplanned()), (5, 0, 0));
}

#[test]
fn requests_sent_at_once_are_answered_in_order() {
    let server = Server::start(|seen| {
        let path = seen.head.split(' ').nth(1).unwrap_or_default();
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}", path.len()).into_bytes()
    });
    let (_wire, mut client) = through(&server);
    client.send(get("/a") + &put("/b", "body") + &get("/c"));
    let bodies = [(); 3].map(|()| client.answer().1);
    assert_eq!(bodies, ["/a", "/b", "/c"]);
}

#[test]
fn connections_are_served_at_the_same_time() {
    let server = Server::kind();
    let (wire, mut first) = through(&server);
    let mut second = Client::connect(wire.address());
    let request = put("/first", "body");
    first.send(&request[..request.len() - 2]);
    second.send(get("/second"));
    second.answer();
    first.send(&request[request.len() - 2..]);
    first.answer();
    assert_eq!(server.next_line(), "GET /second HTTP/1.1");
    assert_eq!(server.next_line(), "PUT /first HTTP/1.1");
}

#[test]
fn a_chunked_request_arrives_chunk_by_chunk() {
    let server = Server::kind();
    let (_wire, mut client) = through(&server);
    let body = "5;name=value\r\nhello\r\nC\r\n to\r\nyou all\r\n0\r\n\r\n";
    for _ in 0..2 {
        client.send(format!("PUT /key HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{body}"));
        assert_eq!(client.answer().1, "yes");
        assert_eq!(String::from_utf8(server.next().body).as_deref(), Ok(body));
    }
}

#[test]
fn a_chunked_answer_arrives_chunk_by_chunk_with_its_trailer() {
    const BODY: &str = "5\r\nhello\r\n0\r\nSum: 1\r\n\r\n";
    let server =
        says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nSum: 1\r\n\r\n");
    let (_wire, mut client) = through(&server);
    for _ in 0..2 {
        client.send(get("/key"));
        assert_eq!(client.head(), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert_eq!(client.body(BODY.len()), BODY);
    }
}

#[test]
fn large_bodies_pass_in_both_directions() {
    const LEN: usize = 8 << 20;
    let server = Server::start(|seen| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", seen.body.len());
        [head.as_bytes(), &seen.body].concat()
    });
    let (_wire, mut client) = through(&server);
    let body: String = ('a'..='z').cycle().take(LEN).collect();
    client.put("/key", &body);
    assert!(client.answer().1 == body && server.next().body == body.as_bytes());
}

#[test]
fn answers_that_have_no_body_do_not_wait_for_one() {
    let answers = [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("DELETE", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n"),
    ];
    for (method, answer) in answers {
        let server = says(answer);
        let (_wire, mut client) = through(&server);
        for _ in 0..2 {
            client.send(format!("{method} /key HTTP/1.1\r\nHost: x\r\n\r\n"));
            assert_eq!(client.head(), answer);
        }
        assert_eq!((server.next().connection, server.next().connection), (0, 0));
    }
}

#[test]
fn a_client_that_waits_for_100_is_told_to_go_on_and_gets_one_final_answer() {
    let server = says("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let (_wire, mut client) = through(&server);
    for _ in 0..2 {
        client.send("PUT /key HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
        assert_eq!(client.head(), "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("body");
        assert_eq!(client.answer(), ("HTTP/1.1 200 OK".to_owned(), "ok".to_owned()));
        let seen = server.next();
        assert!(seen.head.contains("Expect: 100-continue") && seen.body == b"body");
    }
}

#[test]
fn an_answer_without_a_length_passes_and_closes() {
    let server = says("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end");
    let (wire, mut client) = through(&server);
    client.send(get("/key"));
    assert_eq!(client.rest(), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end");
    assert_eq!(wire.stop().unplanned(), 0);
}

#[test]
fn whoever_says_that_the_connection_closes_closes_it() {
    let server = Server::kind();
    let (_wire, mut client) = through(&server);
    client.send("GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert!(client.rest().ends_with("yes"));

    let server = says("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    let (_wire, mut client) = through(&server);
    client.send(get("/"));
    assert!(client.rest().ends_with("ok"));
}

#[test]
fn if_the_server_closed_an_idle_connection_the_next_request_goes_on_another() {
    // It closes after its answer, and does not say so.
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it has an address");
    let wire = Wire::start(address, Vec::new(), 0).expect("it starts");
    let mut client = Client::connect(wire.address());
    for _ in 0..2 {
        client.send(get("/"));
        let (mut stream, _) = listener.accept().expect("the proxy connects");
        stream.read_exact(&mut vec![0; get("/").len()]).expect("it sends");
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").expect("it reads");
        drop(stream);
        assert_eq!(client.head(), "HTTP/1.1 204 No Content\r\n\r\n");
    }
    assert_eq!(wire.stop().unplanned(), 0);
}

#[test]
fn if_the_server_breaks_off_the_client_is_broken_off_and_nothing_is_sent_again() {
    for part in ["", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nhal"] {
        let server = says(part);
        let (wire, mut client) = through(&server);
        client.put("/key", "body");
        assert_eq!(client.rest(), part);
        let mut other = Client::connect(wire.address());
        other.send(get("/later"));
        other.rest();
        assert_eq!(server.next_line(), "PUT /key HTTP/1.1");
        assert_eq!(server.next_line(), "GET /later HTTP/1.1");
        assert_eq!(wire.stop().unplanned(), 2);
    }
}

#[test]
fn a_server_that_answers_before_it_has_read_a_large_body_and_closes_is_heard() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let wire =
        Wire::start(listener.local_addr().expect("it has an address"), Vec::new(), 0).expect("it starts");
    let mut client = Client::connect(wire.address());
    client.put("/key", &"x".repeat(16 << 20));
    let (mut stream, _) = listener.accept().expect("the proxy connects");
    stream.read_exact(&mut [0; 100]).expect("it sends");
    let answer = "HTTP/1.1 412 Precondition Failed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(answer.as_bytes()).expect("it reads");
    drop(stream);
    assert_eq!(client.rest(), answer);
    assert_eq!(wire.stop().unplanned(), 0);
}

#[test]
fn a_server_that_cannot_be_reached_is_answered_for_in_one_line() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it has an address");
    drop(listener);
    let wire = Wire::start(address, Vec::new(), 0).expect("it starts");
    let mut client = Client::connect(wire.address());
    client.put("/key", "body");
    let (line, body) = client.answer();
    assert_eq!(line, "HTTP/1.1 502 Bad Gateway");
    assert!(body.starts_with("asl-wire: cannot connect to the server: ") && body.lines().count() == 1);
    client.send("HEAD /key HTTP/1.1\r\n\r\n");
    assert!(client.head().starts_with("HTTP/1.1 502 "));
    assert_eq!(wire.stop().unplanned(), 2);
}

#[test]
fn what_is_not_a_request_that_passes_is_refused() {
    let server = Server::kind();
    let long = format!("GET / HTTP/1.1\r\nLong: {}\r\n\r\n", "x".repeat(HEAD_LEN_MAX));
    let refused = [
        ("400", "nonsense\r\n\r\n"),
        ("400", "PRI * HTTP/2.0\r\n\r\n"),
        ("400", "\u{16}\u{3}\u{1}"),
        ("400", "PUT / HTTP/1.1\r\nContent-Length: some\r\n\r\n"),
        ("400", "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n"),
        ("400", long.as_str()),
    ];
    for (status, request) in refused {
        let (wire, mut client) = through(&server);
        client.send(request);
        let answer = client.rest();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains("Connection: close"));
        let told = wire.stop();
        assert_eq!((told.requests(), told.unplanned()), (0, 1));
    }
}

#[test]
fn a_client_that_goes_away_within_a_request_leaves_nothing_at_the_server() {
    let server = Server::kind();
    let (wire, mut client) = through(&server);
    let request = put("/cut", "body");
    client.send(&request[..request.len() - 1]);
    drop(client);
    let mut client = Client::connect(wire.address());
    client.send(get("/later"));
    client.answer();
    assert_eq!(server.next_line(), "GET /later HTTP/1.1");
    let told = wire.stop();
    assert_eq!((told.requests(), told.unplanned()), (1, 0));
}
