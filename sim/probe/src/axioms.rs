//! The axioms: what a log may rely on, each with a name that stays, and a sentence that is true of a bucket that keeps it.

/// Something that a bucket keeps or does not keep.
#[derive(Debug, PartialEq, Eq)]
pub struct Axiom {
    /// A short name that stays the same from version to version.
    pub name: &'static str,
    /// A sentence that is true where the axiom is kept.
    pub sentence: &'static str,
    /// Whether `ObjectHost`, the log host of this project, relies on it.
    pub needed: bool,
}

/// All of them, in the order in which they are checked. The first ones decide whether the rest means anything.
pub static AXIOMS: &[&Axiom] = &[
    &CREATE_ABSENT,
    &CREATE_PRESENT,
    &CREATE_DELETED,
    &CREATE_OVER_MARKER,
    &UPDATE_CURRENT,
    &UPDATE_STALE,
    &UPDATE_ABSENT,
    &DELETE_STALE,
    &READ_ABSENT,
    &READ_AFTER_WRITE,
    &HEAD_AFTER_WRITE,
    &READ_AFTER_OVERWRITE,
    &READ_AFTER_DELETE,
    &READ_RANGE,
    &LIST_ANSWERS,
    &LIST_AFTER_WRITE,
    &LIST_AFTER_DELETE,
    &LIST_PAGES,
    &EMPTY_OBJECT,
    &LARGE_OBJECT,
    &VERSIONING,
    &OVERWRITE_KEEPS_VERSION,
    &DELETE_LEAVES_MARKER,
    &UPLOAD_LISTED,
    &UPLOAD_ABORTED,
    &COMPLETE_PRESENT,
    &COMPLETE_RACING,
    &CREATE_RACING,
    &UPDATE_RACING,
];

macro_rules! axioms {
    ($($constant:ident $name:literal $needed:literal $sentence:literal)*) => {
        $(pub(crate) static $constant: Axiom = Axiom { name: $name, sentence: $sentence, needed: $needed };)*
    };
}

axioms! {
    CREATE_ABSENT "create-absent" true
        "A PUT with If-None-Match: * on a key at which nothing stands succeeds, and what was put stands there."
    CREATE_PRESENT "create-present" true
        "A PUT with If-None-Match: * on a key at which something stands is refused, and changes nothing."
    CREATE_DELETED "create-deleted" false
        "A key whose object was deleted can be created again with If-None-Match: *."
    CREATE_OVER_MARKER "create-over-marker" false
        "In a bucket with versions, a delete marker counts as absent: If-None-Match: * succeeds over it."
    UPDATE_CURRENT "update-current" false
        "A PUT with If-Match and the current tag replaces the object."
    UPDATE_STALE "update-stale" false
        "A PUT with If-Match and a tag that is no longer current is refused, and changes nothing."
    UPDATE_ABSENT "update-absent" false
        "A PUT with If-Match on a key at which nothing stands is refused, and creates nothing."
    DELETE_STALE "delete-stale" false
        "A DELETE with If-Match and a tag that is no longer current is refused, and deletes nothing."
    READ_ABSENT "read-absent" true
        "A GET and a HEAD of a key that was never written say that nothing stands there (404)."
    READ_AFTER_WRITE "read-after-write" true
        "A GET that begins after a PUT was answered reads what was put, also if the key was read as absent before."
    HEAD_AFTER_WRITE "head-after-write" false
        "A HEAD that begins after a PUT was answered tells the size of what was put."
    READ_AFTER_OVERWRITE "read-after-overwrite" false
        "A GET that begins after an overwrite was answered reads the new object."
    READ_AFTER_DELETE "read-after-delete" false
        "A GET and a HEAD that begin after a DELETE was answered say that nothing stands there (404)."
    READ_RANGE "read-range" true
        "A GET of a range of bytes is answered with these bytes."
    LIST_ANSWERS "list-answers" true
        "A list of the keys below a prefix is answered."
    LIST_AFTER_WRITE "list-after-write" false
        "A list that begins after a PUT was answered shows the key."
    LIST_AFTER_DELETE "list-after-delete" false
        "A list that begins after a DELETE was answered does not show the key."
    LIST_PAGES "list-pages" false
        "A list that is read in pages shows each key once, in the order of their bytes."
    EMPTY_OBJECT "empty-object" false
        "An object without bytes can be put and read."
    LARGE_OBJECT "large-object" true
        "An object of 8 MiB that is put in one request is read back as it was."
    VERSIONING "versioning" false
        "The bucket keeps versions."
    OVERWRITE_KEEPS_VERSION "overwrite-keeps-version" false
        "After an overwrite, the version before is listed and can be read."
    DELETE_LEAVES_MARKER "delete-leaves-marker" false
        "After a DELETE, a delete marker is listed, and the version before can be read."
    UPLOAD_LISTED "upload-listed" false
        "An upload in parts that was begun and not completed is listed."
    UPLOAD_ABORTED "upload-aborted" false
        "After an upload in parts was aborted it is not listed, and cannot be completed."
    COMPLETE_PRESENT "complete-present" false
        "The completion of an upload in parts with If-None-Match: * is refused where something stands, and changes nothing."
    COMPLETE_RACING "complete-racing" false
        "Of completions of uploads to one key that race, all with If-None-Match: *, one succeeds, and its object stands there."
    CREATE_RACING "create-racing" true
        "Of PUTs of one key that race, all with If-None-Match: *, one succeeds, and its object stands there."
    UPDATE_RACING "update-racing" false
        "Of PUTs of one key that race, all with If-Match and the same tag, one succeeds, and its object stands there."
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_kebab_case_and_sentences_are_sentences() {
        let names: BTreeSet<_> = AXIOMS.iter().map(|axiom| axiom.name).collect();
        assert_eq!(names.len(), AXIOMS.len());
        for axiom in AXIOMS {
            assert!(axiom.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{axiom:?}");
            assert!(axiom.sentence.ends_with('.'), "{axiom:?}");
        }
    }
}
