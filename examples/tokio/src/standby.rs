//! A second node: a standby that holds a copy of each log in memory, a little behind, and the task of a store that keeps it up.
//!
//! ```text
//! store -> standby   location: length u32 | bytes
//! standby -> store   what it has of that log: records u64 | crc32c u32 of all their bytes
//! store -> standby   1 if that is to be forgotten, or else 0: u8; then records, each length u32 | bytes
//! ```
//!
//! Nobody waits for the standby: an append is acknowledged when it is durable, whether or not there is a standby.

use asl_host::fs::FileSystem;
use asl_host::{LogSeq, Store};
use own_host::OwnStore;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

/// How long a store waits before it connects again.
const PATIENCE: Duration = Duration::from_millis(20);

/// A standby, and what it has.
#[derive(Clone, Default)]
pub struct Standby {
    /// Logs by location.
    copies: Arc<Mutex<BTreeMap<String, Vec<Vec<u8>>>>>,
}

fn crc_of(records: &[Vec<u8>]) -> u32 {
    records.iter().fold(0, |crc, record| crc32c::crc32c_append(crc, record))
}

/// Keeps the standby up with a store, from when it is opened until its handle is dropped. `durable`: changes when there is more.
pub(crate) async fn keep_up<F: FileSystem>(
    standby: SocketAddr,
    location: String,
    store: Weak<OwnStore<F>>,
    mut durable: watch::Receiver<()>,
) {
    loop {
        // Whatever ended the connection, the next one begins with what the standby has then.
        let _ = ship(standby, &location, &store, &mut durable).await;
        if store.strong_count() == 0 || durable.has_changed().is_err() {
            return;
        }
        sleep(PATIENCE).await;
    }
}

async fn ship<F: FileSystem>(
    standby: SocketAddr,
    location: &str,
    store: &Weak<OwnStore<F>>,
    durable: &mut watch::Receiver<()>,
) -> io::Result<()> {
    let from = async |seq: u64, limit: usize| {
        let store = store.upgrade().ok_or(io::ErrorKind::NotConnected)?;
        store.read(LogSeq(seq), limit).await.map_err(io::Error::other)
    };
    let mut stream = TcpStream::connect(standby).await?;
    write_bytes(&mut stream, location.as_bytes()).await?;
    stream.flush().await?;
    let (mut known, crc) = (stream.read_u64().await?, stream.read_u32().await?);
    let same: Vec<Vec<u8>> = from(1, known as usize).await?.into_iter().map(|record| record.data).collect();
    let is_other = same.len() as u64 != known || crc_of(&same) != crc;
    if is_other {
        known = 0;
    }
    stream.write_u8(is_other.into()).await?;
    loop {
        for record in from(known + 1, 16).await? {
            write_bytes(&mut stream, &record.data).await?;
            known = record.seq.0;
        }
        stream.flush().await?;
        if from(known + 1, 1).await?.is_empty() && durable.changed().await.is_err() {
            return Ok(());
        }
    }
}

impl Standby {
    /// Takes what stores send, for ever.
    ///
    /// # Errors
    ///
    /// If the address is taken.
    pub async fn serve(&self, at: SocketAddr) -> io::Result<()> {
        let listener = TcpListener::bind(at).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            let standby = self.clone();
            // A connection that ends in an error ends, and that is all.
            tokio::spawn(async move { standby.receive(stream).await });
        }
    }

    /// How many records it has.
    pub fn records(&self) -> usize {
        self.copies().values().map(Vec::len).sum()
    }

    async fn receive(&self, mut stream: TcpStream) -> io::Result<()> {
        let location = String::from_utf8(read_bytes(&mut stream).await?).map_err(io::Error::other)?;
        let copy = self.copies().get(&location).cloned().unwrap_or_default();
        stream.write_u64(copy.len() as u64).await?;
        stream.write_u32(crc_of(&copy)).await?;
        stream.flush().await?;
        if stream.read_u8().await? == 1 {
            self.copies().remove(&location);
        }
        loop {
            let record = read_bytes(&mut stream).await?;
            self.copies().entry(location.clone()).or_default().push(record);
        }
    }

    fn copies(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Vec<u8>>>> {
        self.copies.lock().expect("nothing panics while it is held")
    }
}

async fn write_bytes(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_u32(bytes.len() as u32).await?;
    stream.write_all(bytes).await
}

async fn read_bytes(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; stream.read_u32().await? as usize];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}
