//! The lines of the driver protocol, version 1: what is asked, what is answered, and which answers are none.
//!
//! `docs/reference/driver-protocol.md` has the protocol in words. A request is one JSON object on a line, an answer too. What an answer
//! has beyond what is expected is ignored, so that hosts may say more than a version of this program knows.

use asl_host::{Capabilities, Code, Durability, ErrorKind, Exclusion, LogSeq, Record};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version that is spoken.
pub(super) const VERSION: u32 = 1;
/// Longest line, in bytes, without its end.
pub(super) const LINE_LEN_MAX: usize = 16 << 20;
/// Characters of a line that are shown where it is complained about.
const SHOWN: usize = 120;

/// Something that is asked.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Request<'a> {
    Hello {
        protocol: u32,
        root: &'a str,
    },
    CreateStore {
        location: &'a str,
    },
    OpenStore {
        location: &'a str,
    },
    DestroyStore {
        location: &'a str,
    },
    CloseStore {
        store: u64,
    },
    Append {
        store: u64,
        data: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        expected: Option<u64>,
    },
    Flush {
        store: u64,
    },
    DurableUpto {
        store: u64,
    },
    Read {
        store: u64,
        from: u64,
        limit: u64,
    },
    CreateBlock {
        store: u64,
    },
    WriteBlock {
        store: u64,
        block: &'a str,
        data: String,
    },
    SealBlock {
        store: u64,
        block: &'a str,
    },
    ReadBlock {
        store: u64,
        block: &'a str,
    },
    ListBlocks {
        store: u64,
    },
    CreateSnapshot {
        store: u64,
    },
    MountSnapshot {
        store: u64,
        snapshot: &'a str,
    },
    ListSnapshots {
        store: u64,
    },
    DeleteSnapshot {
        store: u64,
        snapshot: &'a str,
    },
    Now,
    Identity,
}

#[derive(Serialize)]
struct Line<'a> {
    id: u64,
    #[serde(flatten)]
    request: &'a Request<'a>,
}

impl Request<'_> {
    /// The line that asks it, with its end.
    pub(super) fn line(&self, id: u64) -> Vec<u8> {
        let mut line = serde_json::to_vec(&Line { id, request: self }).expect("a request is plain data");
        line.push(b'\n');
        line
    }
}

/// Bytes as they stand in lines.
pub(super) fn encoded(data: &[u8]) -> String {
    STANDARD.encode(data)
}

/// An answer, without what it answers.
pub(super) type Answer = Result<Value, Refusal>;

/// An error that a host reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) kind: ErrorKind,
    pub(super) message: String,
}

/// Reads a line: which request it answers, and how. Or what is wrong with it, in words that fit "the host said ...".
pub(super) fn read(line: &[u8]) -> Result<(u64, Answer), String> {
    let value: Value =
        serde_json::from_slice(line).map_err(|_| format!("a line that is not JSON: {}", shown(line)))?;
    let id = value.get("id").and_then(Value::as_u64);
    let id = id.ok_or_else(|| format!("a line without the id of a request: {}", shown(line)))?;
    match (value.get("ok"), value.get("err")) {
        (Some(ok), None) => Ok((id, Ok(ok.clone()))),
        (None, Some(err)) => match refusal(err) {
            Ok(refusal) => Ok((id, Err(refusal))),
            Err(why) => Err(format!("{why}: {}", shown(line))),
        },
        _ => Err(format!("a line with neither \"ok\" nor \"err\", or both: {}", shown(line))),
    }
}

fn refusal(err: &Value) -> Result<Refusal, String> {
    let text = |name| err.get(name).and_then(Value::as_str);
    let code = text("code").and_then(|name| CODES.iter().find(|code| code.as_str() == name));
    let code = *code.ok_or("an error without one of the codes of the specification")?;
    let kind = match text("kind") {
        None if err.get("kind").is_some_and(|kind| !kind.is_null()) => {
            return Err("an error whose kind is no text".to_owned());
        }
        None => usual_kind(code),
        Some(name) => KINDS
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(kind, _)| *kind)
            .ok_or("an error of an unknown kind")?,
    };
    if kind.code() != code {
        return Err(format!("an error of a kind that has the code {}, not {code}", kind.code()));
    }
    Ok(Refusal { kind, message: text("message").unwrap_or_default().to_owned() })
}

const CODES: [Code; 4] = [Code::Exists, Code::NotFound, Code::IoError, Code::ConcurrentModification];

/// What kinds of errors are called in lines.
const KINDS: [(ErrorKind, &str); 10] = [
    (ErrorKind::Exists, "exists"),
    (ErrorKind::NotFound, "not-found"),
    (ErrorKind::ConcurrentModification, "concurrent-modification"),
    (ErrorKind::Io, "io"),
    (ErrorKind::Corrupt, "corrupt"),
    (ErrorKind::ReadOnly, "read-only"),
    (ErrorKind::Unsupported, "unsupported"),
    (ErrorKind::NoSpace, "no-space"),
    (ErrorKind::Closed, "closed"),
    (ErrorKind::TooLarge, "too-large"),
];

fn usual_kind(code: Code) -> ErrorKind {
    match code {
        Code::Exists => ErrorKind::Exists,
        Code::NotFound => ErrorKind::NotFound,
        Code::ConcurrentModification => ErrorKind::ConcurrentModification,
        Code::Ok | Code::IoError => ErrorKind::Io,
    }
}

