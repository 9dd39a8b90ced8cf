//! The lines of the driver protocol, version 1, as a host's program sees them: requests that are read, answers that are written.

use asl_host::{Capabilities, Durability, ErrorKind, Exclusion, StoreError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

/// The version that is spoken.
pub(crate) const VERSION: u32 = 1;
/// Longest line, in bytes, without its end.
pub(crate) const LINE_LEN_MAX: usize = 16 << 20;

/// Something that was asked.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(crate) enum Request {
    Hello { protocol: u32, root: String },
    CreateStore { location: String },
    OpenStore { location: String },
    DestroyStore { location: String },
    CloseStore { store: u64 },
    Append { store: u64, data: Base64, expected: Option<u64> },
    Flush { store: u64 },
    DurableUpto { store: u64 },
    Read { store: u64, from: u64, limit: u64 },
    CreateBlock { store: u64 },
    WriteBlock { store: u64, block: String, data: Base64 },
    SealBlock { store: u64, block: String },
    ReadBlock { store: u64, block: String },
    ListBlocks { store: u64 },
    CreateSnapshot { store: u64 },
    MountSnapshot { store: u64, snapshot: String },
    ListSnapshots { store: u64 },
    DeleteSnapshot { store: u64, snapshot: String },
    Now,
    Identity,
}

/// Bytes that stand in a line as base64.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub(crate) struct Base64(pub(crate) Vec<u8>);

impl TryFrom<String> for Base64 {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Base64, base64::DecodeError> {
        STANDARD.decode(text).map(Base64)
    }
}

/// Bytes as they stand in lines.
pub(crate) fn encoded(data: &[u8]) -> String {
    STANDARD.encode(data)
}

/// An error of the contract, as far as a line tells it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    kind: ErrorKind,
    message: String,
}

impl Refusal {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Refusal {
        Refusal { kind, message: message.into() }
    }
}

impl From<StoreError> for Refusal {
    /// The message has the causes in it, since nobody can ask for them later.
    fn from(error: StoreError) -> Refusal {
        let mut message = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        Refusal::new(error.kind(), message)
    }
}

/// What an operation came to: the fields of `ok`, or an error.
pub(crate) type Answer = Result<Value, Refusal>;

/// Reads a line: the number of a request, and the request, or why it is none that this program knows.
///
/// Errors: a line that no answer can be given to, since it has no number.
pub(crate) fn read(line: &[u8]) -> Result<(u64, Result<Request, Refusal>), String> {
    let value: Value =
        serde_json::from_slice(line).map_err(|error| format!("a line that is not JSON: {error}"))?;
    let id = value.get("id").and_then(Value::as_u64).ok_or("a request without a number")?;
    let request = serde_json::from_value(value).map_err(|error| {
        Refusal::new(ErrorKind::Unsupported, format!("a request that is not known: {error}"))
    });
    Ok((id, request))
}

/// The line that answers a request, with its end.
pub(crate) fn line(id: u64, answer: Answer) -> Vec<u8> {
    let mut line = match answer {
        Ok(ok) => json!({ "id": id, "ok": ok }).to_string(),
        Err(refusal) => error_line(id, &refusal),
    };
    if line.len() > LINE_LEN_MAX {
        let message =
            format!("the answer has {} bytes, and a line at most {LINE_LEN_MAX}: ask for less", line.len());
        line = error_line(id, &Refusal::new(ErrorKind::Io, message));
    }
    line.push('\n');
    line.into_bytes()
}

fn error_line(id: u64, refusal: &Refusal) -> String {
    let (kind, code) = (refusal.kind, refusal.kind.code().as_str());
    let mut err = json!({ "code": code, "message": refusal.message });
    if let Some(name) = name_of(kind) {
        err["kind"] = name.into();
    }
    json!({ "id": id, "err": err }).to_string()
}

/// What a kind of error is called in lines. One that version 1 has no name for is told by its code alone.
fn name_of(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::Exists => "exists",
        ErrorKind::NotFound => "not-found",
        ErrorKind::ConcurrentModification => "concurrent-modification",
        ErrorKind::Io => "io",
        ErrorKind::Corrupt => "corrupt",
        ErrorKind::ReadOnly => "read-only",
        ErrorKind::Unsupported => "unsupported",
        ErrorKind::NoSpace => "no-space",
        ErrorKind::Closed => "closed",
        ErrorKind::TooLarge => "too-large",
        _ => return None,
    })
}

/// The answer to `hello`.
pub(crate) fn offer(name: &str, capabilities: Capabilities) -> Value {
    let Capabilities { durability, exclusion, blocks, snapshots, append_unit, max_record_len } = capabilities;
    json!({
        "name": name,
        "capabilities": {
            "durability": match durability {
                Durability::OnAppend => "append",
                Durability::OnFlush => "flush",
            },
            "exclusion": match exclusion {
                Exclusion::Refuse => "refuse",
                Exclusion::Fence => "fence",
            },
            "blocks": blocks,
            "snapshots": snapshots,
            "append_unit": append_unit,
            "max_record_len": max_record_len,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use asl_host::Operation;

    #[test]
    fn a_request_is_read_and_fields_that_are_not_known_are_ignored() {
        let line = br#"{"id":7,"op":"append","store":1,"data":"aGVsbG8=","hint":true}"#;
        let append = Request::Append { store: 1, data: Base64(b"hello".to_vec()), expected: None };
        assert_eq!(read(line), Ok((7, Ok(append))));
    }

    #[test]
    fn what_is_not_known_is_unsupported_and_what_has_no_number_cannot_be_answered() {
        for line in
            [r#"{"id":7,"op":"defragment"}"#, r#"{"id":7,"op":"append","store":1,"data":"?"}"#, r#"{"id":7}"#]
        {
            let (id, request) = read(line.as_bytes()).expect("it has a number");
            assert_eq!((id, request.expect_err(line).kind), (7, ErrorKind::Unsupported));
        }
        assert!(read(b"hello").is_err());
        assert!(read(br#"{"op":"now"}"#).is_err());
    }

    #[test]
    fn an_error_is_a_line_with_its_causes() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let error = StoreError::io(Operation::Append, "/data/log", full);
        let line = String::from_utf8(line(8, Err(error.into()))).expect("it is text");
        assert_eq!(
            line,
            "{\"err\":{\"code\":\"STORE_IO_ERROR\",\"kind\":\"no-space\",\"message\":\"append: /data/log: no space left: \
             no storage space\"},\"id\":8}\n"
        );
    }

    #[test]
    fn an_answer_that_no_line_can_hold_is_an_error_instead() {
        let told = line(1, Ok(json!({ "data": "x".repeat(LINE_LEN_MAX) })));
        assert!(told.len() < 200 && String::from_utf8_lossy(&told).contains("ask for less"));
    }
}
