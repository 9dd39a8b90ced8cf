//! The host's clock and its name, which are objects below the host's root.
//!
//! A process that is asked the time takes a stretch of it: it puts the next numbered object, which says where the stretch ends. The first
//! reading takes a list, a read or two and a put; each later one takes a read, which finds that nobody has taken the next stretch since.
//! Whoever finds that somebody has takes another one. So no reading is smaller than an earlier one of another process.
//!
//! The name is drawn by whoever asks first, and put by a conditional create.

use super::requests::{Failure, Put, Requests};
use super::turn::Turns;
use crate::env::Env;
use crate::error::ErrorKind;
use object_store::ObjectStore;
use object_store::path::Path;
use std::sync::{Mutex, PoisonError};

/// A stretch of time that one process may tell.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    /// The number of its object.
    number: u64,
    last_ns: u64,
    end_ns: u64,
}

/// The clock of one process.
#[derive(Debug, Default)]
pub(super) struct Clock {
    turns: Turns,
    taken: Mutex<Option<Stretch>>,
}

/// A stretch as its object says it: the nonce of who took it, and where it ends.
fn encode(nonce: u128, end_ns: u64) -> Vec<u8> {
    let mut bytes = nonce.to_le_bytes().to_vec();
    bytes.extend_from_slice(&end_ns.to_le_bytes());
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

fn end_of(bytes: &[u8]) -> Option<u64> {
    let (content, crc) = bytes.split_last_chunk()?;
    let end = u64::from_le_bytes(content.get(16..)?.try_into().ok()?);
    (crc32c::crc32c(content) == u32::from_le_bytes(*crc)).then_some(end)
}

impl Clock {
    /// A reading, in nanoseconds since the Unix epoch as far as the wall clock is right, and always a greater one.
    pub(super) async fn now<S: ObjectStore, E: Env>(
        &self,
        requests: &Requests<S, E>,
        root: &Path,
    ) -> Result<u64, Failure> {
        let _turn = self.turns.enter().await;
        let stretches = root.clone().join("clock");
        let taken = *self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let next = match taken {
            Some(stretch) => {
                let reading =
                    requests.env.now_ns().clamp(stretch.last_ns + 1, stretch.end_ns.max(stretch.last_ns + 1));
                let is_ours = requests.get(&name(&stretches, stretch.number + 1)).await?.is_none();
                if is_ours && reading < stretch.end_ns {
                    return Ok(self.tell(Stretch { last_ns: reading, ..stretch }));
                }
                stretch.number + 1
            }
            None => requests.list(&stretches).await?.iter().filter_map(number).max().unwrap_or(1),
        };
        let stretch = take(requests, &stretches, next).await?;
        Ok(self.tell(Stretch { last_ns: stretch.last_ns + 1, ..stretch }))
    }

    fn tell(&self, stretch: Stretch) -> u64 {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = Some(stretch);
        stretch.last_ns
    }
}

/// Takes the first stretch that nobody has, from this number on.
async fn take<S: ObjectStore, E: Env>(
    requests: &Requests<S, E>,
    stretches: &Path,
    from: u64,
) -> Result<Stretch, Failure> {
    let (mut number, mut begins_ns) = (from, 0);
    if from > 1 {
        begins_ns = ends(requests, stretches, from - 1).await?.unwrap_or(0);
    }
    let nonce = requests.nonce();
    loop {
        while let Some(end_ns) = ends(requests, stretches, number).await? {
            (number, begins_ns) = (number + 1, end_ns.max(begins_ns));
        }
        let last_ns = begins_ns.max(requests.env.now_ns());
        let end_ns = last_ns.saturating_add(requests.options.clock_reserve_ns.max(2));
        match requests.put_new(&name(stretches, number), &encode(nonce, end_ns), is_stretch).await? {
            Put::Done => return Ok(Stretch { number, last_ns, end_ns }),
            Put::Taken(_) => {}
        }
    }
}

fn name(stretches: &Path, number: u64) -> Path {
    stretches.clone().join(format!("{number:020}"))
}

fn number(name: &Path) -> Option<u64> {
    name.filename()?.parse().ok()
}

fn is_stretch(bytes: &[u8]) -> bool {
    end_of(bytes).is_some()
}

async fn ends<S: ObjectStore, E: Env>(
    requests: &Requests<S, E>,
    stretches: &Path,
    number: u64,
) -> Result<Option<u64>, Failure> {
    let Some(bytes) = requests.get_whole(&name(stretches, number), is_stretch).await? else {
        return Ok(None);
    };
    let damaged = || Failure::new(ErrorKind::Corrupt, format!("stretch {number} of the clock is damaged"));
    end_of(&bytes).map(Some).ok_or_else(damaged)
}

/// The host's name.
pub(super) async fn identity<S: ObjectStore, E: Env>(
    requests: &Requests<S, E>,
    root: &Path,
) -> Result<String, Failure> {
    let name = root.clone().join("identity");
    let there = match requests.get_whole(&name, is_identity).await? {
        Some(there) => there,
        None => {
            let drawn = format!("{:032x}", requests.nonce()).into_bytes();
            match requests.put_new(&name, &drawn, is_identity).await? {
                Put::Done => drawn,
                Put::Taken(there) => there,
            }
        }
    };
    let whole = is_identity(&there).then(|| String::from_utf8_lossy(&there).into_owned());
    whole.ok_or_else(|| Failure::new(ErrorKind::Corrupt, "the host's name is damaged"))
}

/// 32 hexadecimal digits.
fn is_identity(bytes: &[u8]) -> bool {
    bytes.len() == 32 && bytes.iter().all(u8::is_ascii_hexdigit)
}
