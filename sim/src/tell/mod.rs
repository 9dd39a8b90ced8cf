//! Failures in words: the story of a history, and what a failing run is said to have broken.

pub(crate) mod failure;
pub mod story;
pub(crate) mod style;
