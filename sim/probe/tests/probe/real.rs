//! A real server, if the environment names one, as `.ci/servers with NAME -- cargo test ...` does: each verdict is that of the table.
//!
//! What a server does only now and then is not in the table: moto lets two win a race for one key out of many hundreds.

use crate::{names, quick, row};
use asl_probe::{Options, Report, Status, Verdict, probe};
use std::time::Duration;

/// What a server is known for; the rest it keeps.
struct Known {
    status: Status,
    broken: &'static [&'static str],
    unknown: &'static [&'static str],
    not_offered: &'static [&'static str],
    /// Not looked at.
    varies: &'static [&'static str],
}

const VERSIONS: [&str; 4] =
    ["create-over-marker", "versioning", "overwrite-keeps-version", "delete-leaves-marker"];
const ON_S3_ONLY: &[&str] = &[
    "create-over-marker",
    "delete-stale",
    "list-pages",
    "versioning",
    "overwrite-keeps-version",
    "delete-leaves-marker",
    "upload-listed",
    "upload-aborted",
    "complete-present",
    "complete-racing",
];

fn known(server: &str) -> Option<Known> {
    let right =
        Known { status: Status::Passed, broken: &[], unknown: &[], not_offered: &VERSIONS, varies: &[] };
    match server {
        // Mostly two to four of four completions win, but not always.
        "seaweedfs" => Some(Known { varies: &["complete-racing"], ..right }),
        "seaweedfs-versioned" => Some(Known { varies: &["complete-racing"], not_offered: &[], ..right }),
        "azurite" => Some(Known { not_offered: ON_S3_ONLY, ..right }),
        "moto" => Some(Known { varies: &["complete-racing", "create-racing", "update-racing"], ..right }),
        "s3rver" => Some(Known {
            status: Status::Broken,
            broken: &[
                "create-present",
                "update-stale",
                "update-absent",
                "delete-stale",
                "complete-present",
                "complete-racing",
                "create-racing",
                "update-racing",
            ],
            unknown: &["list-pages"],
            not_offered: &[
                "create-over-marker",
                "versioning",
                "overwrite-keeps-version",
                "delete-leaves-marker",
                "upload-listed",
                "upload-aborted",
            ],
            varies: &[],
        }),
        "s3s-fs" => Some(Known {
            status: Status::Broken,
            broken: &["delete-stale", "complete-racing", "create-racing", "update-racing"],
            not_offered: &[
                "create-over-marker",
                "versioning",
                "overwrite-keeps-version",
                "delete-leaves-marker",
                "upload-listed",
            ],
            ..right
        }),
        _ => None,
    }
}

fn check(report: &Report, known: &Known) {
    let without = |verdict| -> Vec<&str> {
        names(report, verdict).into_iter().filter(|name| !known.varies.contains(name)).collect()
    };
    // On a slow machine a race may not be finished; that it is broken would be seen.
    let unfinished = |name: &&str| name.ends_with("-racing");
    let unknown = without(Verdict::Unknown);
    let text = report.text(120);
    assert_eq!(without(Verdict::Broken), known.broken, "{text}");
    let decided: Vec<&str> = unknown.iter().copied().filter(|name| !unfinished(name)).collect();
    assert_eq!(decided, known.unknown, "{text}");
    assert_eq!(without(Verdict::NotOffered), known.not_offered, "{text}");
    assert_eq!(report.tidied.left, 0, "{text}");
    if !known.varies.contains(&"create-racing") && !unknown.iter().any(unfinished) {
        assert_eq!(report.status, known.status, "{text}");
    }
}

#[test]
fn a_real_server_is_told_as_what_it_is_known_for() {
    let Some((server, url)) = std::env::var("ASL_SERVER_NAME").ok().zip(std::env::var("ASL_BUCKET_URL").ok())
    else {
        return;
    };
    let Some(known_of) = known(&server) else { return };
    // Machines that build are slow: a contended key of SeaweedFS takes seconds.
    let options = Options {
        race_time_max: Duration::from_secs(12),
        request_timeout: Duration::from_secs(30),
        ..quick()
    };
    check(&probe(&url, &options, &mut |_| {}).expect("it begins"), &known_of);
    if let Ok(versioned) = std::env::var("ASL_VERSIONED_URL") {
        let report = probe(&format!("{versioned}/a prefix/b+c"), &options, &mut |_| {}).expect("it begins");
        check(&report, &known("seaweedfs-versioned").expect("it is known"));
        assert_eq!(row(&report, "versioning").seen, "on");
    }
}
