//! The sentences of the contract that invariants come from, word by word as docs/spec/contract.md has them.
//!
//! The document is not a part of the program, and the program prints its sentences. So they stand here once more, and a test
//! compares the two.
//!
//! Not here: sentences that no invariant cites.

use super::Invariant;

/// Numbers and sentences, in the order of the document.
const SENTENCES: &[(&str, &str)] = &[
    ("C1.2", "A creation that was cut short leaves no store, or an empty store that can be opened."),
    (
        "C1.3",
        "After a creation that was cut short, `open_store` succeeds or says STORE_NOT_FOUND, unless a \
         fault or want of space hits that open.",
    ),
    ("C1.4", "A store whose creation was acknowledged is there until it is destroyed."),
    (
        "C1.5",
        "A store that an open has shown, or of which a creation has said STORE_EXISTS, is there until it \
         is destroyed.",
    ),
    ("C1.6", "`create_store` where there is a store fails and changes nothing."),
    ("C1.9", "`open_store` and `destroy_store` where there is no store fail with STORE_NOT_FOUND."),
    ("C1.10", "`open_store` where there is no store leaves nothing behind."),
    ("C1.11", "Closing and opening a store changes nothing of what it holds."),
    (
        "C1.12",
        "When `close` has returned success, everything that was acknowledged before the call is durable.",
    ),
    ("C1.13", "A closed handle acknowledges nothing: every operation fails with the kind `Closed`."),
    ("C1.15", "A store whose destruction was acknowledged does not come back."),
    (
        "C1.16",
        "A destruction that was cut short leaves the whole store or none, and the first open that \
         completes settles which.",
    ),
    ("C1.17", "A store that is created after a destruction holds nothing of the store before it."),
    ("C2.3", "A record is in the log whole or not at all, with exactly the bytes that were appended."),
    ("C2.4", "A record is atomic whatever the append unit is."),
    ("C2.5", "Numbers are dense: the first record has number 1, and each further one the next number."),
    (
        "C2.6",
        "A client's append has a greater number than each earlier record of that client that is still \
         there.",
    ),
    ("C2.7", "An append that returned before another one was called has the smaller number."),
    ("C2.8", "A record in doubt stands behind every record that was known when its append was called."),
    ("C2.9", "No number is given to two records."),
    ("C2.10", "A log has no hole: where there is a number, there is every number below it."),
    ("C2.11", "A log holds only records that were appended to it."),
    ("C2.12", "One append leaves at most one record."),
    ("C2.14", "`append_if` appends only if the record gets the number that the caller expects."),
    (
        "C2.15",
        "`append_if` fails with STORE_CONCURRENT_MODIFICATION only if the next number is another, or may \
         be.",
    ),
    (
        "C2.16",
        "Outside of C6.6, an append that fails with STORE_CONCURRENT_MODIFICATION, or with the kind \
         `TooLarge`, `ReadOnly` or `Unsupported`, has changed nothing: its record never shows.",
    ),
    ("C2.17", "An append of more than `max_record_len` bytes fails with the kind `TooLarge`."),
    (
        "C2.18",
        "`read` shows records in the order of their numbers, without a gap, the first being the number \
         asked for.",
    ),
    (
        "C2.20",
        "A read that shows fewer records than it was asked for has reached the end, and shows every \
         record that was known before the call, unless it may have been lost as C3.7 allows.",
    ),
    ("C3.2", "On a host that is durable on append, a record is durable when its append is acknowledged."),
    (
        "C3.3",
        "On a host that is durable on flush, an acknowledged record is durable when a `flush`, `close` or \
         `create_snapshot` that was called afterwards in the same session has returned success.",
    ),
    (
        "C3.4",
        "`flush` returns no smaller number than the last one that was known before the call, unless that \
         record may have been lost as C3.7 allows.",
    ),
    (
        "C3.5",
        "Records that `flush`, `durable_upto` or a snapshot has counted as durable survive, also those \
         that no append was told of.",
    ),
    ("C3.6", "`flush`, `durable_upto` and snapshots count no more records than there can be."),
    (
        "C3.7",
        "On a host that is durable on flush, records that are not exposed may be lost, but only together \
         with all that follow them: by a crash, or by an open after the store was not closed in good \
         order.",
    ),
    ("C3.9", "A record that was lost does not come back."),
    ("C3.11", "A record in doubt is in the log whole, or not at all; never in part, and never twice."),
    (
        "C3.12",
        "The first open that completes settles for ever whether a record in doubt is there, and so does a \
         read that shows it, or that could have shown it and does not.",
    ),
    (
        "C3.15",
        "What an open shows, it has made durable first: what a read has shown of it survives every later \
         crash.",
    ),
    ("C3.16", "On a host that is durable on append, whatever a read shows survives every later crash."),
    ("C3.17", "An exposed number never names other bytes, across any number of crashes."),
    ("C3.19", "After every crash, the log of a store that is opened is legal."),
    (
        "C4.1",
        "A host declares whether it has blocks; if not, every operation on blocks fails with the kind \
         `Unsupported`.",
    ),
    (
        "C4.2",
        "No two blocks of a store have the same identifier, across crashes and blocks that were lost, \
         too.",
    ),
    (
        "C4.3",
        "`write_block` adds bytes to the end of an open block, and the block reads as exactly what was \
         written to it.",
    ),
    (
        "C4.4",
        "After a write that failed or was given up, the block's content is undefined: its writer abandons \
         it, and it is never listed.",
    ),
    (
        "C4.5",
        "A block that is not sealed is not listed, and nobody but the handle that created it can read it.",
    ),
    ("C4.6", "A block that is not sealed is gone when the store is opened again."),
    ("C4.7", "When `seal_block` is acknowledged, the block is listed and can be read, after every crash."),
    ("C4.8", "The bytes of a sealed block never change."),
    ("C4.9", "A write to a sealed block fails with the kind `ReadOnly` and changes nothing."),
    (
        "C4.10",
        "A seal that was cut short leaves the block sealed and whole, or gone; the first open that \
         completes, or whoever sees the block, settles which.",
    ),
    ("C4.11", "A sealed block stays as long as its store does."),
    (
        "C5.1",
        "A host declares whether it has snapshots; if not, every operation on snapshots fails with the \
         kind `Unsupported`.",
    ),
    (
        "C5.3",
        "A snapshot holds at least the blocks that were sealed and the records that were known before its \
         creation was called, except records that may have been lost as C3.7 allows.",
    ),
    ("C5.4", "A snapshot holds at most what was begun before its creation returned."),
    ("C5.5", "A snapshot never holds an open block, also if that block is sealed later."),
    (
        "C5.6",
        "A snapshot shows its records from number 1 on, with the bytes that the log has, and its blocks \
         with the bytes that were sealed.",
    ),
    ("C5.7", "A snapshot shows the same each time."),
    (
        "C5.8",
        "A snapshot whose creation was acknowledged, or that was seen, stays until it is deleted, across \
         every crash.",
    ),
    ("C5.9", "A snapshot that is there can be mounted."),
    (
        "C5.10",
        "A creation that was cut short leaves a complete snapshot or none; what the first open that \
         completes does not have never appears.",
    ),
    ("C5.11", "No snapshot is listed that nobody asked for."),
    ("C5.12", "A mounted snapshot is read-only: every operation that writes fails and changes nothing."),
    ("C5.14", "A snapshot whose deletion was acknowledged, or seen, does not come back."),
    (
        "C6.2",
        "A host that refuses fails an open with STORE_CONCURRENT_MODIFICATION while the process that has \
         the store open lives.",
    ),
    ("C6.3", "A host that fences lets the newest open in."),
    (
        "C6.4",
        "On a host that fences, an append (but see C6.5), a seal, and the creation or deletion of a \
         snapshot that are called through an older handle after the newer open has returned fail with \
         STORE_CONCURRENT_MODIFICATION and change nothing.",
    ),
    (
        "C6.5",
        "On a host that fences and is durable on flush, an older handle may go on acknowledging appends \
         until its next flush, and none of these records ever shows.",
    ),
    ("C6.7", "The handle of a process that is dead, or that was closed, is in nobody's way."),
    (
        "C6.8",
        "`destroy_store` fails with STORE_CONCURRENT_MODIFICATION and changes nothing while the process \
         that asks has the store open, and on a host that refuses while any process does.",
    ),
    (
        "C6.10",
        "What a call through an older handle has exposed is there after the newer open, if the call was \
         made before that open returned.",
    ),
    ("C7.1", "`now` gives a greater reading than every reading that was given before it was called."),
    (
        "C7.2",
        "Readings of `now` grow across restarts and crashes, too, and when the clock of the machine \
         jumps.",
    ),
    ("C7.3", "`identity` gives the same answer for ever."),
    ("C8.1", "Every error carries a kind, and the code of that kind as the table in C8 has it."),
    ("C8.2", "No error has the code STORE_OK."),
    (
        "C8.3",
        "Every answer fits the state of things: no operation succeeds that must fail, and none reports \
         existence, absence or conflict where there is none.",
    ),
    ("C8.4", "An I/O fault is never told as damage."),
    ("C8.5", "An I/O fault is never told as the absence of something that is there."),
    (
        "C8.6",
        "An operation on an open store fails only if the state of things calls for it, or after a fault \
         or want of space since the open began.",
    ),
    (
        "C8.7",
        "`create_store`, `open_store` and `destroy_store` fail only if the state of things calls for it, \
         or for a fault or want of space during the call.",
    ),
    ("C8.9", "A host answers every call: it does not panic, and a program keeps to the driver protocol."),
    (
        "C8.13",
        "An operation of the host's own changes nothing of what the contract shows, and fails with `Io`, \
         `Corrupt`, `NoSpace` or `Closed` only for a cause.",
    ),
    (
        "C8.14",
        "An operation on an open store fails with STORE_CONCURRENT_MODIFICATION only if the next number \
         is another, if another process has asked for the store, or, where requests land late, if one \
         from before the session may still land. A fault alone is no cause of it.",
    ),
    (
        "C8.15",
        "A conflict (409), after which a request is to be made again, is a cause of an error only when it \
         has come three times with no other fault between them.",
    ),
    (
        "C9.1",
        "After any crash a store that is there can be opened, unless a fault or want of space hits that \
         open.",
    ),
    (
        "C9.2",
        "In the session after a crash every operation works, unless there was a fault or want of space \
         since the open began.",
    ),
    (
        "C9.3",
        "After a crash inside recovery, another recovery leads to a state that the first crash allowed.",
    ),
    (
        "C9.4",
        "After a crash inside recovery the next open succeeds, unless a fault or want of space hits it.",
    ),
    ("C9.6", "Running out of space takes nothing that must survive."),
    ("C9.7", "Once there is space again work goes on, after the store was opened again at the latest."),
    (
        "C10.2",
        "Whatever the medium did, a record, a sealed block or a mounted snapshot never reads as other \
         bytes than were written.",
    ),
    ("C10.3", "A log does not end, without an error, before a record that evidence covers."),
    ("C10.7", "Where sectors cannot be read and nothing else is wrong, no error has the kind `Corrupt`."),
    (
        "C10.8",
        "`open_store` does not say STORE_NOT_FOUND of a store that was created while evidence covers one \
         of its records, or while sectors cannot be read and nothing else is wrong.",
    ),
];

