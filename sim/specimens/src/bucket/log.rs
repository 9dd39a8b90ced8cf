//! The objects of a log: how one is created, what stands where, and how the end is found.

use super::Bucket;
use super::bug::{Bug, Planted};
use super::entry::{Kind, Row, encode, nonce, record};
use asl_host::ErrorKind;
use asl_host::env::Env;
use asl_mirrors::AnyEnv;
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use std::time::Duration;

/// How often a request is made until it is given up.
const ATTEMPTS_MAX: u32 = 4;

/// What the host makes its calls through, and what is wrong with it.
#[derive(Clone, Debug)]
pub(super) struct Seams {
    pub(super) bucket: Bucket,
    pub(super) env: AnyEnv,
    pub(super) planted: Planted,
}

/// What became of an entry that was to be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Put {
    Done,
    /// Another one stands there.
    Taken,
    /// Nobody knows whether it stands there.
    Lost,
}

/// What an entry is to whoever put another one under its number, or this one.
fn own_or_taken(there: &[u8], entry: &[u8]) -> Put {
    if there == entry { Put::Done } else { Put::Taken }
}

/// The object under a number.
pub(super) fn name(location: &str, number: u64) -> Path {
    Path::from(location).join(format!("{number:08}"))
}

fn checkpoints(location: &str) -> String {
    format!("{location}-checkpoints")
}

fn withdrawn(location: &str, nonce: u64) -> Path {
    Path::from(format!("{location}-withdrawn")).join(format!("{nonce:016x}"))
}

fn lives(location: &str) -> String {
    format!("{location}-lives")
}

impl Seams {
    /// An entry of this kind, which no other equals.
    pub(super) fn entry(&self, kind: Kind, number: u64, bytes: &[u8]) -> Vec<u8> {
        encode(kind, self.env.random_u64(), number, bytes)
    }

    /// Waits before a request is made again.
    async fn pause(&self) {
        self.env.sleep(Duration::from_millis(50)).await;
    }

    pub(super) async fn get(&self, name: &Path) -> Result<Option<Vec<u8>>, ErrorKind> {
        for _ in 0..ATTEMPTS_MAX {
            match async { self.bucket.get(name).await?.bytes().await }.await {
                Ok(bytes) => return Ok(Some(bytes.to_vec())),
                Err(Error::NotFound { .. }) => return Ok(None),
                Err(_) => self.pause().await,
            }
        }
        Err(ErrorKind::Io)
    }

    /// The numbers at a location that a list shows.
    async fn listed(&self, location: &str) -> Result<Vec<u64>, ErrorKind> {
        let below = Path::from(location);
        for _ in 0..ATTEMPTS_MAX {
            let all = self.bucket.list(Some(&below)).map_ok(|meta| meta.location);
            if let Ok(names) = all.try_collect::<Vec<Path>>().await {
                return Ok(names.iter().filter_map(|name| name.filename()?.parse().ok()).collect());
            }
            self.pause().await;
        }
        Err(ErrorKind::Io)
    }

    /// The last number at a location that a list shows; 0 if it shows none.
    async fn last_listed(&self, location: &str) -> Result<u64, ErrorKind> {
        Ok(self.listed(location).await?.into_iter().max().unwrap_or(0))
    }

    /// Puts bytes once.
    async fn put_once(&self, name: &Path, bytes: &[u8], mode: PutMode) -> Put {
        let options = PutOptions { mode, ..PutOptions::default() };
        match self.bucket.put_opts(name, PutPayload::from(bytes.to_vec()), options).await {
            Ok(_) => Put::Done,
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Put::Taken,
            Err(_) => Put::Lost,
        }
    }

    /// Creates an entry under a number. What stands there when the bucket says that something does, `settle` makes something of; if it
    /// makes nothing of it, the entry is put once more.
    async fn create_and(
        &self,
        location: &str,
        number: u64,
        entry: &[u8],
        settle: impl Fn(Option<Vec<u8>>) -> Option<Result<Put, ErrorKind>> + Send,
    ) -> Result<Put, ErrorKind> {
        let name = name(location, number);
        for _ in 0..ATTEMPTS_MAX {
            match self.put_once(&name, entry, PutMode::Create).await {
                Put::Done => return Ok(Put::Done),
                Put::Taken => {
                    if let Some(settled) = settle(self.get(&name).await?) {
                        return settled;
                    }
                }
                Put::Lost => {}
            }
            self.pause().await;
        }
        Err(ErrorKind::Io)
    }

