//! Each fault: what the client gets, what the server has seen, and what is told.
//!
//! A rule with `times(1)` harms the first request. A second one, which passes, shows what the server saw of
//! the first.

use crate::client::{Client, get};
use crate::server::Server;
use asl_wire::{Fault, Rule, Wire};
use std::time::Duration;

const OK: &str = "HTTP/1.1 200 OK";
const PUT: &str = "PUT /harmed HTTP/1.1";
const GET: &str = "GET /later HTTP/1.1";

/// A proxy that harms the first request.
fn harming(fault: Fault, server: &Server) -> (Wire, Client) {
    let wire = Wire::start(server.address, vec![Rule::new(fault, 1).times(1)], 0).expect("it starts");
    let client = Client::connect(wire.address());
    (wire, client)
}

/// Another request passes, on another connection.
fn passes(wire: &Wire) {
    let mut client = Client::connect(wire.address());
    client.send(get("/later"));
    assert_eq!(client.answer(), (OK.to_owned(), "yes".to_owned()));
}

/// Of `requests`, this fault was done to one, and nothing else went wrong.
fn told_once(wire: Wire, fault: &Fault, requests: u64) {
    let told = wire.stop();
    assert_eq!((told.requests(), told.harmed(), told.of(fault), told.unplanned()), (requests, 1, 1, 0));
}

#[test]
fn a_header_is_dropped_and_the_rest_of_the_request_arrives() {
    let server = Server::kind();
    let fault = Fault::DropHeader("if-none-match".to_owned());
    let (wire, mut client) = harming(fault.clone(), &server);
    // It has no such header, so it is not drawn for.
    client.send(get("/before"));
    client.answer();
    assert_eq!(server.next_line(), "GET /before HTTP/1.1");
    let sent = client.put("/harmed", "body");
    assert_eq!(client.answer().1, "yes");
    let seen = server.next();
    assert_eq!(seen.head + "body", sent.replace("If-None-Match: *\r\n", ""));
    assert_eq!(seen.body, b"body");
    told_once(wire, &fault, 2);
}

#[test]
fn a_delayed_request_arrives_and_is_answered() {
    let server = Server::kind();
    let fault = Fault::Delay(Duration::from_millis(5));
    let (wire, mut client) = harming(fault.clone(), &server);
    client.put("/harmed", "body");
    assert_eq!(client.answer().1, "yes");
    assert_eq!(server.next_line(), PUT);
    told_once(wire, &fault, 1);
}

#[test]
fn a_delayed_request_arrives_though_its_client_has_gone() {
    let server = Server::kind();
    let fault = Fault::Delay(Duration::from_millis(50));
    let (wire, mut client) = harming(fault.clone(), &server);
    client.put("/harmed", "body");
    drop(client);
    assert_eq!(server.next_line(), PUT);
    told_once(wire, &fault, 1);
}

#[test]
fn a_request_is_carried_out_though_its_answer_is_cut() {
    let server = Server::kind();
    let (wire, mut client) = harming(Fault::CutAnswer, &server);
    client.put("/harmed", "body");
    assert_eq!(client.rest(), "");
    assert_eq!(server.next_line(), PUT);
    passes(&wire);
    assert_eq!(server.next_line(), GET);
    told_once(wire, &Fault::CutAnswer, 2);
}

/// The client gets this answer, on a connection that stays open, and the server sees nothing of the request.
fn answered_by_the_proxy(fault: &Fault, line: &str, content_type: &str, text: &str) {
    let server = Server::kind();
    let (wire, mut client) = harming(fault.clone(), &server);
    client.put("/harmed", "body");
    let head = client.head();
    assert!(head.starts_with(line) && head.contains(content_type), "{head}");
    let length =
        head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).expect("it has a length");
    let body = client.body(length.parse().expect("it is a number"));
    assert!(body.contains(text), "{body}");
    client.send(get("/later"));
    assert_eq!(client.answer().1, "yes");
    assert_eq!(server.next_line(), GET);
    told_once(wire, fault, 2);
}

#[test]
fn a_server_that_is_unavailable_is_told_as_s3_does_and_sees_nothing() {
    let text = "<Error><Code>SlowDown</Code>";
    answered_by_the_proxy(&Fault::Unavailable, "HTTP/1.1 503 Slow Down\r\n", "application/xml", text);
}

#[test]
fn pages_of_others_are_answered_and_the_server_sees_nothing() {
    answered_by_the_proxy(&Fault::Html, "HTTP/1.1 502 Bad Gateway\r\n", "text/html", "<html>");
    answered_by_the_proxy(&Fault::HtmlOk, "HTTP/1.1 200 OK\r\n", "text/html", "<html>");
}

#[test]
fn a_head_request_that_the_proxy_answers_gets_no_body() {
    let server = Server::kind();
    let (_wire, mut client) = harming(Fault::Unavailable, &server);
    client.send("HEAD /key HTTP/1.1\r\n\r\n");
    assert!(client.head().starts_with("HTTP/1.1 503 "));
    client.send(get("/later"));
    assert_eq!(client.answer().0, OK);
}

#[test]
fn half_of_an_answers_body_arrives_and_the_request_is_carried_out() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answers = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n".to_owned(), "1234567", "123"),
        (chunked.to_owned(), "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", "3\r\nabc\r\n3\r"),
    ];
    for (head, body, half) in answers {
        let whole = head.clone() + body;
        let server = Server::start(move |_| whole.as_bytes().to_vec());
        let (wire, mut client) = harming(Fault::Truncate, &server);
        client.put("/harmed", "body");
        assert_eq!(client.rest(), head + half);
        assert_eq!(server.next_line(), PUT);
        told_once(wire, &Fault::Truncate, 1);
    }
}

