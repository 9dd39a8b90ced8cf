//! The command line of the comparison with a real bucket.
//!
//! Results go to standard output, as a table; an error is one line on standard error.

use super::compare::{Compared, Plan, Ways, compare};
use crate::cli::Status;
use asl_host::env::{Env, OsEnv};
use asl_host::object::url;
use asl_sim::scenario::Profile;
use asl_wire::{Fault, Rule, Wire};
use clap::Parser;
use object_store::ObjectStore;
use object_store::path::Path;
use std::ffi::OsString;
use std::io::{self, Write};
use std::sync::Arc;

/// Holds asl-sim's model of buckets against a real one.
///
/// Small programs of clients that ask at once are carried out on the bucket; what they are told, and what stands there afterwards, must be
/// what the model allows. Credentials are in the environment.
#[derive(Debug, Parser)]
#[command(name = "asl-reality-bucket", version, max_term_width = 100, after_help = STATUSES)]
struct Args {
    /// The bucket, as a URL; what is made in it lies below a prefix of its own, and is removed.
    #[arg(long, value_name = "URL")]
    location: String,
    /// The model's row: `asl-sim list profiles` names them.
    #[arg(long, value_name = "P")]
    profile: String,
    /// How many random programs there are besides the named ones.
    #[arg(long, value_name = "N", default_value_t = 100)]
    programs: u64,
    /// The seed of the first random program.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// How often each program is carried out.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    repeats: u32,
    /// Loses one answer in so many on the way, after the request was carried out, and refuses as many requests.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    lose: Option<u32>,
    /// Also writes the whole comparison to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<std::path::PathBuf>,
}

const STATUSES: &str = "Exit status: 0 all that was seen is inside of the model, 2 usage, 10 an outcome outside of the model, \
13 not available here";

/// Does what the command line asks for.
pub fn main(command_line: Vec<OsString>) -> Status {
    match Args::try_parse_from(command_line) {
        Ok(args) => obey(&args).unwrap_or_else(|(status, why)| {
            // If nobody reads it, there is nobody to tell.
            let _ = writeln!(io::stderr(), "error: {why}");
            status
        }),
        Err(error) => {
            let _ = error.print();
            if error.use_stderr() { Status::Usage } else { Status::Passed }
        }
    }
}

fn obey(args: &Args) -> Result<Status, (Status, String)> {
    let profile = Profile::BUCKETS.iter().find(|(profile, _)| profile.as_str() == args.profile);
    let &(profile, _) =
        profile.ok_or_else(|| (Status::Usage, format!("{} is no profile of a bucket", args.profile)))?;
    let (bucket, wire) = opened(args).map_err(|why| (Status::Usage, why))?;
    let mut random = [0; 8];
    OsEnv.fill_random(&mut random);
    let below = Path::from(format!("asl-reality-{:016x}", u64::from_le_bytes(random)));
    let mut out = io::stdout().lock();
    // If nobody reads it, the status still tells.
    let _ = writeln!(out, "{} beside the profile {}, below {below}", args.location, profile.as_str());
    let plan = Plan { profile, programs: args.programs, seed: args.seed, repeats: args.repeats };
    let told = |one: &Compared| {
        let _ = out.write_all(line(one).as_bytes());
    };
    let unharmed = url::bucket(&args.location).map_err(|why| (Status::Usage, why.to_string()))?;
    let ways = Ways { bucket: &*bucket, unharmed: &*unharmed };
    let all = compare(ways, &below, &plan, told).map_err(|why| (Status::Unavailable, why.to_string()))?;
    let _ = io::stdout().write_all(summary(&all, args.repeats, wire.as_ref()).as_bytes());
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&all).expect("it has only text and numbers");
        std::fs::File::create(path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|why| (Status::Usage, format!("cannot write {}: {why}", path.display())))?;
    }
    let inside = all.iter().all(|one| one.outside.is_empty());
    Ok(if inside { Status::Passed } else { Status::Outside })
}

/// The bucket, and what stands before it, if answers are to be lost.
fn opened(args: &Args) -> Result<(Arc<dyn ObjectStore>, Option<Wire>), String> {
    let Some(every) = args.lose else {
        return Ok((url::bucket(&args.location).map_err(|why| why.to_string())?, None));
    };
    let azure = args.location.starts_with("az");
    let variable = if azure { "AZURE_STORAGE_ENDPOINT" } else { "AWS_ENDPOINT" };
    let endpoint = std::env::var(variable)
        .map_err(|_| format!("{variable} is not set: there is no wire to lose answers on"))?;
    let address = endpoint.strip_prefix("http://").ok_or_else(|| format!("{variable} is not plain HTTP"))?;
    let (address, path) = address.split_once('/').unwrap_or((address, ""));
    let rules = [Fault::CutAnswer, Fault::Unavailable].map(|fault| Rule::new(fault, every));
    let wire = Wire::start(address, rules.to_vec(), args.seed).map_err(|why| format!("{endpoint}: {why}"))?;
    let option = if azure { "azure_storage_endpoint" } else { "aws_endpoint" };
    let through = format!("http://{}/{path}", wire.address());
    let bucket = url::bucket_with(&args.location, &[(option, through.trim_end_matches('/'))]);
    Ok((bucket.map_err(|why| why.to_string())?, Some(wire)))
}

fn line(one: &Compared) -> String {
    let verdict = if one.outside.is_empty() { "inside " } else { "OUTSIDE" };
    let (seen, allowed) = (one.seen.len(), one.allowed);
    let first = format!("  {verdict}  {seen:>2} seen, {allowed:>2} allowed  {}: {}\n", one.name, one.program);
    one.outside.iter().fold(first, |text, outcome| format!("{text}           outside: {outcome}\n"))
}

fn summary(all: &[Compared], repeats: u32, wire: Option<&Wire>) -> String {
    let outside = all.iter().filter(|one| !one.outside.is_empty()).count();
    let unheard: u64 = all.iter().map(|one| one.unheard).sum();
    let (programs, runs) = (all.len(), all.len() as u64 * u64::from(repeats));
    let first = format!(
        "{programs} programs, {runs} runs: {outside} outside of the model; in {unheard} runs an answer was lost\n"
    );
    let harmed = wire.map_or_else(String::new, |wire| {
        let told = wire.told();
        format!("{} of {} requests were harmed on the way\n", told.harmed(), told.requests())
    });
    let named = all.iter().filter(|one| !one.name.starts_with("seed "));
    let never = named.flat_map(|one| one.never_seen.iter().map(move |outcome| (&one.name, outcome)));
    let never = never.fold(String::new(), |text, (name, outcome)| format!("{text}  {name}: {outcome}\n"));
    let heading = if never.is_empty() { "" } else { "allowed, and never seen, of the named programs:\n" };
    format!("{first}{harmed}{heading}{never}")
}
