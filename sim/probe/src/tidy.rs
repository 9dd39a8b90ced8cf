//! Removes what the probe put: what it noted before it wrote, and nothing else. Then looks for what stays.
//!
//! In a bucket with versions, each version and each delete marker is removed for good. Elsewhere objects are deleted; what a bucket without
//! versions keeps behind them is not seen here. A request that was given up may land after we looked.

use crate::ask::{Answer, Bench};
use crate::check::{Versioning, delete_version, end, versions};
use crate::clock::Stopwatch;
use crate::report::Tidied;
use crate::said::Said;
use futures_util::StreamExt;
use futures_util::stream::iter;
use object_store::path::Path;
use std::collections::BTreeSet;
use std::time::Duration;

/// How many requests are made at once.
const AT_ONCE: usize = 16;
const TIME_MAX: Duration = Duration::from_mins(1);
/// How many of what stays are named.
const NAMES_MAX: usize = 20;

/// Something of ours in the bucket.
enum Ours {
    Object(Path),
    Version(Path, String),
}

impl Ours {
    fn name(&self, bench: &Bench) -> String {
        match self {
            Ours::Object(key) => format!("object {}", bench.name_of(key)),
            Ours::Version(key, id) => format!("version {id} of {}", bench.name_of(key)),
        }
    }
}

pub(crate) async fn tidy(bench: &Bench) -> Tidied {
    bench.begin_to_tidy();
    let (watch, mut tidied) = (Stopwatch::bounded(TIME_MAX), Tidied::default());
    for upload in bench.uploads() {
        match end(bench, &upload).await {
            Ok(()) => tidied.removed += 1,
            Err(said) => note(&mut tidied, "to end an upload", &said),
        }
    }
    let keeps_versions =
        bench.is_s3() && matches!(Versioning::of(bench).await, Versioning::On | Versioning::Suspended);
    let ours = match ours(bench, keeps_versions).await {
        Ok(ours) => ours,
        Err(said) => {
            note(&mut tidied, "to list versions", &said);
            bench.written().into_iter().map(Ours::Object).collect()
        }
    };
    let stay = remove(bench, ours, &watch, &mut tidied).await;
    let stays = match look(bench, keeps_versions, &mut tidied).await {
        Ok(stays) => stays,
        Err(said) => {
            note(&mut tidied, "to list what stays", &said);
            stay.iter().map(|one| one.name(bench)).collect()
        }
    };
    let uploads = bench.uploads();
    let uploads = uploads.iter().map(|upload| format!("upload to {}", bench.name_of(&upload.key)));
    let stays: BTreeSet<String> = stays.into_iter().chain(uploads).collect();
    tidied.left += stays.len() as u64;
    tidied.left_names = stays.into_iter().take(NAMES_MAX).collect();
    tidied
}

/// Notes the first thing that went wrong.
fn note(tidied: &mut Tidied, what: &str, said: &Said) {
    tidied.why.get_or_insert_with(|| format!("{what}: {said}"));
}

async fn ours(bench: &Bench, keeps_versions: bool) -> Answer<Vec<Ours>> {
    let written = bench.written();
    if !keeps_versions {
        return Ok(written.into_iter().map(Ours::Object).collect());
    }
    let found = versions(bench, &format!("{}/", bench.root())).await?;
    let ours = found.into_iter().filter_map(|version| {
        let key = Path::parse(&version.key).ok().filter(|key| written.contains(key))?;
        Some(Ours::Version(key, version.id))
    });
    Ok(ours.collect())
}

/// Removes all that it can, and tries once more what it could not: a server may stumble over so many at once.
async fn remove(bench: &Bench, ours: Vec<Ours>, watch: &Stopwatch, tidied: &mut Tidied) -> Vec<Ours> {
    let mut stay = ours;
    for at_once in [AT_ONCE, 1] {
        let removals = iter(std::mem::take(&mut stay)).map(|one| async move {
            if watch.is_over() {
                return Err((one, Said::lost("there was no time left for it")));
            }
            let removed = match &one {
                Ours::Version(key, id) => delete_version(bench, key, id).await,
                Ours::Object(key) => bench.delete(key).await,
            };
            removed.map_err(|said| (one, said))
        });
        let removed: Vec<_> = removals.buffer_unordered(at_once).collect().await;
        for removal in removed {
            match removal {
                Ok(()) => tidied.removed += 1,
                Err((one, said)) => {
                    if at_once == 1 {
                        note(tidied, "to remove an object", &said);
                    }
                    stay.push(one);
                }
            }
        }
    }
    stay
}

/// The names of what stays, as the bucket shows it.
async fn look(bench: &Bench, keeps_versions: bool, tidied: &mut Tidied) -> Answer<BTreeSet<String>> {
    let mut stays = BTreeSet::new();
    let shown = bench.list(bench.root()).await?;
    for key in shown.iter().take(NAMES_MAX) {
        // A list may be behind.
        if !matches!(bench.head(key).await, Ok(None)) {
            stays.insert(Ours::Object(key.clone()).name(bench));
        }
    }
    if keeps_versions {
        let found = versions(bench, &format!("{}/", bench.root())).await?;
        let found = found.iter().filter_map(|version| Some((Path::parse(&version.key).ok()?, &version.id)));
        stays.extend(found.map(|(key, id)| Ours::Version(key, id.clone()).name(bench)));
    }
    tidied.left += shown.len().saturating_sub(NAMES_MAX) as u64;
    tidied.looked = true;
    Ok(stays)
}
