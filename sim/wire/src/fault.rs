//! What can be done to a request, and to which requests it is done.

use crate::head::Head;
use std::fmt;
use std::time::Duration;

/// One way to harm a request or its answer.
///
/// "Carried out" means: the server got the whole request, and the proxy read the whole answer before it did
/// what the fault says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The request goes on without this header, in whatever case it is written, and however often it is
    /// there. Only requests that have the header are drawn for. A server rejects a signed request if the
    /// signature covers the header.
    DropHeader(String),
    /// The request goes on after this time, even if the client has closed its connection by then. If the
    /// proxy stops first, the server never sees the request.
    Delay(Duration),
    /// The request is carried out. The client's connection closes before the first byte of the answer.
    CutAnswer,
    /// The answer is 503 with the body of S3's `SlowDown`. The server never sees the request.
    Unavailable,
    /// The answer is 502 with an HTML page, as from a load balancer. The server never sees the request.
    Html,
    /// The answer is 200 with an HTML page, as from a captive portal. The server never sees the request.
    HtmlOk,
    /// The request is carried out. The head of the answer and the first half of its body arrive, then the
    /// client's connection closes. Half of a chunked body is half of its bytes on the wire.
    ///
    /// An answer with no body arrives up to the middle of its head. So does one whose body ends with the
    /// connection, since the client could not tell half of it from the whole.
    Truncate,
    /// The request is carried out twice, one after the other. The client gets the second answer.
    Duplicate,
    /// The server gets the head of the request and the first half of its body, or half of the head if there
    /// is no body. Then both connections close.
    CutRequest,
    /// The request is carried out, and nothing is ever answered. The connection stays open until the client
    /// closes it or the proxy stops.
    Silence,
}

impl Fault {
    /// The faults that have no parameter, each with its name on the command line, which is also what it
    /// displays as.
    pub const NAMED: [(&'static str, Fault); 8] = [
        ("cut-answer", Fault::CutAnswer),
        ("unavailable", Fault::Unavailable),
        ("html", Fault::Html),
        ("html-ok", Fault::HtmlOk),
        ("truncate", Fault::Truncate),
        ("duplicate", Fault::Duplicate),
        ("cut-request", Fault::CutRequest),
        ("silence", Fault::Silence),
    ];
}

impl fmt::Display for Fault {
    /// A name, and the parameter if there is one: `cut-answer`, `drop-header if-none-match`, `delay 20ms`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::DropHeader(name) => write!(formatter, "drop-header {name}"),
            Fault::Delay(time) => write!(formatter, "delay {time:?}"),
            plain => {
                let (name, _) = Fault::NAMED.iter().find(|(_, fault)| fault == plain).ok_or(fmt::Error)?;
                formatter.write_str(name)
            }
        }
    }
}

/// A fault, and the requests that it may be drawn for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What is done.
    pub fault: Fault,
    /// One in so many matching requests is drawn, on average: 1 = each, 0 = none.
    pub every: u32,
    /// After so many harmed requests the rule harms no more. `None` = no limit.
    pub times: Option<u32>,
    /// The methods it applies to, written as in a request (`PUT`). Empty = all.
    pub methods: Vec<String>,
    /// The request's target (path and query, as the client wrote and escaped it) contains this text. `None` =
    /// any target.
    pub path_contains: Option<String>,
}

impl Rule {
    /// Harms one in `every` requests, on average: 1 = each, 0 = none. The other functions narrow that.
    #[must_use]
    pub fn new(fault: Fault, every: u32) -> Rule {
        Rule { fault, every, times: None, methods: Vec::new(), path_contains: None }
    }

    /// Harms at most `times` requests. `times(1)` harms a request and lets the client's next attempt pass.
    #[must_use]
    pub fn times(self, times: u32) -> Rule {
        Rule { times: Some(times), ..self }
    }

    /// Harms only requests with one of these methods.
    #[must_use]
    pub fn methods(self, methods: &[&str]) -> Rule {
        Rule { methods: methods.iter().map(|method| (*method).to_owned()).collect(), ..self }
    }

    /// Harms only requests whose target contains `text`.
    #[must_use]
    pub fn path_contains(self, text: &str) -> Rule {
        Rule { path_contains: Some(text.to_owned()), ..self }
    }

    /// Whether the rule speaks of this request.
    pub(crate) fn matches(&self, head: &Head) -> bool {
        let method = head.method();
        let has_method = self.methods.is_empty() || self.methods.iter().any(|one| one.as_bytes() == method);
        let has_path = self.path_contains.as_ref().is_none_or(|text| head.target().contains(text));
        let has_header = match &self.fault {
            Fault::DropHeader(name) => !frames_body(name) && head.values(name).next().is_some(),
            _ => true,
        };
        has_method && has_path && has_header
    }
}

fn frames_body(name: &str) -> bool {
    ["content-length", "transfer-encoding"].iter().any(|one| name.eq_ignore_ascii_case(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_displays_as_its_name() {
        for (name, fault) in Fault::NAMED {
            assert_eq!(fault.to_string(), name);
        }
        assert_eq!(Fault::DropHeader("if-match".to_owned()).to_string(), "drop-header if-match");
        assert_eq!(Fault::Delay(Duration::from_millis(20)).to_string(), "delay 20ms");
    }
}
