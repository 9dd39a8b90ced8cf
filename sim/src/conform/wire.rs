//! A wire between the host and its bucket that loses, repeats, delays and damages what passes: nothing that was acknowledged is lost,
//! nothing is there twice, and nothing damaged is taken for right.
//!
//! A proxy of ours (`asl_wire`) stands before the server, for one check at a time. It speaks plain HTTP, so the bucket's endpoint has to.
//! Not covered here: connections of TLS, which no one in between can harm unnoticed.

use super::Site;
use super::cases::{Context, in_full};
use super::part::Came;
use super::processes::store;
use super::real::Real;
use super::writer::Writer;
use crate::base::block_on;
use asl_host::{ErrorKind, Host};
use asl_wire::{Fault, Rule, Wire};
use std::time::Duration;

/// One request in so many is harmed.
const EVERY: u32 = 7;
/// How often a writer appends, and seals.
const ROUNDS: u64 = 20;
const SEALS: u64 = 3;
/// Longer than a host takes for a request, shorter than it waits.
const DELAY: Duration = Duration::from_millis(300);
/// An answer that never comes is waited for in vain, for as long as the host has patience: so one in more.
const EVERY_SILENCE: u32 = 120;

/// The variables of the environment that hold the endpoint of a vendor, and the options that go before them.
const S3: (&[&str], &str, &str) =
    (&["AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"], "aws_endpoint", "aws_allow_http");
const AZURE: (&[&str], &str, &str) =
    (&["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"], "azure_storage_endpoint", "azure_allow_http");

/// The same target and bucket, behind a wire.
struct Harmed {
    here: Real,
    wire: Wire,
}

/// Puts a wire before the bucket; or says why that cannot be.
fn before(site: &Site, rules: Vec<Rule>) -> Result<Harmed, String> {
    let (variables, endpoint, allow) = match site.here.root().split_once("://") {
        Some(("s3" | "s3a", _)) => S3,
        Some(("az" | "azure" | "abfs" | "abfss", _)) => AZURE,
        _ => return Err("there is no wire to this bucket that we know of".to_owned()),
    };
    let given = variables.iter().find_map(|name| std::env::var(name).ok());
    let given = given.ok_or_else(|| format!("no endpoint is named ({})", variables[0]))?;
    let Some(address) = given.strip_prefix("http://") else {
        return Err(format!("a wire is put before plain HTTP only, and {} is not", variables[0]));
    };
    let (address, path) = address.split_once('/').unwrap_or((address, ""));
    let wire =
        Wire::start(address, rules, 1).map_err(|error| format!("no wire can be put before it: {error}"))?;
    let options = vec![
        (endpoint.to_owned(), format!("http://{}/{path}", wire.address()).trim_end_matches('/').to_owned()),
        (allow.to_owned(), "true".to_owned()),
    ];
    let Real { target, place } = site.here.clone();
    Ok(Harmed { here: Real { target, place: place.with_options(options) }, wire })
}

/// A writer goes on though one request in so many is harmed in this way.
fn through(site: &Site, fault: Fault, every: u32) -> Came {
    let harmed = match before(site, vec![Rule::new(fault, every)]) {
        Ok(harmed) => harmed,
        Err(why) => return Came::Skipped(why),
    };
    let mut writer = Writer::create(&harmed.here);
    for round in 0..ROUNDS {
        writer.append_some();
        if round % (ROUNDS / SEALS) == 0 {
            writer.seal_some();
        }
    }
    // What is there is there for whoever comes by another way.
    harmed.wire.set_rules(Vec::new());
    writer.check_all();
    let told = harmed.wire.told();
    assert!(told.harmed() > 0, "no request was harmed, of {}", told.requests());
    Came::Passed(format!("{} of {} requests harmed, {}", told.harmed(), told.requests(), writer.told()))
}

pub(super) fn answers_that_are_lost_lose_and_repeat_nothing(site: &Site) -> Came {
    through(site, Fault::CutAnswer, EVERY)
}

pub(super) fn requests_that_are_cut_lose_and_repeat_nothing(site: &Site) -> Came {
    through(site, Fault::CutRequest, EVERY)
}

pub(super) fn requests_that_arrive_twice_repeat_nothing(site: &Site) -> Came {
    through(site, Fault::Duplicate, EVERY)
}

pub(super) fn requests_that_arrive_late_lose_and_repeat_nothing(site: &Site) -> Came {
    through(site, Fault::Delay(DELAY), EVERY)
}

pub(super) fn answers_that_never_come_lose_and_repeat_nothing(site: &Site) -> Came {
    through(site, Fault::Silence, EVERY_SILENCE)
}

pub(super) fn a_server_that_is_busy_loses_nothing(site: &Site) -> Came {
    through(site, Fault::Unavailable, EVERY)
}

pub(super) fn a_page_in_place_of_an_answer_is_an_error(site: &Site) -> Came {
    through(site, Fault::Html, EVERY)
}

pub(super) fn a_page_with_status_200_is_not_taken_for_an_answer(site: &Site) -> Came {
    through(site, Fault::HtmlOk, EVERY)
}

pub(super) fn bodies_that_end_too_early_are_not_taken_for_whole(site: &Site) -> Came {
    through(site, Fault::Truncate, EVERY)
}

pub(super) fn a_bucket_whose_conditions_are_lost_on_the_way_is_refused(site: &Site) -> Came {
    if std::env::var("AWS_SKIP_SIGNATURE").is_err() {
        let why = "a signed request arrives as it was sent: this takes a bucket for anybody, and AWS_SKIP_SIGNATURE=true";
        return Came::Skipped(why.to_owned());
    }
    let dropped = Rule::new(Fault::DropHeader("if-none-match".to_owned()), 1);
    let harmed = match before(site, vec![dropped]) {
        Ok(harmed) => harmed,
        Err(why) => return Came::Skipped(why),
    };
    match block_on(harmed.here.boot().create_store(&store(&harmed.here))) {
        Ok(_) => Came::Failed("a store was made where conditions are ignored".to_owned()),
        Err(error) if error.kind() == ErrorKind::Unsupported => Came::passed(),
        Err(error) => Came::Failed(format!("it was refused for another reason: {}", in_full(&error))),
    }
}
