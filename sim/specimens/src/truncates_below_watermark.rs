//! Specimen 14: recovery finds that durable records are missing, and makes the log consistent by cutting it there.
//!
//! It knows from watermarks and from later segments that there was more. "Repairing" removes the evidence: the segments that
//! do not continue the log are deleted, and the store opens with fewer records than were acknowledged.
//!
//! Seen in commonware#4116. Breaks `corruption-detected`: acknowledged records are gone, and no error says so. Needs: damage to
//! a record that later ones cover, in the same segment or in one before (fault class `media`).

use crate::plain::{Missing, Plain, Steps};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::FileSystem;
use std::io;

/// Its name.
pub const NAME: &str = "truncates-below-watermark";
/// What is wrong.
pub const BUG: &str = "recovery cuts acknowledged records away where one of them is damaged";
/// The invariant that it breaks.
pub const BREAKS: &str = "corruption-detected";

#[derive(Debug, Default)]
struct Bug;

impl Steps for Bug {
    const DETECTS_DAMAGE: bool = true;

    fn records_missing(_where: Missing) -> io::Result<()> {
        Ok(())
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Plain::<F, E, Bug>::new(fs, env, root)
}
