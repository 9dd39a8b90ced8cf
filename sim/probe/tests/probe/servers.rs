//! Servers on loopback that answer every request in one way, or not at all.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// What a server does with a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Does {
    /// Answers with this status line, type and body.
    Answers(&'static str, &'static str, &'static str),
    /// Never answers.
    Hangs,
    /// Closes the connection without an answer.
    Closes,
    /// Closes it in the middle of the answer.
    ClosesInTheMiddle,
}

pub(crate) struct Server {
    pub(crate) endpoint: String,
    address: std::net::SocketAddr,
    ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn new(does: Does) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        let address = listener.local_addr().expect("it has an address");
        let ending = Arc::new(AtomicBool::new(false));
        let end = ending.clone();
        let thread = Builder::new().spawn(move || serve(&listener, does, &end)).expect("there is a thread");
        Server { endpoint: format!("http://{address}"), address, ending, thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One connection after the other; those that hang are kept open.
fn serve(listener: &TcpListener, does: Does, ending: &AtomicBool) {
    let mut kept = Vec::new();
    for connection in listener.incoming() {
        if ending.load(Ordering::Relaxed) {
            return;
        }
        let Ok(mut connection) = connection else { continue };
        match does {
            Does::Hangs => kept.push(connection),
            Does::Closes => {}
            _ => answer(&mut connection, does),
        }
    }
}

fn answer(connection: &mut TcpStream, does: Does) {
    let _ = connection.set_read_timeout(Some(Duration::from_secs(2)));
    // The requests of these tests are short: the first bytes that come are all of the head, and the body is not looked at.
    let _ = connection.read(&mut [0; 16_384]);
    let text = match does {
        Does::Answers(status, kind, body) => format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ),
        _ => "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 100\r\n\r\n<Error>".to_owned(),
    };
    let _ = connection.write_all(text.as_bytes());
    let _ = connection.shutdown(std::net::Shutdown::Write);
    let _ = connection.read(&mut [0; 16_384]);
}
