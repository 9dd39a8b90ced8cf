//! The first requests: whether there is a bucket at all, that we may write to and read from. What goes wrong here is told in one line;
//! what goes wrong later is a finding.

use crate::ask::Bench;
use crate::refused::{Refused, no_bucket};
use crate::said::{Kind, Note, Said, is_html};
use crate::tidy;
use bytes::Bytes;

/// Names for messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) url: &'a str,
    /// Where requests go.
    pub(crate) at: &'a str,
    /// Below which all is written.
    pub(crate) prefix: &'a str,
}

impl Place<'_> {
    fn refused(&self, to_do: &str, said: &Said) -> Refused {
        Refused::first_request(self.url, self.at, to_do, said)
    }
}

/// Puts an object and reads it. A prefix that somebody chose must be empty: we would overwrite what stands there.
pub(crate) async fn first(bench: &Bench, place: &Place<'_>, chosen: bool) -> Result<(), Refused> {
    if chosen {
        must_be_empty(bench, place).await?;
    }
    let (key, body) = (bench.key("contact"), Bytes::from_static(b"asl-sim probe"));
    if let Err(said) = bench.put(&key, &body).await {
        return Err(may_stay(place.refused("write", &said), place, &said));
    }
    let refused = match bench.standing(&key).await {
        Ok(Some(there)) if there != body && is_html(&String::from_utf8_lossy(&there)) => {
            no_bucket(place.url, place.at, "200")
        }
        Ok(_) => return Ok(()),
        Err(said) => place.refused("read", &said),
    };
    match tidy::tidy(bench).await.left {
        0 => Err(refused),
        _ => Err(may_stay(refused, place, &Said::lost(""))),
    }
}

async fn must_be_empty(bench: &Bench, place: &Place<'_>) -> Result<(), Refused> {
    let shown = bench.list(bench.root()).await.map_err(|said| place.refused("list", &said))?;
    match shown.len() {
        0 => Ok(()),
        keys => Err(Refused::usage(
            format!("{}: {keys} objects stand below it already", place.prefix),
            "choose a prefix below which nothing stands, or none",
        )),
    }
}

/// Tells that a request whose answer is missing may have left something.
fn may_stay(mut refused: Refused, place: &Place<'_>, said: &Said) -> Refused {
    if said.is(Kind::Lost) && said.note != Note::Unreachable {
        let apart = if refused.hint.is_empty() { "" } else { "; " };
        refused.hint = format!("{}{apart}an object may stand below {}", refused.hint, place.prefix);
    }
    refused
}