#[test]
fn an_answer_that_has_no_body_or_no_length_is_cut_in_its_head() {
    let answers = [
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
    ];
    for answer in answers {
        let server = Server::start(move |_| answer.as_bytes().to_vec());
        let (wire, mut client) = harming(Fault::Truncate, &server);
        client.put("/harmed", "body");
        assert_eq!(client.rest(), answer[..answer.len() / 2]);
        assert_eq!(server.next_line(), PUT);
        told_once(wire, &Fault::Truncate, 1);
    }
}

#[test]
fn a_duplicate_is_carried_out_twice_and_the_second_answer_arrives() {
    for connection in ["close", "keep-alive"] {
        let server = numbering(connection);
        let (wire, mut client) = harming(Fault::Duplicate, &server);
        client.put("/harmed", "body");
        assert_eq!(client.answer().1, "2");
        let (first, second) = (server.next(), server.next());
        assert_eq!((&first.head, &first.body), (&second.head, &second.body));
        assert!(first.head.starts_with(PUT) && first.is_whole && second.is_whole);
        told_once(wire, &Fault::Duplicate, 1);
    }
}

/// A server whose answers are numbered from 1.
fn numbering(connection: &'static str) -> Server {
    let number = std::sync::atomic::AtomicU64::new(1);
    Server::start(move |_| {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let head =
            format!("HTTP/1.1 200 OK\r\nConnection: {connection}\r\nContent-Length: 1\r\n\r\n{number}");
        head.into_bytes()
    })
}

#[test]
fn the_server_gets_half_of_a_request_that_is_cut() {
    let chunked = "PUT /harmed HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    let lengthy = "PUT /harmed HTTP/1.1\r\nContent-Length: 7\r\n\r\n";
    for (head, body, half) in [(lengthy, "1234567", "123"), (chunked, "3\r\nabc\r\n0\r\n\r\n", "3\r\nabc")] {
        let server = Server::kind();
        let (wire, mut client) = harming(Fault::CutRequest, &server);
        client.send(format!("{head}{body}"));
        assert_eq!(client.rest(), "");
        let seen = server.next();
        assert_eq!((seen.head.as_str(), seen.body.as_slice(), seen.is_whole), (head, half.as_bytes(), false));
        passes(&wire);
        told_once(wire, &Fault::CutRequest, 2);
    }
}

#[test]
fn a_request_without_a_body_is_cut_in_its_head() {
    let server = Server::kind();
    let (wire, mut client) = harming(Fault::CutRequest, &server);
    let request = get("/harmed");
    client.send(&request);
    assert_eq!(client.rest(), "");
    let seen = server.next();
    assert_eq!((seen.head.as_str(), seen.is_whole), (&request[..request.len() / 2], false));
    told_once(wire, &Fault::CutRequest, 1);
}

#[test]
fn a_request_that_meets_silence_is_carried_out_and_its_connection_stays_open_until_the_proxy_stops() {
    let server = Server::kind();
    let (wire, mut client) = harming(Fault::Silence, &server);
    client.put("/harmed", "body");
    assert_eq!(server.next_line(), PUT);
    // What else comes on that connection is not heard; others are served.
    client.put("/unheard", "body");
    passes(&wire);
    assert_eq!(server.next_line(), GET);
    assert!(client.is_silent());
    told_once(wire, &Fault::Silence, 2);
    assert_eq!(client.rest(), "");
}

#[test]
fn faults_are_counted_by_what_they_are_and_drawn_by_method_and_path() {
    let server = Server::kind();
    let rules = vec![
        Rule::new(Fault::Unavailable, 1).methods(&["PUT"]).path_contains("/log/"),
        Rule::new(Fault::Html, 1).path_contains("/log/"),
    ];
    let wire = Wire::start(server.address.to_string(), rules, 0).expect("it starts");
    let mut client = Client::connect(wire.address());
    let mut line = |request: String| {
        client.send(request);
        client.answer().0
    };
    assert_eq!(line(crate::client::put("/log/1", "body")), "HTTP/1.1 503 Slow Down");
    assert_eq!(line(crate::client::put("/other/1", "body")), OK);
    assert_eq!(line(get("/log/1")), "HTTP/1.1 502 Bad Gateway");
    assert_eq!(line(get("/log/2")), "HTTP/1.1 502 Bad Gateway");
    wire.set_rules(Vec::new());
    assert_eq!(line(get("/log/1")), OK);
    let told = wire.told();
    let faults: Vec<_> = told.faults().iter().map(|(fault, count)| (fault.to_string(), *count)).collect();
    assert_eq!(faults, [("unavailable".to_owned(), 1), ("html".to_owned(), 2)]);
    assert_eq!((told.requests(), told.harmed()), (5, 3));
}

#[test]
fn the_same_seed_harms_the_same_requests() {
    let server = Server::kind();
    let statuses = |seed| {
        let rules = vec![Rule::new(Fault::Unavailable, 3), Rule::new(Fault::Html, 3)];
        let wire = Wire::start(server.address, rules, seed).expect("it starts");
        let mut client = Client::connect(wire.address());
        let status = |_| {
            client.send(get("/key"));
            client.answer().0
        };
        (0..40).map(status).collect::<Vec<_>>()
    };
    assert_eq!(statuses(1), statuses(1));
    assert_ne!(statuses(1), statuses(2));
}
