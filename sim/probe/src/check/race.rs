//! Requests for one key that race: one may win, and what stands there afterwards is what the winner put.
//!
//! All are sent from this process, within a few milliseconds. We go on, key after key, until there are enough of them or the time is over.
//! A request that was not answered may have won, so we blame nobody where that explains what stands there. Where all are refused and
//! nothing stands there, nobody has won and nothing is lost: S3 may refuse all with 409. We tell how often.

use super::uploads::{self, Ready};
use super::{Found, body, has_tag};
use crate::Options;
use crate::ask::{Answer, Bench, goes_on};
use crate::clock::{Stopwatch, seconds};
use crate::report::Seen;
use crate::said::{Kind, Said};
use bytes::Bytes;
use futures_util::future::join_all;
use object_store::PutMode;
use object_store::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How many completions race for a key: each needs an upload of its own first.
const COMPLETIONS: usize = 4;
/// On how many keys they do, at least and at most.
const COMPLETED_KEYS: (usize, usize) = (3, 10);
/// The length of a long body: it is under way for longer than a short one.
const LONG_LEN: usize = 256 << 10;
/// Fewer are no race.
const RACERS_MIN: usize = 2;

/// One of those that race: what it put, and what it was told.
#[derive(Debug)]
struct Racer {
    body: Bytes,
    answer: Answer<()>,
}

/// What a key's race came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    One,
    /// More than one was told that it won.
    Several(usize),
    /// Something else stands there than what a winner put.
    NotTheWinners,
    /// All were refused, and nothing was changed.
    Nobody,
    /// Answers are missing.
    Unclear,
}

fn judge(racers: &[Racer], stands: Option<&Bytes>, before: Option<&Bytes>) -> Outcome {
    let mut winners = racers.iter().filter(|racer| racer.answer.is_ok());
    let unanswered = |racer: &&Racer| racer.answer.as_ref().is_err_and(|said| !said.is(Kind::Refused));
    let is_of = |racer: &Racer| Some(&racer.body) == stands;
    match winners.clone().count() {
        0 if stands == before && racers.iter().any(|racer| unanswered(&racer)) => Outcome::Unclear,
        0 if stands == before => Outcome::Nobody,
        0 if racers.iter().filter(unanswered).any(is_of) => Outcome::One,
        1 if winners.any(is_of) => Outcome::One,
        0 | 1 => Outcome::NotTheWinners,
        several => Outcome::Several(several),
    }
}

/// The races for key after key, and what they came to.
///
/// Some servers are slow where many contend for a key. If there would be too few keys in the time that is left, fewer race for the next.
#[derive(Debug)]
struct Races {
    watch: Stopwatch,
    time_max: Duration,
    /// On how many keys it must be seen that one wins, and on how many we race.
    keys_least: usize,
    keys_most: usize,
    /// How many race for the next key.
    racers: usize,
    /// How many have raced for a key, at least and at most.
    raced: Option<(usize, usize)>,
    keys: usize,
    one: usize,
    several: Vec<usize>,
    not_the_winners: usize,
    nobody: usize,
}

impl Races {
    fn new(options: &Options, racers: usize, (keys_least, keys_most): (usize, usize)) -> Races {
        let time_max = options.race_time_max;
        let watch = Stopwatch::bounded(time_max);
        let (raced, several) = (None, Vec::new());
        let (racers, keys_least) = (racers.max(RACERS_MIN), keys_least.min(keys_most));
        Races {
            watch,
            time_max,
            keys_least,
            keys_most,
            racers,
            raced,
            keys: 0,
            one: 0,
            several,
            not_the_winners: 0,
            nobody: 0,
        }
    }

    /// The number of the next key, if there is one.
    fn next(&self, bench: &Bench) -> Option<usize> {
        (self.keys < self.keys_most && goes_on(bench, &self.watch)).then_some(self.keys)
    }

