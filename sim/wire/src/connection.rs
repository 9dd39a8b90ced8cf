//! One connection of a client: reads its requests one after the other, and does with each what the plan says.

use crate::answers::{Answer, BAD_GATEWAY, PORTAL, SLOW_DOWN};
use crate::body::{self, Broken, Framing, Kept};
use crate::fault::Fault;
use crate::request::{NoRequest, REQUEST_BODY_LEN_MAX, Request};
use crate::server::{Begun, Server};
use crate::shared::Shared;
use std::io::{self, BufReader, Write};
use std::net::{Shutdown, TcpStream};

/// A client, and the connection to the server that is kept for it.
pub(crate) struct Connection<'a> {
    client: BufReader<TcpStream>,
    server: Option<Server<'a>>,
    shared: &'a Shared,
}

/// What becomes of the client's connection after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Next,
    Close,
}

/// Why a request has no proper end. No rule asked for it.
#[derive(Debug)]
enum Trouble {
    /// There is no connection to the server.
    Unreachable(io::Error),
    /// The server broke off, or sent what is not HTTP.
    Server,
    /// The client does not take its answer.
    Client,
}

impl From<Broken> for Trouble {
    fn from(broken: Broken) -> Trouble {
        match broken {
            Broken::Source(_) => Trouble::Server,
            Broken::Sink => Trouble::Client,
        }
    }
}

type Outcome = Result<Then, Trouble>;

impl<'a> Connection<'a> {
    pub(crate) fn new(client: TcpStream, shared: &'a Shared) -> Connection<'a> {
        Connection { client: BufReader::new(client), server: None, shared }
    }

    /// Answers until the connection is to be closed, which the caller does.
    pub(crate) fn serve(mut self) {
        while self.answer_next() == Then::Next {}
    }

    fn answer_next(&mut self) -> Then {
        let request = match Request::read(&mut self.client) {
            Ok(request) => request,
            Err(NoRequest::Gone) => return Then::Close,
            Err(NoRequest::Refused(status, message)) => return self.refuse(status, &message),
        };
        let fault = self.shared.plan(|plan| plan.draw(&request.head));
        let outcome = match fault {
            None => self.pass(&request),
            Some(fault) => self.harm(&request, &fault),
        };
        outcome.unwrap_or_else(|trouble| self.end(&request, trouble))
    }

    fn harm(&mut self, request: &Request, fault: &Fault) -> Outcome {
        match fault {
            Fault::Unavailable => self.say(request, SLOW_DOWN),
            Fault::Html => self.say(request, BAD_GATEWAY),
            Fault::HtmlOk => self.say(request, PORTAL),
            Fault::DropHeader(name) => self.pass(&request.without(name)),
            Fault::Delay(time) if self.shared.wait(*time) => self.pass(request),
            Fault::Delay(_) => Ok(Then::Close),
            Fault::CutRequest => self.cut_request(request),
            Fault::Truncate => self.truncate(request),
            Fault::CutAnswer => self.carry_out(request).map(|()| Then::Close),
            Fault::Duplicate => {
                self.carry_out(request)?;
                self.pass(request)
            }
            Fault::Silence => {
                self.carry_out(request)?;
                self.hear_out();
                Ok(Then::Close)
            }
        }
    }

    /// The request goes to the server, the answer to the client.
    fn pass(&mut self, request: &Request) -> Outcome {
        let (answer, mut server) = self.begin(request)?;
        let client = self.client.get_mut();
        client.write_all(answer.head.bytes()).map_err(|_| Trouble::Client)?;
        body::copy(&mut server.reader, answer.framing, client)?;
        if answer.closes() || request.head.closes() {
            return Ok(Then::Close);
        }
        self.server = Some(server);
        Ok(Then::Next)
    }

    /// The request goes to the server, the answer nowhere.
    fn carry_out(&mut self, request: &Request) -> Result<(), Trouble> {
        let (answer, mut server) = self.begin(request)?;
        body::copy(&mut server.reader, answer.framing, &mut io::sink())?;
        if !answer.closes() {
            self.server = Some(server);
        }
        Ok(())
    }

    /// Sends a request, on the connection there is or on a new one. The caller keeps the connection if it can
    /// be used again.
    fn begin(&mut self, request: &Request) -> Result<(Begun, Server<'a>), Trouble> {
        let mut server = self.take_server()?;
        let answer = server.send(request).map_err(|_| Trouble::Server)?;
        Ok((answer, server))
    }

    fn take_server(&mut self) -> Result<Server<'a>, Trouble> {
        match self.server.take().filter(Server::is_idle) {
            Some(server) => Ok(server),
            None => Server::connect(self.shared).map_err(Trouble::Unreachable),
        }
    }

    fn cut_request(&mut self, request: &Request) -> Outcome {
        let (head, body) = request.half();
        self.take_server()?.write(head, body).map_err(|_| Trouble::Server)?;
        Ok(Then::Close)
    }

    fn truncate(&mut self, request: &Request) -> Outcome {
        let (answer, mut server) = self.begin(request)?;
        let head = answer.head.bytes();
        let mut kept = Kept::new(REQUEST_BODY_LEN_MAX);
        match answer.framing {
            Framing::Length(length @ 1..) => {
                self.give(head)?;
                body::copy(&mut server.reader, Framing::Length(length / 2), self.client.get_mut())?;
                let rest = Framing::Length(length - length / 2);
                body::copy(&mut server.reader, rest, &mut io::sink())?;
            }
            Framing::Chunked => {
                // A body that is too long to be kept is cut before half of it.
                if let Err(Broken::Source(_)) = body::copy(&mut server.reader, Framing::Chunked, &mut kept) {
                    return Err(Trouble::Server);
                }
                self.give(head)?;
                self.give(&kept.bytes[..kept.bytes.len() / 2])?;
            }
            Framing::Length(0) | Framing::UntilClose => {
                body::copy(&mut server.reader, answer.framing, &mut io::sink())?;
                self.give(&head[..head.len() / 2])?;
            }
        }
        Ok(Then::Close)
    }

    fn give(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.client.get_mut().write_all(bytes).map_err(|_| Trouble::Client)
    }

    /// Reads what else the client sends until it closes, or the proxy stops.
    fn hear_out(&mut self) {
        // However it ends, it has ended.
        drop(io::copy(&mut self.client, &mut io::sink()));
    }

    /// The proxy answers by itself.
    fn say(&mut self, request: &Request, answer: Answer<'_>) -> Outcome {
        self.give(&answer.bytes(Some(request)))?;
        Ok(if request.head.closes() { Then::Close } else { Then::Next })
    }

    /// What came is not a request; where the next one begins is not known.
    fn refuse(&mut self, status: &str, message: &str) -> Then {
        self.shared.note_unplanned();
        let answer = Answer::text(status, &format!("asl-wire: {message}\n")).bytes(None);
        // If the connection closed while the client sends, the answer could be lost. So first the client is
        // heard out.
        if self.give(&answer).is_ok() && self.client.get_ref().shutdown(Shutdown::Write).is_ok() {
            self.hear_out();
        }
        Then::Close
    }

    fn end(&mut self, request: &Request, trouble: Trouble) -> Then {
        match trouble {
            Trouble::Client => Then::Close,
            Trouble::Server => {
                self.shared.note_unplanned();
                Then::Close
            }
            Trouble::Unreachable(error) => {
                self.shared.note_unplanned();
                let message = format!("asl-wire: cannot connect to the server: {error}\n");
                let said = self.say(request, Answer::text("502 Bad Gateway", &message));
                said.unwrap_or(Then::Close)
            }
        }
    }
}
