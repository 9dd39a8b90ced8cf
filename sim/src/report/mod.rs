//! What people and programs read: stories, summaries, lists, lines of JSON.

pub(crate) mod columns;
#[cfg(feature = "command")]
pub(crate) mod conform;
#[cfg(feature = "command")]
pub(crate) mod distinct;
#[cfg(feature = "command")]
pub(crate) mod doctor;
pub(crate) mod exercised;
pub mod explain;
#[cfg(feature = "command")]
pub(crate) mod explore;
#[cfg(feature = "command")]
pub(crate) mod github;
pub(crate) mod json;
#[cfg(feature = "command")]
pub(crate) mod junit;
pub(crate) mod progress;
#[cfg(feature = "command")]
pub(crate) mod specimens;
#[cfg(feature = "command")]
pub(crate) mod summary;

pub use crate::base::words::nearest;
pub use crate::tell::story;