    /// Adds what a key's race came to, which took so long.
    fn add(&mut self, outcome: Outcome, took: Duration) {
        self.keys += 1;
        let (fewest, most) = self.raced.unwrap_or((self.racers, self.racers));
        self.raced = Some((fewest.min(self.racers), most.max(self.racers)));
        match outcome {
            Outcome::One => self.one += 1,
            Outcome::Several(winners) => self.several.push(winners),
            Outcome::NotTheWinners => self.not_the_winners += 1,
            Outcome::Nobody => self.nobody += 1,
            Outcome::Unclear => {}
        }
        let left = self.time_max.saturating_sub(self.watch.elapsed());
        let keys_left = u32::try_from(self.keys_least.saturating_sub(self.keys)).unwrap_or(u32::MAX);
        // By half of the time that is left: rounds differ much.
        if took.saturating_mul(keys_left) > left / 2 {
            self.racers = (self.racers / 2).max(RACERS_MIN);
        }
    }

    fn is_broken(&self) -> bool {
        !self.several.is_empty() || self.not_the_winners > 0
    }

    fn unclear(&self) -> usize {
        self.keys - self.one - self.several.len() - self.not_the_winners - self.nobody
    }

    fn seen(&self) -> Seen {
        let Some((fewest, most)) = self.raced else {
            return Seen::unknown("not finished: no key was raced for");
        };
        let (keys, racers, took) = (self.keys, range(fewest, most), seconds(self.watch.elapsed()));
        let mut parts = Vec::new();
        if let (Some(fewest), Some(most)) = (self.several.iter().min(), self.several.iter().max()) {
            let won = range(*fewest, *most);
            parts.push(format!("{won} of {racers} won on {} of {keys} keys", self.several.len()));
        }
        if self.not_the_winners > 0 {
            let lost = self.not_the_winners;
            parts.push(format!("something else than the winner's stands on {lost} of {keys} keys"));
        }
        if !parts.is_empty() {
            return Seen::broken(parts.join("; "));
        }
        parts.push(format!("one of {racers} won on {} of {keys} keys, in {took}", self.one));
        if self.nobody > 0 {
            parts.push(format!("on {} all were refused", self.nobody));
        }
        if self.unclear() > 0 {
            parts.push(format!("on {} an answer was missing", self.unclear()));
        }
        if self.one + self.nobody < self.keys_least {
            parts.insert(0, format!("not finished: {} keys are the least", self.keys_least));
            return Seen::unknown(parts.join("; "));
        }
        Seen::kept(parts.join("; "))
    }

    /// What was seen before a round that could not be judged: that something is broken stays true.
    fn cut_short(&self, said: Said) -> Found {
        match self.keys {
            0 => Err(said),
            _ if self.is_broken() => Ok(self.seen()),
            _ => Ok(Seen::unknown(format!("{said}; before: {}", self.seen().seen))),
        }
    }
}

fn range(fewest: usize, most: usize) -> String {
    if fewest == most { most.to_string() } else { format!("{fewest} to {most}") }
}

/// Puts the same key from several tasks at once. That a request cannot be made at all is an error.
///
/// For every second key the first of them has a longer body. Its request is under way longer than those of the others take, so that a
/// server that tests the condition when a request begins, and not when it ends, lets two of them win.
async fn contend(
    bench: &Arc<Bench>,
    key: &Path,
    mode: &PutMode,
    (number, racers): (usize, usize),
) -> Answer<Vec<Racer>> {
    let racing = (0..racers).map(|racer| {
        let is_long = racer == 0 && number % 2 == 1;
        let body = if is_long { long_body() } else { body(&format!("{racer:03}")) };
        let (bench, key, mode) = (bench.clone(), key.clone(), mode.clone());
        tokio::spawn(async move {
            let answer = bench.put_in_crowd(&key, &body, mode).await.map(|_| ());
            Racer { body, answer }
        })
    });
    arrived(join_all(racing.collect::<Vec<_>>()).await)
}

fn long_body() -> Bytes {
    let mut long = body("long").to_vec();
    long.resize(LONG_LEN, b'.');
    Bytes::from(long)
}

