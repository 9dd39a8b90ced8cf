//! What people and programs read: stories, summaries, lists, lines of JSON.

pub(crate) mod columns;
pub(crate) mod conform;
pub(crate) mod distinct;
pub(crate) mod doctor;
pub(crate) mod exercised;
pub mod explain;
pub(crate) mod explore;
pub(crate) mod failure;
pub(crate) mod github;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod layout;
pub(crate) mod progress;
pub(crate) mod specimens;
pub mod story;
pub(crate) mod style;
pub(crate) mod summary;

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The known names that are nearest to a name that is not known, best first, at most three.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut scored: Vec<(f64, &str)> =
        known.into_iter().map(|candidate| (strsim::jaro_winkler(name, candidate), candidate)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored
        .into_iter()
        .filter(|(score, _)| *score > 0.7)
        .take(3)
        .map(|(_, candidate)| candidate.to_owned())
        .collect()
}

/// Writes a file, whole or not at all; one that is there already is replaced.
///
/// # Errors
///
/// What the operating system says: then nothing has changed.
pub fn publish_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let for_all = std::fs::Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new().permissions(for_all).tempfile_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
