//! How a request ended that did not do what it was to do, in one short line.
//!
//! The crate's errors are long: the kind, the request with its URL, the time, the whole body. We keep the HTTP status and the code of the
//! answer, or else the innermost cause. A line never holds a URL's query, nor an answer's body: signatures and key names may stand there.

use crate::xml;
use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};
use std::fmt;

/// The longest line that we tell.
const LINE_LEN_MAX: usize = 160;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A condition did not hold (412, 409, 304).
    Refused,
    /// Nothing stands there (404).
    Absent,
    /// The server or the client has no such call (501, 405).
    Unable,
    /// 401 or 403.
    Denied,
    /// An answer that says something else.
    Failed,
    /// No answer, or half of one: whether it was done is not known.
    Lost,
    /// The probe was told to stop.
    Stopped,
}

/// What else can be told, for people who mistyped an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    Nothing,
    /// The answer was a page for browsers.
    Html,
    /// No connection could be made.
    Unreachable,
}

/// How a request ended, if not well.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) kind: Kind,
    pub(crate) line: String,
    pub(crate) note: Note,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl Said {
    pub(crate) fn new(kind: Kind, line: impl Into<String>) -> Said {
        Said { kind, line: line.into(), note: Note::Nothing }
    }

    pub(crate) fn lost(line: impl Into<String>) -> Said {
        Said::new(Kind::Lost, line)
    }

    pub(crate) fn stopped() -> Said {
        Said::new(Kind::Stopped, "interrupted")
    }

    pub(crate) fn unable(line: impl Into<String>) -> Said {
        Said::new(Kind::Unable, line)
    }

    pub(crate) fn is(&self, kind: Kind) -> bool {
        self.kind == kind
    }

    /// What an answer says that we asked for ourselves.
    pub(crate) fn of_answer(status: u16, reason: &str, body: &str) -> Said {
        let code = xml::text_of(body, "Code").map(one_line).filter(|code| !code.is_empty());
        let line = format!("{status} {}", code.as_deref().unwrap_or(reason));
        Said { kind: kind_of_status(status), line: line.trim().to_owned(), note: note_of(body) }
    }

    /// An error in the body of an answer whose status is 200.
    pub(crate) fn of_error_in_body(body: &str) -> Said {
        let code = xml::text_of(body, "Code").map(one_line).unwrap_or_default();
        let kind = match code.as_str() {
            "PreconditionFailed" | "ConditionalRequestConflict" => Kind::Refused,
            "NoSuchKey" | "NoSuchUpload" => Kind::Absent,
            "NotImplemented" | "MethodNotAllowed" => Kind::Unable,
            _ => Kind::Failed,
        };
        Said::new(kind, format!("200 with the error {code} in its body"))
    }

    /// What an error of the crate's says.
    pub(crate) fn of(error: &Error) -> Said {
        let text = error.to_string();
        if let Some(mut said) = answer_in(&text) {
            // A 404 that the crate took for a condition that failed is told as what it was, and is one.
            if matches!(error, Error::Precondition { .. } | Error::AlreadyExists { .. }) {
                said.kind = Kind::Refused;
            }
            return said;
        }
        let http = http_error(error);
        let kind = match error {
            Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotModified { .. } => {
                Kind::Refused
            }
            Error::NotFound { .. } => Kind::Absent,
            Error::NotSupported { .. } | Error::NotImplemented { .. } => Kind::Unable,
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Kind::Denied,
            _ if http.is_some() => Kind::Lost,
            _ => Kind::Failed,
        };
        let line = match kind {
            Kind::Refused => "refused".to_owned(),
            Kind::Absent => "not found".to_owned(),
            Kind::Unable => "the client has no such call".to_owned(),
            _ => innermost(error),
        };
        let unreachable = http.is_some_and(|error| error.kind() == HttpErrorKind::Connect);
        Said { kind, line, note: if unreachable { Note::Unreachable } else { note_of(&text) } }
    }

    /// Why no answer came to a request of ours.
    pub(crate) fn of_http(error: &HttpError) -> Said {
        Said::lost(innermost(error))
    }
}

/// Takes the status and the code out of the text of an error: the crate's type for them is private.
fn answer_in(text: &str) -> Option<Said> {
    if let Some((_, rest)) = text.split_once("status code: ") {
        let status = rest.get(..3)?.parse().ok()?;
        let (reason, body) = rest[3..].split_once(':').unwrap_or((&rest[3..], ""));
        return Some(Said::of_answer(status, reason.trim(), body));
    }
    text.split_once("Server returned error response: ").map(|(_, body)| Said::of_error_in_body(body))
}

fn kind_of_status(status: u16) -> Kind {
    match status {
        304 | 409 | 412 => Kind::Refused,
        401 | 403 => Kind::Denied,
        404 => Kind::Absent,
        405 | 501 => Kind::Unable,
        _ => Kind::Failed,
    }
}

fn http_error(error: &Error) -> Option<&HttpError> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(at) = cause {
        if let Some(found) = at.downcast_ref::<HttpError>() {
            return Some(found);
        }
        cause = at.source();
    }
    None
}

/// What the innermost cause of an error says.
pub(crate) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut at = error;
    while let Some(cause) = at.source() {
        at = cause;
    }
    one_line(&at.to_string())
}

fn note_of(text: &str) -> Note {
    if is_html(text) { Note::Html } else { Note::Nothing }
}

pub(crate) fn is_html(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.contains("<html") || lower.contains("<!doctype html")
}

/// A text without line ends, queries of URLs, and what is more than a line.
pub(crate) fn one_line(text: &str) -> String {
    let word = |word: &str| {
        let shown = if word.contains("://") { word.split('?').next().unwrap_or("") } else { word };
        shown.to_owned()
    };
    let line = text.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LINE_LEN_MAX {
        return line;
    }
    line.chars().take(LINE_LEN_MAX - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Error {
        Error::Precondition { path: "k".to_owned(), source: text.into() }
    }

    #[test]
    fn an_answer_is_told_by_its_status_and_its_code() {
        let text = "Error performing PUT http://h/b/k in 2ms - Server returned non-2xx status code: 412 Precondition \
                    Failed: <Error><Code>PreconditionFailed</Code><Key>AKIASECRET</Key></Error>";
        let said = Said::of(&refused(text));
        assert_eq!((said.kind, said.line.as_str()), (Kind::Refused, "412 PreconditionFailed"));
        let said = Said::of(&refused("status code: 404 Not Found: "));
        assert_eq!((said.kind, said.line.as_str()), (Kind::Refused, "404 Not Found"));
    }

    #[test]
    fn an_error_without_an_answer_is_told_by_its_innermost_cause_without_queries() {
        let source = "GET https://there/x?X-Amz-Signature=hidden\n went wrong".into();
        let said = Said::of(&Error::Generic { store: "S3", source });
        assert_eq!(said.kind, Kind::Failed);
        assert_eq!(said.line, "GET https://there/x went wrong");
    }

    #[test]
    fn an_error_in_the_body_of_a_success_is_no_success() {
        let said = Said::of_error_in_body("<Error><Code>PreconditionFailed</Code></Error>");
        assert!(said.is(Kind::Refused), "{said}");
        assert!(Said::of_error_in_body("<Error><Code>InternalError</Code></Error>").is(Kind::Failed));
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(one_line(&"x ".repeat(400)).chars().count(), LINE_LEN_MAX);
    }
}
