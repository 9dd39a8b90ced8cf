//! What of something the last crash could not take, told by the files as it found them.

use super::Durability;
use crate::base::decide::Site;
use crate::executor::call_log::{Contents, Effect, What};
use crate::explain::moments::{CrashMoment, Moments};
use crate::history::Span;
use crate::scenario::CrashKind;
use std::ops::Range;

/// What of some bytes that were written in an operation a crash could not take.
pub(super) fn durability(moments: &Moments<'_>, asked: usize, data: Span, unique: bool) -> Durability {
    let Some(crash) = moments.crash().filter(|crash| crash.event > asked) else { return Durability::NoCrash };
    if !unique {
        return Durability::Unknown;
    }
    let bytes = moments.history.bytes(data);
    let find = |files: &Contents| find(files, bytes).map(|(path, _)| path.to_owned());
    let survivors = crash.survivors;
    let Some(path) = find(&survivors.seen) else { return Durability::NotWritten };
    if crash.kind == CrashKind::Kill {
        return Durability::Cached { path };
    }
    if let Some(path) = find(&survivors.durable) {
        return Durability::Durable { path };
    }
    let name = missing(&survivors.names_synced, &path);
    match (find(&survivors.bytes_synced), name) {
        (Some(path), Some(name)) => Durability::NameAtRisk { path, name },
        (None, Some(name)) => Durability::BothAtRisk { path, name },
        (_, None) => Durability::BytesAtRisk { path },
    }
}

/// The same of what the host wrote while it carried out an operation, for records that cannot be recognised; `None` if it wrote
/// nothing then.
pub(super) fn of_writes(moments: &Moments<'_>, site: Site, asked: usize) -> Option<Durability> {
    let crash = moments.crash().filter(|crash| crash.event > asked)?;
    let writes =
        moments.between(moments.entry_of(asked), crash.entry).filter_map(|(_, entry)| match &entry.what {
            What::Call(call) if call.site == site && matches!(call.effect, Effect::Writes | Effect::Puts) => {
                Some(call)
            }
            _ => None,
        });
    let written = writes.filter_map(|call| {
        let (offset, len) = (usize::try_from(call.range?.0).ok()?, call.moved?);
        (len > 0).then_some((call.path.clone(), offset..offset + len))
    });
    let states = written.map(|(path, range)| of_range(crash, path, range));
    let durable = |state: &Durability| matches!(state, Durability::Durable { .. });
    let states: Vec<Durability> = states.collect();
    states.iter().find(|state| !durable(state)).or(states.first()).cloned()
}

fn of_range(crash: &CrashMoment<'_>, path: String, range: Range<usize>) -> Durability {
    let survivors = crash.survivors;
    let Some(seen) = survivors.seen.get(&path).and_then(|content| content.get(range.clone())) else {
        return Durability::NotWritten;
    };
    let holds =
        |files: &Contents| files.get(&path).and_then(|content| content.get(range.clone())) == Some(seen);
    if crash.kind == CrashKind::Kill {
        return Durability::Cached { path };
    }
    if holds(&survivors.durable) {
        return Durability::Durable { path };
    }
    match (holds(&survivors.bytes_synced), missing(&survivors.names_synced, &path)) {
        (true, Some(name)) => Durability::NameAtRisk { path, name },
        (false, Some(name)) => Durability::BothAtRisk { path, name },
        (_, None) => Durability::BytesAtRisk { path },
    }
}

/// The file in which some bytes are, and where in it.
pub(in crate::explain) fn find<'a>(files: &'a Contents, bytes: &[u8]) -> Option<(&'a str, usize)> {
    if bytes.is_empty() {
        return None;
    }
    files.iter().find_map(|(path, content)| {
        let at = content.windows(bytes.len()).position(|window| window == bytes)?;
        Some((path.as_str(), at))
    })
}

/// The first name on the way to a file that is not there.
fn missing(files: &Contents, path: &str) -> Option<String> {
    let inner = path.match_indices('/').skip(1).map(|(at, _)| &path[..=at]);
    inner.chain([path]).find(|name| !files.contains_key(*name)).map(str::to_owned)
}

/// Of all files of the store, the first that is not durable as it is seen.
pub(super) fn store_durability(crash: &CrashMoment<'_>) -> Durability {
    const STORE: &str = "/root/store/";
    let survivors = crash.survivors;
    let mut files = survivors.seen.iter().filter(|(path, _)| path.starts_with(STORE)).peekable();
    if files.peek().is_none() {
        return Durability::NotWritten;
    }
    if crash.kind == CrashKind::Kill {
        return Durability::Cached { path: STORE.to_owned() };
    }
    for (path, content) in files {
        if survivors.durable.get(path) == Some(content) {
            continue;
        }
        let path = path.clone();
        let name = missing(&survivors.names_synced, &path);
        return match (survivors.bytes_synced.get(&path) == Some(content), name) {
            (true, Some(name)) => Durability::NameAtRisk { path, name },
            (false, Some(name)) => Durability::BothAtRisk { path, name },
            (_, None) => Durability::BytesAtRisk { path },
        };
    }
    Durability::Durable { path: STORE.to_owned() }
}
