//! What follows from the axioms for logs: for the host of this project, and for the ways in which logs on object stores are built.

use crate::axioms::{
    AXIOMS, Axiom, COMPLETE_PRESENT, COMPLETE_RACING, CREATE_ABSENT, CREATE_DELETED, CREATE_PRESENT,
    CREATE_RACING, DELETE_LEAVES_MARKER, DELETE_STALE, LIST_AFTER_WRITE, LIST_ANSWERS, LIST_PAGES,
    OVERWRITE_KEEPS_VERSION, READ_AFTER_OVERWRITE, READ_AFTER_WRITE, UPDATE_ABSENT, UPDATE_CURRENT,
    UPDATE_RACING, UPDATE_STALE, UPLOAD_ABORTED, UPLOAD_LISTED, VERSIONING,
};
use crate::report::{Row, Verdict};
use serde::Serialize;

/// A way to build a log, and whether this bucket can carry it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Follow {
    /// A short name that stays.
    pub name: &'static str,
    /// Who relies on the bucket.
    pub who: &'static str,
    /// Whether all that they rely on is kept: the worst verdict among it.
    pub verdict: Verdict,
    /// The axioms that they rely on and that are not kept.
    pub lacks: Vec<&'static str>,
}

struct Way {
    name: &'static str,
    who: &'static str,
    needs: &'static [&'static Axiom],
    /// What counts only where it can be asked.
    wants: &'static [&'static Axiom],
}

static WAYS: &[Way] = &[
    Way {
        name: "numbered-objects",
        who: "Logs whose entries or manifests are objects with numbers, each created once; writers that fence one another so.",
        needs: &[&CREATE_ABSENT, &CREATE_PRESENT, &CREATE_RACING, &READ_AFTER_WRITE],
        wants: &[],
    },
    Way {
        name: "swapped-manifest",
        who: "Logs that swap one manifest with If-Match (compare and swap); writers that fence one another so.",
        needs: &[
            &UPDATE_CURRENT,
            &UPDATE_STALE,
            &UPDATE_ABSENT,
            &UPDATE_RACING,
            &READ_AFTER_WRITE,
            &READ_AFTER_OVERWRITE,
        ],
        wants: &[],
    },
    Way {
        name: "end-by-list",
        who: "Logs that find their end by a list.",
        needs: &[&LIST_ANSWERS, &LIST_AFTER_WRITE],
        wants: &[&LIST_PAGES],
    },
    Way {
        name: "names-used-again",
        who: "Logs that create a name again after it was deleted.",
        needs: &[&CREATE_DELETED, &CREATE_PRESENT, &CREATE_RACING],
        wants: &[],
    },
    Way {
        name: "guarded-delete",
        who: "Collectors that delete an object only if it is the one that they judged.",
        needs: &[&DELETE_STALE],
        wants: &[],
    },
    Way {
        name: "created-in-parts",
        who: "Writers that upload segments in parts and let the completion decide who was first.",
        needs: &[&COMPLETE_PRESENT, &COMPLETE_RACING],
        wants: &[],
    },
    Way {
        name: "uploads-swept",
        who: "Sweepers that find and abort uploads that were left behind.",
        needs: &[&UPLOAD_LISTED, &UPLOAD_ABORTED],
        wants: &[],
    },
    Way {
        name: "undo-by-version",
        who: "Operators who get back what was overwritten or deleted.",
        needs: &[&VERSIONING, &OVERWRITE_KEEPS_VERSION, &DELETE_LEAVES_MARKER],
        wants: &[],
    },
];

/// What follows from all rows, the host of this project first.
pub(crate) fn all(rows: &[Row]) -> Vec<Follow> {
    let needed: Vec<&Axiom> = AXIOMS.iter().copied().filter(|axiom| axiom.needed).collect();
    let host =
        Way { name: "object-host", who: "ObjectHost, the log host of this project.", needs: &[], wants: &[] };
    let others = WAYS.iter().map(|way| follow(way, way.needs, rows));
    std::iter::once(follow(&host, &needed, rows)).chain(others).collect()
}

fn follow(way: &Way, needs: &[&Axiom], rows: &[Row]) -> Follow {
    let among = |axioms: &[&Axiom], row: &Row| axioms.iter().any(|axiom| axiom.name == row.name);
    let counts =
        |row: &&Row| among(needs, row) || among(way.wants, row) && row.verdict != Verdict::NotOffered;
    let relied_on = || rows.iter().filter(counts);
    Follow {
        name: way.name,
        who: way.who,
        verdict: relied_on().map(|row| row.verdict).max().unwrap_or(Verdict::Unknown),
        lacks: relied_on().filter(|row| row.verdict != Verdict::Kept).map(|row| row.name).collect(),
    }
}
