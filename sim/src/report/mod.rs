//! What people and programs read: stories, summaries, lists, lines of JSON.

pub(crate) mod columns;
pub(crate) mod conform;
pub(crate) mod distinct;
pub(crate) mod doctor;
pub(crate) mod exercised;
pub mod explain;
pub(crate) mod explore;
pub(crate) mod github;
pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod progress;
pub(crate) mod specimens;
pub(crate) mod summary;

pub use crate::base::words::nearest;
pub use crate::tell::story;
