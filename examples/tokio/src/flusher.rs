//! The background task of a store: gathers what is to be appended, for a while, and makes it durable with one sync.

use asl_host::fs::FileSystem;
use asl_host::{LogSeq, Result};
use own_host::OwnStore;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;

/// How long the first one of a batch waits for others.
const LINGER: Duration = Duration::from_millis(2);
/// How many records a batch has at most.
pub(crate) const BATCH_MAX: usize = 64;

/// A record that is to be appended.
pub(crate) struct Ask {
    pub(crate) expected: Option<LogSeq>,
    pub(crate) record: Vec<u8>,
    pub(crate) answer: oneshot::Sender<Result<LogSeq>>,
}

/// Works until nobody can ask any more. `durable` is told when there is more that is.
pub(crate) async fn flusher<F: FileSystem>(
    store: Arc<OwnStore<F>>,
    mut asks: mpsc::Receiver<Ask>,
    durable: watch::Sender<()>,
) {
    while let Some(first) = asks.recv().await {
        let mut batch = vec![first];
        let full = sleep(LINGER);
        tokio::pin!(full);
        while batch.len() < BATCH_MAX {
            tokio::select! {
                ask = asks.recv() => match ask {
                    Some(ask) => batch.push(ask),
                    None => break,
                },
                () = &mut full => break,
            }
        }
        let (records, answers): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|ask| ((ask.expected, ask.record), ask.answer)).unzip();
        for (told, answer) in store.append_all(&records).await.into_iter().zip(answers) {
            // Whoever asked may have stopped waiting.
            let _ = answer.send(told);
        }
        durable.send_replace(());
    }
}
