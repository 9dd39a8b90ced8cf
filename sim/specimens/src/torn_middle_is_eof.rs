//! Specimen 13: recovery takes a bad record in the middle of a segment for the end of the log.
//!
//! Every frame carries a watermark, and the frames behind the bad one say that it was durable. Nobody asks them: the scan
//! stops at the first frame that does not fit, as it must at a torn tail, and cuts off what follows.
//!
//! Seen in arcadedb#4508. Breaks `corruption-detected`: acknowledged records are gone, and no error says so. Needs: a bit flip
//! or a lost sector in a segment that has later records (fault class `media`). That a whole segment is missing it notices.

use crate::plain::{Missing, Plain, Steps};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::FileSystem;
use std::io;

/// Its name.
pub const NAME: &str = "torn-middle-is-eof";
/// What is wrong.
pub const BUG: &str = "a bad record in the middle of a segment is taken for the end of the log";
/// The invariant that it breaks.
pub const BREAKS: &str = "corruption-detected";

#[derive(Debug, Default)]
struct Bug;

impl Steps for Bug {
    const DETECTS_DAMAGE: bool = true;

    fn records_missing(found: Missing) -> io::Result<()> {
        match found {
            Missing::WithinSegment => Ok(()),
            Missing::BeforeSegment | Missing::InSnapshot => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Plain::<F, E, Bug>::new(fs, env, root)
}
