//! Readers of bytes that anybody may have written: frames of a log, and case files. Whatever they are given, they answer.

use crate::case::Case;
use crate::catalogue::find;
use crate::trial::trial;
use asl_host::frame::{HEADER_LEN, decode, encode, scan};
use std::sync::Arc;

/// Runs of bigger cases take too long for a fuzzer, and do nothing that those of smaller ones don't.
const OPS_MAX: usize = 40;
const WRITTEN_MAX: u64 = 100_000;

/// Framing: a scan of any bytes never leaves them and finds frames one behind the other; a frame that was written is read, whatever
/// follows it. The first 8 bytes are the salt.
///
/// # Panics
///
/// If that is not so.
pub fn frames(bytes: &[u8]) {
    let Some((salt, bytes)) = bytes.split_first_chunk::<8>() else { return };
    let salt = u64::from_le_bytes(*salt);
    let found = scan(bytes, salt, 1);
    let mut end = 0;
    for (seq, &offset) in (1..).zip(&found.offsets) {
        assert_eq!(offset, end, "frames stand one behind the other");
        let frame = decode(&bytes[offset as usize..], salt).expect("it was found");
        assert_eq!(frame.seq, seq);
        end += frame.len() as u64;
    }
    assert_eq!(end, found.end);
    let (payload, tail) = bytes.split_at(bytes.len() / 2);
    let mut log = Vec::new();
    encode(&mut log, salt, 1, 0, payload);
    log.extend_from_slice(tail);
    let frame = decode(&log, salt).expect("it was written");
    assert_eq!((frame.seq, frame.watermark), (1, 0));
    assert_eq!(&log[HEADER_LEN..frame.len()], payload);
    assert_eq!(scan(&log, salt, 1).offsets.first(), Some(&0));
}

/// Case files: what is taken for one is written and taken again, and its run can be made. Programs are not started, though a
/// case may name one.
///
/// # Panics
///
/// If that is not so.
pub fn case_file(bytes: &[u8]) {
    let Some(case) = std::str::from_utf8(bytes).ok().and_then(|text| Case::parse(text).ok()) else { return };
    let again = Case::parse(&case.to_json()).expect("it was written by this version");
    assert_eq!(again, case);
    let payloads = case.scenario.ops.iter().filter_map(|op| op.action.payload());
    let written: u64 = payloads.map(|payload| u64::from(payload.len)).sum();
    if case.scenario.ops.len() > OPS_MAX || written > WRITTEN_MAX {
        return;
    }
    if let Ok(target) = find(&case.target) {
        drop(trial(&target, &Arc::new(case.scenario.clone()), &case.decider()));
    }
}
