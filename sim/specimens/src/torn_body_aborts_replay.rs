//! Specimen 11: replay reads a record's header, does not find the whole body behind it, and gives up.
//!
//! A record that was being written when the power went has every right to be torn. To this host it is an error like any
//! other: "unexpected end", and with it none of the records before it can be read either.
//!
//! Seen in samyama-graph#1335. Breaks `recovery-available`: after a crash the store cannot be opened. Needs: a torn tail, by a
//! kill in the middle of a write or by a power loss that loses a part of it. An append that fails without a crash is taken
//! back, so that no torn record is left by it.

use crate::plain::{Place, Plain, Steps, take_back};
use asl_host::Host;
use asl_host::env::Env;
use asl_host::fs::{File, FileSystem};
use std::io;

/// Its name.
pub const NAME: &str = "torn-body-aborts-replay";
/// What is wrong.
pub const BUG: &str = "a torn last record makes all earlier ones unreadable";
/// The invariant that it breaks.
pub const BREAKS: &str = "recovery-available";

#[derive(Debug, Default)]
struct Bug;

impl Steps for Bug {
    async fn end_after_failure<F: File>(&self, file: &F, place: Place, _error: &io::Error) -> Option<u64> {
        take_back(file, place).await;
        None
    }

    fn judge_rest(rest: &[u8], salt: u64) -> io::Result<()> {
        // The salt stands 8 bytes into a header.
        let is_begun = rest.get(8..16) == Some(&salt.to_le_bytes());
        if is_begun { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

/// The host in a directory that exists.
pub fn host<F: FileSystem, E: Env>(fs: F, env: E, root: &str) -> impl Host + use<F, E> {
    Plain::<F, E, Bug>::new(fs, env, root)
}
