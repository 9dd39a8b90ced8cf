//! Why a probe could not begin: one line that a person understands, and a way out.

use crate::credentials::Missing;
use crate::said::{Kind, Note, Said};
use serde::Serialize;
use std::fmt;

/// Whose fault it is that a probe could not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusedKind {
    /// The URL, the options or the environment cannot be used: we can tell without asking a server. Status 2.
    Usage,
    /// A server was asked and is not there, or is no bucket that we may write to. Status 13.
    Unavailable,
    /// The probe was interrupted before the first answer. Status 130.
    Interrupted,
}

/// A probe that could not begin. Holds no credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Whose fault it is.
    pub kind: RefusedKind,
    /// What is wrong, in one line.
    pub line: String,
    /// What to do about it, in one line; may be empty.
    pub hint: String,
}

impl Refused {
    /// The number for the shell: those of asl-sim.
    pub fn code(&self) -> u8 {
        match self.kind {
            RefusedKind::Usage => 2,
            RefusedKind::Unavailable => 13,
            RefusedKind::Interrupted => 130,
        }
    }

    pub(crate) fn usage(line: impl Into<String>, hint: impl Into<String>) -> Refused {
        Refused { kind: RefusedKind::Usage, line: line.into(), hint: hint.into() }
    }

    pub(crate) fn unavailable(line: impl Into<String>, hint: impl Into<String>) -> Refused {
        Refused { kind: RefusedKind::Unavailable, line: line.into(), hint: hint.into() }
    }

    pub(crate) fn missing(url: &str, missing: Missing) -> Refused {
        Refused::usage(format!("{url}: {}", missing.line), missing.hint)
    }

    /// The first requests came to this. `at` is where they went.
    pub(crate) fn first_request(url: &str, at: &str, to_do: &str, said: &Said) -> Refused {
        let line = |what: String| format!("{url}: {what}");
        match (said.kind, said.note) {
            (Kind::Stopped, _) => Refused {
                kind: RefusedKind::Interrupted,
                line: line("interrupted before the first answer".to_owned()),
                hint: String::new(),
            },
            (_, Note::Html) => no_bucket(url, at, &said.line),
            (Kind::Denied, _) => Refused::unavailable(
                line(format!("may not {to_do} there: {said}")),
                "check the credentials in the environment; the probe needs the rights to put, read, list and delete",
            ),
            (Kind::Absent, _) => Refused::unavailable(
                line(format!("there is no such bucket at {at}: {said}")),
                "create the bucket, or check its name, the region and the endpoint",
            ),
            (_, Note::Unreachable) => Refused::unavailable(
                line(format!("cannot reach {at}: {said}")),
                "check that the server works, and the endpoint in the environment (AWS_ENDPOINT for S3)",
            ),
            (Kind::Lost, _) if said.line.contains("scheme is not allowed") => Refused::unavailable(
                line(format!(
                    "the client does not use http:// without being told to, and {at} is asked by it"
                )),
                "export AWS_ALLOW_HTTP=true (AZURE_ALLOW_HTTP, GOOGLE_ALLOW_HTTP)",
            ),
            (Kind::Lost, _) => Refused::unavailable(
                line(format!("no whole answer from {at}: {said}")),
                "check that a bucket's server answers there; a slow one needs a longer time for requests",
            ),
            _ if at == url => Refused::unavailable(
                line(format!("cannot {to_do} there: {said}")),
                "check that this process may write there, and that there is room",
            ),
            _ => Refused::unavailable(line(format!("cannot {to_do} at {at}: {said}")), hint_for(&said.line)),
        }
    }
}

/// Something answers, and it is no bucket.
pub(crate) fn no_bucket(url: &str, at: &str, answer: &str) -> Refused {
    Refused::unavailable(
        format!("{url}: what answers at {at} is no bucket, but a page for browsers ({answer})"),
        "check the endpoint in the environment (AWS_ENDPOINT for S3), and its port",
    )
}

fn hint_for(line: &str) -> &'static str {
    if line.contains("redirect") || line.starts_with("301") || line.starts_with("307") {
        "check the region (AWS_REGION) and the endpoint (AWS_ENDPOINT)"
    } else if line.starts_with('5') {
        "the server has trouble of its own: its log may tell more"
    } else {
        "check that this is a bucket's server, and the endpoint in the environment"
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl std::error::Error for Refused {}