fn arrived(racers: Vec<Result<Racer, tokio::task::JoinError>>) -> Answer<Vec<Racer>> {
    let arrived = |racer: Result<Racer, _>| racer.map_err(|_| Said::new(Kind::Failed, "a racer panicked"));
    let racers: Vec<Racer> = racers.into_iter().map(arrived).collect::<Answer<_>>()?;
    for racer in &racers {
        match &racer.answer {
            Err(said) if said.is(Kind::Unable) || said.is(Kind::Stopped) => return Err(said.clone()),
            _ => {}
        }
    }
    // If nobody was as much as refused, what they were told is the finding.
    let judged = |racer: &Racer| racer.answer.as_ref().err().is_none_or(|said| said.is(Kind::Refused));
    if racers.iter().any(judged) {
        return Ok(racers);
    }
    Err(racers.into_iter().find_map(|racer| racer.answer.err()).unwrap_or_else(Said::stopped))
}

/// Creates one key at once, key after key.
pub(crate) async fn creates(bench: &Arc<Bench>, options: &Options) -> Found {
    let mut races = Races::new(options, options.racers, (options.keys, options.keys_max));
    while let Some(number) = races.next(bench) {
        let (key, watch) = (bench.key(&format!("create-racing/{number:04}")), Stopwatch::unbounded());
        match create_round(bench, &key, (number, races.racers)).await {
            Ok(outcome) => races.add(outcome, watch.elapsed()),
            Err(said) => return races.cut_short(said),
        }
    }
    Ok(races.seen())
}

async fn create_round(bench: &Arc<Bench>, key: &Path, race: (usize, usize)) -> Answer<Outcome> {
    let racers = contend(bench, key, &PutMode::Create, race).await?;
    let stands = bench.standing(key).await?;
    Ok(judge(&racers, stands.as_ref(), None))
}

/// Updates one key at once, with the tag that it has. Each round has a key of its own, so that what comes late of one is not in the next.
pub(crate) async fn updates(bench: &Arc<Bench>, options: &Options) -> Found {
    let mut races = Races::new(options, options.racers, (options.keys, options.keys_max));
    while let Some(number) = races.next(bench) {
        let (key, watch) = (bench.key(&format!("update-racing/{number:04}")), Stopwatch::unbounded());
        match update_round(bench, &key, (number, races.racers)).await {
            Ok(outcome) => races.add(outcome, watch.elapsed()),
            Err(said) => return races.cut_short(said),
        }
    }
    Ok(races.seen())
}

async fn update_round(bench: &Arc<Bench>, key: &Path, race: (usize, usize)) -> Answer<Outcome> {
    let before = body("before");
    let tag = bench.put(key, &before).await?;
    if !has_tag(&tag) {
        return Err(Said::unable("a PUT is answered without a tag"));
    }
    let racers = contend(bench, key, &PutMode::Update(tag), race).await?;
    let stands = bench.standing(key).await?;
    Ok(judge(&racers, stands.as_ref(), Some(&before)))
}

/// Completes uploads to one key at once.
pub(crate) async fn completions(bench: &Arc<Bench>, options: &Options) -> Found {
    let keys = (COMPLETED_KEYS.0.min(options.keys), COMPLETED_KEYS.1.min(options.keys_max));
    let mut races = Races::new(options, COMPLETIONS.min(options.racers), keys);
    while let Some(number) = races.next(bench) {
        let (key, watch) = (bench.key(&format!("complete-racing/{number:04}")), Stopwatch::unbounded());
        match complete_round(bench, &key, races.racers).await {
            Ok(outcome) => races.add(outcome, watch.elapsed()),
            Err(said) => return races.cut_short(said),
        }
    }
    Ok(races.seen())
}

