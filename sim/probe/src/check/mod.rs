//! The checks: one after the other, each a row. Those that race come last, since a bucket may take long over them.

mod create;
mod delete;
mod list;
mod race;
mod read;
mod sizes;
mod update;
mod uploads;
mod versions;

pub(crate) use uploads::end;
pub(crate) use versions::{Versioning, delete_version, versions};

use crate::Options;
use crate::ask::{Answer, Bench};
use crate::axioms as of;
use crate::axioms::Axiom;
use crate::clock::Stopwatch;
use crate::report::{Row, Seen};
use crate::said::Kind;
use bytes::Bytes;
use object_store::UpdateVersion;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

/// How long a check on several keys goes on to a further one.
const ROW_TIME: Duration = Duration::from_secs(10);

/// What a check came to; an error is a request that ended as none that it can judge.
pub(crate) type Found = Answer<Seen>;

/// Runs all checks, and tells each row when it is known.
pub(crate) async fn all(bench: &Arc<Bench>, options: &Options, tell: &mut dyn FnMut(&Row)) -> Vec<Row> {
    let mut rows = Rows { rows: Vec::new(), tell };
    let versioning = Versioning::of(bench).await;
    rows.add(&of::CREATE_ABSENT, create::on_absent(bench)).await;
    rows.add(&of::CREATE_PRESENT, create::on_present(bench)).await;
    rows.add(&of::CREATE_DELETED, create::on_deleted(bench)).await;
    rows.add(&of::CREATE_OVER_MARKER, versions::create_over_marker(bench, &versioning)).await;
    rows.add(&of::UPDATE_CURRENT, update::current(bench)).await;
    rows.add(&of::UPDATE_STALE, update::stale(bench)).await;
    rows.add(&of::UPDATE_ABSENT, update::absent(bench)).await;
    rows.add(&of::DELETE_STALE, delete::stale(bench)).await;
    rows.add(&of::READ_ABSENT, read::absent(bench)).await;
    rows.add(&of::READ_AFTER_WRITE, read::after_write(bench)).await;
    rows.add(&of::HEAD_AFTER_WRITE, read::head_after_write(bench)).await;
    rows.add(&of::READ_AFTER_OVERWRITE, read::after_overwrite(bench)).await;
    rows.add(&of::READ_AFTER_DELETE, read::after_delete(bench)).await;
    rows.add(&of::READ_RANGE, sizes::range(bench)).await;
    rows.add(&of::LIST_ANSWERS, list::answers(bench)).await;
    rows.add(&of::LIST_AFTER_WRITE, list::after_write(bench)).await;
    rows.add(&of::LIST_AFTER_DELETE, list::after_delete(bench)).await;
    rows.add(&of::LIST_PAGES, list::pages(bench)).await;
    rows.add(&of::EMPTY_OBJECT, sizes::empty(bench)).await;
    rows.add(&of::LARGE_OBJECT, sizes::large(bench)).await;
    rows.add(&of::VERSIONING, ready(versions::on(&versioning))).await;
    rows.add(&of::OVERWRITE_KEEPS_VERSION, versions::overwrite_keeps(bench, &versioning)).await;
    rows.add(&of::DELETE_LEAVES_MARKER, versions::delete_leaves_marker(bench, &versioning)).await;
    rows.add(&of::UPLOAD_LISTED, uploads::listed(bench)).await;
    rows.add(&of::UPLOAD_ABORTED, uploads::aborted(bench)).await;
    rows.add(&of::COMPLETE_PRESENT, uploads::complete_present(bench)).await;
    rows.add(&of::COMPLETE_RACING, race::completions(bench, options)).await;
    rows.add(&of::CREATE_RACING, race::creates(bench, options)).await;
    rows.add(&of::UPDATE_RACING, race::updates(bench, options)).await;
    rows.rows
}

struct Rows<'a> {
    rows: Vec<Row>,
    tell: &'a mut dyn FnMut(&Row),
}

impl Rows<'_> {
    async fn add(&mut self, axiom: &'static Axiom, check: impl Future<Output = Found>) {
        let watch = Stopwatch::unbounded();
        let seen = check.await.unwrap_or_else(|said| Seen::of(&said));
        let row = seen.row(axiom, watch.elapsed_ms());
        (self.tell)(&row);
        self.rows.push(row);
    }
}

/// A body that no other has.
fn body(name: &str) -> Bytes {
    use asl_host::env::{Env, OsEnv};
    Bytes::from(format!("{name} {:016x}", OsEnv.random_u64()))
}

/// Judges a request that was to be refused and to change nothing.
fn refusal<T>(answer: Answer<T>, as_before: bool) -> Found {
    match (answer, as_before) {
        (Err(said), true) if said.is(Kind::Refused) => Ok(Seen::kept(said.line)),
        (Err(said), false) if said.is(Kind::Refused) => {
            Ok(Seen::broken(format!("{said}, and carried out nevertheless")))
        }
        (Err(said), _) => Err(said),
        (Ok(_), true) => Ok(Seen::broken("accepted, and not carried out")),
        (Ok(_), false) => Ok(Seen::broken("accepted, and carried out")),
    }
}

/// Judges a request that was to be accepted: `done` is whether it was carried out.
fn acceptance<T>(answer: Answer<T>, done: bool) -> Found {
    match (answer, done) {
        (Ok(_), true) => Ok(Seen::kept("accepted")),
        (Ok(_), false) => Ok(Seen::broken("accepted, and not carried out")),
        (Err(said), _) if said.is(Kind::Refused) => Ok(Seen::broken(format!("refused: {said}"))),
        (Err(said), _) => Err(said),
    }
}

/// Whether a tag was told with which a condition can be made.
fn has_tag(version: &UpdateVersion) -> bool {
    version.e_tag.is_some() || version.version.is_some()
}