/// A line, or its beginning, for people.
pub(super) fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(&line[..line.len().min(SHOWN)]);
    let text: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if line.len() > SHOWN { format!("{text:?}... ({} bytes)", line.len()) } else { format!("{text:?}") }
}

#[derive(Deserialize)]
pub(super) struct Nothing {}

#[derive(Deserialize)]
pub(super) struct StoreNumber {
    pub(super) store: u64,
}

#[derive(Deserialize)]
pub(super) struct Seq {
    pub(super) seq: u64,
}

#[derive(Deserialize)]
pub(super) struct Durable {
    pub(super) durable: u64,
}

#[derive(Deserialize)]
pub(super) struct Records {
    pub(super) records: Vec<Encoded>,
}

#[derive(Deserialize)]
pub(super) struct Encoded {
    seq: u64,
    data: Base64,
}

impl From<Encoded> for Record {
    fn from(Encoded { seq, data }: Encoded) -> Record {
        Record { seq: LogSeq(seq), data: data.0 }
    }
}

/// Bytes that are read from base64.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Base64(pub(super) Vec<u8>);

impl TryFrom<String> for Base64 {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Base64, base64::DecodeError> {
        STANDARD.decode(text).map(Base64)
    }
}

#[derive(Deserialize)]
pub(super) struct Data {
    pub(super) data: Base64,
}

#[derive(Deserialize)]
pub(super) struct Block {
    pub(super) block: String,
}

#[derive(Deserialize)]
pub(super) struct Blocks {
    pub(super) blocks: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Snapshot {
    pub(super) snapshot: String,
}

#[derive(Deserialize)]
pub(super) struct Snapshots {
    pub(super) snapshots: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Now {
    pub(super) now: u64,
}

#[derive(Deserialize)]
pub(super) struct Identity {
    pub(super) identity: String,
}

/// The answer to `hello`.
#[derive(Deserialize)]
pub(super) struct Hello {
    capabilities: Offer,
}

#[derive(Deserialize)]
struct Offer {
    durability: When,
    exclusion: How,
    snapshots: bool,
    blocks: bool,
    append_unit: u32,
    max_record_len: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum When {
    Append,
    Flush,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum How {
    Refuse,
    Fence,
}

impl From<Hello> for Capabilities {
    fn from(Hello { capabilities: offer }: Hello) -> Capabilities {
        Capabilities {
            durability: match offer.durability {
                When::Append => Durability::OnAppend,
                When::Flush => Durability::OnFlush,
            },
            exclusion: match offer.exclusion {
                How::Refuse => Exclusion::Refuse,
                How::Fence => Exclusion::Fence,
            },
            blocks: offer.blocks,
            snapshots: offer.snapshots,
            append_unit: offer.append_unit,
            max_record_len: offer.max_record_len,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_line() {
        let line = Request::Append { store: 1, data: encoded(b"hello"), expected: None }.line(7);
        assert_eq!(line, b"{\"id\":7,\"op\":\"append\",\"store\":1,\"data\":\"aGVsbG8=\"}\n");
        assert_eq!(Request::Now.line(1), b"{\"id\":1,\"op\":\"now\"}\n");
    }

    #[test]
    fn an_answer_is_read() {
        assert_eq!(read(b"{\"id\":7,\"ok\":{\"seq\":3}}"), Ok((7, Ok(serde_json::json!({"seq": 3})))));
        let err =
            br#"{"id":8,"err":{"code":"STORE_IO_ERROR","kind":"no-space","message":"append: no space"}}"#;
        let refusal = Refusal { kind: ErrorKind::NoSpace, message: "append: no space".to_owned() };
        assert_eq!(read(err), Ok((8, Err(refusal))));
        let err = br#"{"id":8,"err":{"code":"STORE_EXISTS"}}"#;
        assert_eq!(
            read(err).map(|(_, answer)| answer.map_err(|refusal| refusal.kind)),
            Ok(Err(ErrorKind::Exists))
        );
    }

    #[test]
    fn what_is_no_answer_is_told_with_its_line() {
        for (line, part) in [
            ("ready!", "not JSON: \"ready!\""),
            ("", "not JSON"),
            ("[1]", "without the id"),
            (r#"{"id":-1,"ok":{}}"#, "without the id"),
            (r#"{"id":1}"#, "neither"),
            (r#"{"id":1,"ok":{},"err":{"code":"STORE_EXISTS"}}"#, "or both"),
            (r#"{"id":1,"err":{"code":"STORE_OK"}}"#, "one of the codes"),
            (
                r#"{"id":1,"err":{"code":"STORE_EXISTS","kind":"io"}}"#,
                "has the code STORE_IO_ERROR, not STORE_EXISTS",
            ),
            (r#"{"id":1,"err":{"code":"STORE_IO_ERROR","kind":"odd"}}"#, "an unknown kind"),
            (r#"{"id":1,"err":{"code":"STORE_IO_ERROR","kind":4}}"#, "no text"),
        ] {
            let said = read(line.as_bytes()).expect_err(line);
            assert!(said.contains(part), "{line}: {said}");
        }
    }

    #[test]
    fn what_is_shown_of_a_line_is_short_and_has_no_control_characters() {
        let said = shown(&[b'a'; 5000]);
        assert!(said.len() < 160 && said.ends_with("(5000 bytes)"), "{said}");
        assert!(!shown(b"a\x1b[31m\xff").contains('\x1b'));
    }
}