/// A sentence of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// Its number, as `C3.15`: section and place in it.
    pub number: &'static str,
    /// What it says.
    pub text: &'static str,
}

impl Invariant {
    /// The sentences of the contract that it comes from.
    ///
    /// # Panics
    ///
    /// If it cites a sentence that is not in the table. No invariant of [`INVARIANTS`](super::INVARIANTS) does.
    pub fn sentences(&self) -> impl Iterator<Item = Sentence> {
        let table = |number| SENTENCES.iter().find(|(known, _)| *known == number);
        self.sources.iter().map(move |&cited| {
            let &(number, text) = table(cited).expect("a test looks for each sentence that is cited");
            Sentence { number, text }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::INVARIANTS;
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    fn file(path: &str) -> String {
        let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn document() -> String {
        file("../docs/spec/contract.md")
    }

    /// Numbers, sentences and where they come from, as the document has them.
    fn sentences(document: &str) -> Vec<(String, String, String)> {
        let mut items: Vec<String> = Vec::new();
        let mut inside = false;
        for line in document.lines() {
            let begin = line.strip_prefix("- **");
            let is_numbered =
                |begin: &&str| begin.starts_with('C') && begin[1..].starts_with(char::is_numeric);
            if let Some(begin) = begin.filter(is_numbered) {
                items.push(begin.to_owned());
                inside = true;
            } else if inside && let Some(more) = line.strip_prefix("  ") {
                let item = items.last_mut().expect("one has begun");
                item.push(' ');
                item.push_str(more);
            } else {
                inside = false;
            }
        }
        items.iter().map(|item| parts(item)).collect()
    }

    /// `C1.1** What it says. (where it comes from)`
    fn parts(item: &str) -> (String, String, String) {
        let (number, rest) = item.split_once("** ").expect("a number and a sentence");
        let source = [" (v0.1 section", " (decision: "].iter().filter_map(|begin| rest.find(begin)).min();
        let (text, source) =
            rest.split_at(source.unwrap_or_else(|| panic!("{number} says where it comes from")));
        (number.to_owned(), text.to_owned(), source.trim().to_owned())
    }

    /// The first column of a table below a heading, and the second.
    fn table(document: &str, heading: &str) -> Vec<(String, String)> {
        let (_, section) = document.split_once(heading).expect("there is the heading");
        let rows = section.lines().skip_while(|line| !line.starts_with("|---"));
        let rows = rows.skip(1).take_while(|line| line.starts_with('|'));
        let cells = |row: &str| {
            row.trim_matches('|').split_once('|').map(|(a, b)| (a.trim().to_owned(), b.trim().to_owned()))
        };
        rows.map(|row| cells(row).expect("two columns")).collect()
    }

    #[test]
    fn every_sentence_of_the_contract_has_a_number_of_its_own_and_says_where_it_comes_from() {
        let sentences = sentences(&document());
        assert!(sentences.len() > 100, "{}", sentences.len());
        let mut known = BTreeSet::new();
        for (number, text, source) in &sentences {
            assert!(known.insert(number), "{number} stands there twice");
            assert!(text.ends_with('.') && source.ends_with(')'), "{number}: {text} {source}");
            let section = number[1..]
                .split_once('.')
                .and_then(|(section, nth)| Some((section.parse::<u32>().ok()?, nth.parse::<u32>().ok()?)));
            assert!(section.is_some(), "{number} is no number");
        }
    }

    #[test]
    fn every_sentence_that_an_invariant_cites_stands_in_the_contract_word_by_word() {
        let sentences = sentences(&document());
        for invariant in INVARIANTS {
            assert!(!invariant.sources.is_empty(), "{} cites nothing", invariant.name);
            for Sentence { number, text } in invariant.sentences() {
                let found = sentences.iter().find(|(known, ..)| known == number);
                assert_eq!(found.map(|(_, text, _)| text.as_str()), Some(text), "{number}");
            }
        }
        for (number, _) in SENTENCES {
            let cited = INVARIANTS.iter().any(|invariant| invariant.sources.contains(number));
            assert!(cited, "no invariant cites {number}");
        }
    }

    #[test]
    fn the_tables_of_the_contract_name_every_invariant_and_every_sentence() {
        let document = document();
        let cited = table(&document, "\n## Invariants\n");
        let expected: Vec<(String, String)> = INVARIANTS
            .iter()
            .map(|invariant| (format!("`{}`", invariant.name), invariant.sources.join(", ")))
            .collect();
        assert_eq!(cited, expected);
        let uncited: Vec<String> = table(&document, "\n## Sentences that no invariant cites\n")
            .into_iter()
            .map(|(number, _)| number)
            .collect();
        let expected: Vec<String> = sentences(&document)
            .into_iter()
            .map(|(number, ..)| number)
            .filter(|number| SENTENCES.iter().all(|(cited, _)| cited != number))
            .collect();
        assert_eq!(uncited, expected);
    }

    #[test]
    fn the_file_of_each_invariant_names_the_sentences_that_it_cites() {
        for Invariant { name, sources, .. } in INVARIANTS {
            let text = file(&format!("src/check/{}.rs", name.replace('-', "_")));
            let header: Vec<&str> =
                text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim).collect();
            let header = header.join(" ");
            let expected = format!("Source: {} (docs/spec/contract.md); ", sources.join(", "));
            assert!(header.contains(&expected), "{name}: {expected}");
        }
    }
}