async fn complete_round(bench: &Arc<Bench>, key: &Path, racers: usize) -> Answer<Outcome> {
    let mut ready = Vec::new();
    for number in 0..racers {
        let body = body(&format!("{number:03}"));
        ready.push((uploads::prepare(bench, key, &body).await?, body));
    }
    let racers = complete(bench, &ready).await?;
    let stands = bench.standing(key).await?;
    for ((ready, _), racer) in ready.iter().zip(&racers) {
        match racer.answer {
            Ok(()) => bench.forget_upload(&ready.upload),
            Err(_) => uploads::abort(bench, &ready.upload).await.unwrap_or_default(),
        }
    }
    Ok(judge(&racers, stands.as_ref(), None))
}

async fn complete(bench: &Arc<Bench>, ready: &[(Ready, Bytes)]) -> Answer<Vec<Racer>> {
    let racing = ready.iter().map(|(ready, body)| {
        let (bench, ask, body) = (bench.clone(), uploads::create_by_completion(ready), body.clone());
        tokio::spawn(async move {
            let answer = bench.request_in_crowd(ask).await.map(|_| ());
            Racer { body, answer }
        })
    });
    arrived(join_all(racing.collect::<Vec<_>>()).await)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Verdict;

    fn racers(answers: &[Answer<()>]) -> Vec<Racer> {
        let racer = |(number, answer): (usize, &Answer<()>)| Racer {
            body: Bytes::from(number.to_string()),
            answer: answer.clone(),
        };
        answers.iter().enumerate().map(racer).collect()
    }

    fn said(kind: Kind) -> Answer<()> {
        Err(Said::new(kind, ""))
    }

    #[test]
    fn a_race_is_judged_by_who_was_told_that_it_won_and_by_what_stands_there() {
        let (no, lost) = (said(Kind::Refused), said(Kind::Lost));
        let body = |number: &'static str| Some(Bytes::from_static(number.as_bytes()));
        let judged =
            |answers: &[Answer<()>], stands: Option<Bytes>| judge(&racers(answers), stands.as_ref(), None);
        assert_eq!(judged(&[Ok(()), no.clone()], body("0")), Outcome::One);
        assert_eq!(judged(&[Ok(()), no.clone()], body("1")), Outcome::NotTheWinners);
        assert_eq!(judged(&[Ok(()), no.clone()], None), Outcome::NotTheWinners);
        assert_eq!(judged(&[Ok(()), Ok(())], body("1")), Outcome::Several(2));
        assert_eq!(judged(&[no.clone(), no.clone()], None), Outcome::Nobody);
        assert_eq!(judged(&[no.clone(), no.clone()], body("0")), Outcome::NotTheWinners);
        assert_eq!(judged(&[no.clone(), lost.clone()], body("1")), Outcome::One);
        assert_eq!(judged(&[no.clone(), lost.clone()], body("0")), Outcome::NotTheWinners);
        assert_eq!(judged(&[no, lost.clone()], None), Outcome::Unclear);
        assert_eq!(judged(&[Ok(()), lost], body("1")), Outcome::NotTheWinners);
    }

    fn races(keys_least: usize) -> Races {
        Races::new(&Options::default(), 16, (keys_least, 100))
    }

    #[test]
    fn too_few_keys_are_told_as_not_finished_and_one_violation_is_enough() {
        let mut races = races(2);
        races.add(Outcome::One, Duration::ZERO);
        assert_eq!(races.seen().verdict, Verdict::Unknown);
        assert!(
            races.seen().seen.starts_with("not finished: 2 keys are the least; one of 16 won on 1 of 1 keys")
        );
        races.add(Outcome::Several(3), Duration::ZERO);
        assert_eq!(races.seen(), Seen::broken("3 of 16 won on 1 of 2 keys"));
    }

    #[test]
    fn where_a_contended_key_takes_long_fewer_race_for_the_next() {
        let mut races = races(10);
        races.add(Outcome::One, Duration::from_millis(100));
        assert_eq!(races.racers, 16);
        for racers in [8, 4, 2, 2] {
            races.add(Outcome::One, Duration::from_secs(20));
            assert_eq!(races.racers, racers);
        }
        assert!(races.seen().seen.contains("one of 2 to 16 won on 5 of 5 keys"), "{:?}", races.seen());
    }
}