    /// Creates an entry under a number, and finds out what became of it. If nothing stands there, two were at it at once, and neither did
    /// it.
    pub(super) async fn create(&self, location: &str, number: u64, entry: &[u8]) -> Result<Put, ErrorKind> {
        let settle = |there: Option<Vec<u8>>| there.map(|there| Ok(own_or_taken(&there, entry)));
        self.create_and(location, number, entry, settle).await
    }

    /// The same, taking whatever stands there for somebody else's.
    pub(super) async fn create_and_disown(
        &self,
        location: &str,
        number: u64,
        entry: &[u8],
    ) -> Result<Put, ErrorKind> {
        self.create_and(location, number, entry, |there| there.map(|_| Ok(Put::Taken))).await
    }

    /// The same, believing that something stands there when the bucket says so.
    pub(super) async fn create_and_believe(
        &self,
        location: &str,
        number: u64,
        entry: &[u8],
    ) -> Result<Put, ErrorKind> {
        let settle = |there: Option<Vec<u8>>| {
            Some(there.map(|there| own_or_taken(&there, entry)).ok_or(ErrorKind::Io))
        };
        self.create_and(location, number, entry, settle).await
    }

    /// Puts an entry under a number, whatever stands there.
    pub(super) async fn put_plainly(
        &self,
        location: &str,
        number: u64,
        entry: &[u8],
    ) -> Result<Put, ErrorKind> {
        self.overwrite(&name(location, number), entry).await.map(|()| Put::Done)
    }

    async fn overwrite(&self, name: &Path, bytes: &[u8]) -> Result<(), ErrorKind> {
        for _ in 0..ATTEMPTS_MAX {
            if self.put_once(name, bytes, PutMode::Overwrite).await == Put::Done {
                return Ok(());
            }
            self.pause().await;
        }
        Err(ErrorKind::Io)
    }

    /// Creates an entry through an open handle; `next` is where it stands then.
    pub(super) async fn add(&self, location: &str, next: &mut u64, entry: &[u8]) -> Result<Put, ErrorKind> {
        match self.planted.0 {
            Some(Bug::DisownsItsRecord) => {
                let put = self.create_and_disown(location, *next, entry).await;
                if put == Ok(Put::Taken) {
                    self.withdraw(location, entry).await?;
                }
                put
            }
            Some(Bug::PutsBehindItsOwn) => {
                let mut was_lost = false;
                for _ in 0..ATTEMPTS_MAX {
                    match self.put_once(&name(location, *next), entry, PutMode::Create).await {
                        Put::Done => return Ok(Put::Done),
                        Put::Lost => was_lost = true,
                        Put::Taken if was_lost => *next += 1,
                        Put::Taken => return self.create(location, *next, entry).await,
                    }
                }
                Err(ErrorKind::Io)
            }
            Some(Bug::GoesOnAfterLostPut) => {
                match self.put_once(&name(location, *next), entry, PutMode::Create).await {
                    Put::Taken => self.create(location, *next, entry).await,
                    put => Ok(put),
                }
            }
            Some(Bug::LivesElsewhere) => loop {
                match self.put_once(&name(location, *next), entry, PutMode::Create).await {
                    Put::Done => return Ok(Put::Done),
                    Put::Lost => return Err(ErrorKind::Io),
                    Put::Taken => match self.get(&name(location, *next)).await? {
                        // A record of an earlier life: its number is not ours.
                        Some(there) if record(&there).is_some() => *next += 1,
                        Some(_) => return Ok(Put::Taken),
                        None => self.pause().await,
                    },
                }
            },
            _ => self.create(location, *next, entry).await,
        }
    }

    /// Says that a store was closed in good order. If that fails, whoever opens it next looks twice, and that is all.
    pub(super) async fn end(&self, location: &str, next: u64) {
        let entry = self.entry(Kind::End, 0, &[]);
        let _ = self.create(location, next, &entry).await;
    }

