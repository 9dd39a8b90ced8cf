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
