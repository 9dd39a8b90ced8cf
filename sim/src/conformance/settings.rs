//! What the environment says: the variables `ASL_SIM_*`, read in this one place.

use crate::base::quantities;
use crate::base::words::nearest;
use std::path::PathBuf;
use std::time::Duration;

/// What the environment asks for; what it does not say is as the test has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    /// `ASL_SIM_SEEDS`: how many runs.
    pub(super) seeds: Option<u64>,
    /// `ASL_SIM_SEED`: the seed of the first one.
    pub(super) seed: Option<u64>,
    /// `ASL_SIM_FOR`: for how long.
    pub(super) time: Option<Duration>,
    /// `ASL_SIM_JOBS`: how many threads.
    pub(super) jobs: Option<usize>,
    /// `ASL_SIM_OUT`: where cases are stored.
    pub(super) out: Option<PathBuf>,
    /// `ASL_SIM_REPLAY`: what to make again in place of everything else.
    pub(super) replay: Option<Replay>,
    /// `ASL_SIM_EXPLAIN`: whether a failure is told with the whole story of its run.
    pub(super) explains: bool,
    /// `ASL_SIM_HTML`: where that story is written as a page.
    pub(super) html: Option<PathBuf>,
}

/// What is to be made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Replay {
    /// The run of this seed.
    Seed(u64),
    /// The case in this file.
    Case(PathBuf),
}

/// What the names of our variables begin with.
const PREFIX: &str = "ASL_SIM_";
/// All that there are: those that are read here, and those that others read.
const NAMES: [&str; 9] = [
    "ASL_SIM_EXPLAIN",
    "ASL_SIM_FOR",
    "ASL_SIM_HTML",
    "ASL_SIM_JOBS",
    "ASL_SIM_OUT",
    "ASL_SIM_PRELOAD",
    "ASL_SIM_REPLAY",
    "ASL_SIM_SEED",
    "ASL_SIM_SEEDS",
];

/// A variable of ours that there is not: whoever misspells one would take a short check for a long one.
fn refuse_unknown<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), String> {
    let unknown = names.into_iter().find(|name| name.starts_with(PREFIX) && !NAMES.contains(name));
    let Some(name) = unknown else { return Ok(()) };
    let near = nearest(name, NAMES);
    let guess = near.first().map_or(String::new(), |near| format!(" did you mean {near}?"));
    Err(format!("{name}: there is no such variable;{guess} there are {}", NAMES.join(", ")))
}

impl Settings {
    /// Reads the environment of this process.
    pub(super) fn of_environment() -> Result<Settings, String> {
        let names: Vec<String> =
            std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
        refuse_unknown(names.iter().map(String::as_str))?;
        Settings::read(|name| std::env::var(name).ok())
    }

    /// Reads the variables; an empty one says nothing. One that says what it cannot is refused, in a line.
    fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Settings, String> {
        let given = |name: &str| variable(name).filter(|text| !text.is_empty());
        let number = |name, expected: &str| {
            let text = given(name);
            let parsed =
                text.map(|text| quantities::seed(&text).ok_or_else(|| format!("{name}={text}: {expected}")));
            parsed.transpose()
        };
        let count = |name| {
            let expected = "a whole number from 1 is expected";
            let zero = || format!("{name}=0: {expected}");
            number(name, expected)?.map(|count| if count > 0 { Ok(count) } else { Err(zero()) }).transpose()
        };
        let time = given("ASL_SIM_FOR");
        let time = time.map(|text| {
            quantities::time(&text)
                .ok_or_else(|| format!("ASL_SIM_FOR={text}: a time is expected, as 90s, 30m or 2h"))
        });
        let replay = given("ASL_SIM_REPLAY").map(|text| match quantities::seed(&text) {
            Some(seed) => Replay::Seed(seed),
            None => Replay::Case(PathBuf::from(text)),
        });
        let explains = match given("ASL_SIM_EXPLAIN").as_deref() {
            None | Some("0") => false,
            Some("1") => true,
            Some(text) => return Err(format!("ASL_SIM_EXPLAIN={text}: 1 is expected, or 0")),
        };
        Ok(Settings {
            explains,
            html: given("ASL_SIM_HTML").map(PathBuf::from),
            seeds: count("ASL_SIM_SEEDS")?,
            seed: number("ASL_SIM_SEED", "a seed is expected, decimal or 0x hex")?,
            time: time.transpose()?,
            jobs: count("ASL_SIM_JOBS")?.map(|jobs| jobs.min(256) as usize),
            out: given("ASL_SIM_OUT").map(PathBuf::from),
            replay,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<Settings, String> {
        Settings::read(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn what_is_said_is_read_and_what_is_empty_says_nothing() {
        let seed = |settings: Settings| (settings.seed, settings.seeds);
        assert_eq!(read("ASL_SIM_SEED", "0x1f").map(seed), Ok((Some(31), None)));
        assert_eq!(read("ASL_SIM_SEEDS", "").map(seed), Ok((None, None)));
        assert_eq!(read("ASL_SIM_FOR", "2m").map(|it| it.time), Ok(Some(Duration::from_mins(2))));
        assert_eq!(read("ASL_SIM_REPLAY", "7").map(|it| it.replay), Ok(Some(Replay::Seed(7))));
        let case = Replay::Case("target/x.json".into());
        assert_eq!(read("ASL_SIM_REPLAY", "target/x.json").map(|it| it.replay), Ok(Some(case)));
    }

    #[test]
    fn what_cannot_be_read_is_refused_by_name() {
        for (name, value) in [
            ("ASL_SIM_SEEDS", "0"),
            ("ASL_SIM_SEEDS", "many"),
            ("ASL_SIM_JOBS", "-1"),
            ("ASL_SIM_FOR", "5"),
            ("ASL_SIM_SEED", "seven"),
            ("ASL_SIM_EXPLAIN", "yes"),
        ] {
            let said = read(name, value).expect_err("it cannot be read");
            assert!(said.starts_with(&format!("{name}={value}: ")) && said.contains("expected"), "{said}");
        }
    }

    #[test]
    fn a_variable_that_is_misspelt_is_refused_with_the_one_that_was_meant() {
        // It was ignored once: a check of ten hours that was asked for as ASL_SIM_TIME took half a second.
        let said = refuse_unknown(["PATH", "ASL_SIM_SEEDZ"]).expect_err("there is none");
        assert!(
            said.starts_with("ASL_SIM_SEEDZ: there is no such variable; did you mean ASL_SIM_SEED"),
            "{said}"
        );
        assert_eq!(refuse_unknown(["ASL_SIM_SEEDS", "ASL_SIM_PRELOAD", "ASL_SIMULATOR", "HOME"]), Ok(()));
    }
}