    /// What stands at a location, as far as it can be seen.
    pub(super) async fn row(&self, location: &str) -> Result<Row, ErrorKind> {
        match self.planted.0 {
            Some(Bug::GoesOnAfterLostPut) => {
                let mut row = Row::default();
                let end = self.last_listed(location).await?;
                loop {
                    row = self.row_from(location, row, u64::MAX).await?;
                    if row.next > end {
                        return Ok(row);
                    }
                    // Nothing stands here, but behind it something does.
                    row.next += 1;
                }
            }
            Some(Bug::RemovesEntries) => {
                let last = self.last_listed(&checkpoints(location)).await?;
                let checkpoint = self.get(&name(&checkpoints(location), last)).await?;
                let mut row = checkpoint.and_then(|bytes| Row::decode(&bytes)).unwrap_or_default();
                let end = row.next;
                for number in self.listed(location).await?.into_iter().filter(|&number| number < end) {
                    if let Some(entry) = self.get(&name(location, number)).await? {
                        row.put_in_place(&entry);
                    }
                }
                self.row_from(location, row, u64::MAX).await
            }
            Some(Bug::LivesElsewhere | Bug::ListIsTruth | Bug::TakesNoTurns) => {
                let mut life = self.row_from(&lives(location), Row::default(), u64::MAX).await?;
                life.next_elsewhere = life.next;
                let is_list = self.planted.is(Bug::ListIsTruth);
                let end = if is_list { self.last_listed(location).await? } else { u64::MAX };
                self.row_from(location, Row { next: life.began, ..life }, end).await
            }
            _ => self.row_from(location, Row::default(), u64::MAX).await,
        }
    }

    /// What a row comes to with what stands behind it, up to a number or until nothing does.
    pub(super) async fn row_from(&self, location: &str, mut row: Row, end: u64) -> Result<Row, ErrorKind> {
        while row.next <= end {
            let Some(entry) = self.get(&name(location, row.next)).await? else { break };
            if self.is_withdrawn(location, &entry).await? {
                row.next += 1;
            } else {
                row.add(&entry);
            }
        }
        Ok(row)
    }

    /// Makes an entry void, if it should land after all.
    async fn withdraw(&self, location: &str, entry: &[u8]) -> Result<(), ErrorKind> {
        self.overwrite(&withdrawn(location, nonce(entry).unwrap_or(0)), b"void").await
    }

    async fn is_withdrawn(&self, location: &str, entry: &[u8]) -> Result<bool, ErrorKind> {
        if !self.planted.is(Bug::DisownsItsRecord) {
            return Ok(false);
        }
        Ok(self.get(&withdrawn(location, nonce(entry).unwrap_or(0))).await?.is_some())
    }

    /// Whether a record stands under a number.
    pub(super) async fn is_record(&self, location: &str, number: u64) -> Result<bool, ErrorKind> {
        Ok(self.get(&name(location, number)).await?.is_some_and(|entry| record(&entry).is_some()))
    }

    /// Whether somebody has opened the store since, where that stands elsewhere.
    pub(super) async fn is_opened_since(
        &self,
        location: &str,
        next_elsewhere: u64,
    ) -> Result<bool, ErrorKind> {
        Ok(self.get(&name(&lives(location), next_elsewhere)).await?.is_some())
    }

    /// What stands at a location once all has landed that was on its way there: requests take no longer, where nothing fails.
    pub(super) async fn row_later(&self, location: &str) -> Result<Row, ErrorKind> {
        self.env.sleep(Duration::from_secs(2)).await;
        self.row(location).await
    }

    /// Claims the store where its lives stand, so that a destruction that is on its way comes too late. False if somebody else was first.
    pub(super) async fn claim_life(&self, location: &str, row: &Row) -> Result<bool, ErrorKind> {
        if !matches!(self.planted.0, Some(Bug::LivesElsewhere | Bug::ListIsTruth)) {
            return Ok(true);
        }
        let claim = self.entry(Kind::Claim, u64::MAX, &[]);
        Ok(self.create(&lives(location), row.next_elsewhere, &claim).await? == Put::Done)
    }

    /// Where an entry of this kind goes, behind what stands at a location.
    pub(super) fn place(&self, kind: Kind, location: &str, row: &Row) -> (String, u64) {
        let is_elsewhere = match self.planted.0 {
            Some(Bug::TakesNoTurns) => true,
            Some(Bug::LivesElsewhere | Bug::ListIsTruth) => {
                matches!(kind, Kind::Creation | Kind::Destruction)
            }
            _ => false,
        };
        if is_elsewhere { (lives(location), row.next_elsewhere) } else { (location.to_owned(), row.next) }
    }

    /// Keeps what a row comes to as one object, and removes what it was made of.
    pub(super) async fn compact(&self, location: &str, row: &Row) {
        let name_of_all = name(&checkpoints(location), row.next - 1);
        if self.put_once(&name_of_all, &row.encode(), PutMode::Create).await == Put::Done {
            for number in 1..row.next - 1 {
                let _ = self.bucket.delete(&name(location, number)).await;
            }
        }
    }
}
