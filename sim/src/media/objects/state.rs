//! What a bucket holds, and what a change makes of it.
//!
//! Uploads that nobody completed stay. They are part of the digest only where a client can see something of them: where they take names.

use super::axioms::{Axioms, Conditions};
use super::request::When;
use crate::executor::call_log::{Contents, Survivors};
use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// An object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Object {
    pub(crate) bytes: Arc<[u8]>,
    /// Which change of the bucket made it; its entity tag.
    pub(crate) change: u64,
}

/// The bucket of a run.
#[derive(Clone, Debug)]
pub(crate) struct Objects {
    axioms: &'static Axioms,
    held: BTreeMap<String, Object>,
    /// How many changes there were.
    changes: u64,
    /// Where lists may be behind: the last changes of names, newest last, with whether the name was there before.
    recent: Vec<(String, Option<Object>)>,
    /// Where versions are kept: what each change made of a name; nothing for a mark of deletion.
    versions: BTreeMap<(String, u64), Option<Arc<[u8]>>>,
    /// Uploads that were neither completed nor aborted, by number.
    uploads: BTreeMap<u64, Upload>,
    /// How many uploads were begun.
    begun: u64,
}

/// An upload in parts.
#[derive(Clone, Debug)]
struct Upload {
    name: String,
    parts: BTreeMap<u32, Arc<[u8]>>,
}

impl Objects {
    pub(crate) fn new(axioms: &'static Axioms) -> Objects {
        Objects {
            axioms,
            held: BTreeMap::new(),
            changes: 0,
            recent: Vec::new(),
            versions: BTreeMap::new(),
            uploads: BTreeMap::new(),
            begun: 0,
        }
    }

    pub(crate) fn names_beginning_with(&self, first: &str) -> Vec<String> {
        self.held.keys().filter(|name| name.starts_with(first)).cloned().collect()
    }

    pub(crate) fn digest(&self) -> u128 {
        let takes_names = self.axioms.uploads_take_names && !self.uploads.is_empty();
        if self.held.is_empty() && self.versions.is_empty() && !takes_names {
            return 0;
        }
        let mut state = Xxh3::new();
        self.held.hash(&mut state);
        self.recent.hash(&mut state);
        self.versions.hash(&mut state);
        if takes_names {
            self.names_of_uploads().for_each(|name| name.hash(&mut state));
        }
        state.digest128()
    }

    pub(crate) fn survivors(&self, into: &mut Survivors) {
        let all: [&mut Contents; 4] =
            [&mut into.seen, &mut into.names_synced, &mut into.bytes_synced, &mut into.durable];
        for held in all {
            held.extend(self.held.iter().map(|(name, object)| (name.clone(), object.bytes.to_vec())));
        }
    }

    pub(super) fn change(&mut self, name: &str, bytes: Option<Arc<[u8]>>) -> u64 {
        self.changes += 1;
        let change = self.changes;
        if self.axioms.versioned {
            self.versions.insert((name.to_owned(), change), bytes.clone());
        }
        let before = match bytes {
            Some(bytes) => self.held.insert(name.to_owned(), Object { bytes, change }),
            None => self.held.remove(name),
        };
        if self.axioms.list_behind_max > 0 {
            self.recent.push((name.to_owned(), before));
            let behind = self.recent.len().saturating_sub(self.axioms.list_behind_max as usize);
            self.recent.drain(..behind);
        }
        change
    }

    /// Whether the condition of a put holds.
    pub(super) fn holds(&self, name: &str, when: &When) -> bool {
        match when {
            _ if self.axioms.conditions == Conditions::Ignored => true,
            When::Always => true,
            When::Absent => !self.held.contains_key(name) && !self.is_taken_by_an_upload(name),
            When::Is(change) => self.held.get(name).is_some_and(|object| object.change == *change),
        }
    }

    /// Whether a removal finds what it needs.
    pub(super) fn can_remove(&self, name: &str) -> bool {
        !self.axioms.removal_needs_one || self.held.contains_key(name) || self.is_taken_by_an_upload(name)
    }

    fn is_taken_by_an_upload(&self, name: &str) -> bool {
        self.axioms.uploads_take_names && self.names_of_uploads().any(|taken| taken == name)
    }

    /// The names of uploads of which a part was put.
    fn names_of_uploads(&self) -> impl Iterator<Item = &str> {
        let begun = self.uploads.values().filter(|upload| !upload.parts.is_empty());
        begun.map(|upload| upload.name.as_str())
    }

    pub(super) fn axioms(&self) -> &'static Axioms {
        self.axioms
    }

    /// An object, or a version of it. A mark of deletion is no object.
    pub(super) fn object(&self, name: &str, version: Option<u64>) -> Option<Object> {
        match version {
            None => self.held.get(name).cloned(),
            Some(change) => {
                let bytes = self.versions.get(&(name.to_owned(), change))?.clone()?;
                Some(Object { bytes, change })
            }
        }
    }

    /// The most changes that a list may be behind now.
    pub(super) fn behind_max(&self) -> u32 {
        self.recent.len() as u32
    }

    pub(super) fn begin_upload(&mut self, name: &str) -> u64 {
        self.begun += 1;
        self.uploads.insert(self.begun, Upload { name: name.to_owned(), parts: BTreeMap::new() });
        self.begun
    }

    /// Keeps a part, and says whether there is such an upload.
    pub(super) fn put_part(&mut self, upload: u64, number: u32, bytes: Arc<[u8]>) -> bool {
        self.uploads.get_mut(&upload).map(|upload| upload.parts.insert(number, bytes)).is_some()
    }

    /// Makes an object of an upload's first so many parts, if all of them are there; says which change did it.
    pub(super) fn complete(&mut self, upload: u64, parts: u32) -> Option<u64> {
        let there = self.uploads.get(&upload)?;
        let parts: Option<Vec<&[u8]>> =
            (0..parts).map(|number| there.parts.get(&number).map(|part| &**part)).collect();
        let bytes = parts?.concat();
        let name = self.uploads.remove(&upload)?.name;
        Some(self.change(&name, Some(bytes.into())))
    }

    pub(super) fn abort(&mut self, upload: u64) {
        self.uploads.remove(&upload);
    }

    /// The names of uploads that were neither completed nor aborted.
    pub(super) fn uploads_left(&self) -> Vec<String> {
        self.uploads.values().map(|upload| upload.name.clone()).collect()
    }

    /// What a list shows that is so many changes behind.
    pub(super) fn listed(&self, first: &str, behind: usize) -> Vec<(String, Object)> {
        let mut held: BTreeMap<&String, &Object> =
            self.held.iter().filter(|(name, _)| name.starts_with(first)).collect();
        for (name, before) in
            self.recent.iter().rev().take(behind).filter(|(name, _)| name.starts_with(first))
        {
            match before {
                Some(before) => held.insert(name, before),
                None => held.remove(name),
            };
        }
        held.into_iter().map(|(name, object)| (name.clone(), object.clone())).collect()
    }
}
