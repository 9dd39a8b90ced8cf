//! The proxy as a command.

use crate::client::{Client, get};
use crate::server::Server;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

fn asl_wire(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_asl-wire"));
    command.args(args);
    command
}

#[test]
fn it_says_where_it_listens_and_harms_what_passes() {
    let server = Server::kind();
    let args = ["--to", &server.address.to_string(), "--seed", "3", "--fault", "unavailable=1"];
    let mut child = asl_wire(&args).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    let output = child.stdout.take().expect("it has an output");
    BufReader::new(output).read_line(&mut line).expect("it says something");
    let address = line.strip_prefix("listening on ").expect("it says where").trim_end();
    let mut client = Client::connect(address.parse().expect("it is an address"));
    client.send(get("/key"));
    assert_eq!(client.answer().0, "HTTP/1.1 503 Slow Down");
    child.kill().expect("it can be killed");
    child.wait().expect("it has ended");
}

#[test]
fn bad_input_is_told_in_one_line_with_status_2() {
    for args in [&["--fault", "html"][..], &["--to", "nowhere"], &["--to", "a:1", "--fault", "frob"]] {
        let output = asl_wire(args).output().expect("it runs");
        let error = String::from_utf8(output.stderr).expect("it is text");
        assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
        assert!(output.stdout.is_empty() && error.starts_with("asl-wire: "), "{error}");
    }
}

#[test]
fn the_help_is_an_answer() {
    let output = asl_wire(&["--help"]).output().expect("it runs");
    assert!(output.status.success() && output.stdout.starts_with(b"A proxy in front of"));
}
