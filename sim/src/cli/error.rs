//! Errors of usage and of input, as one line and a way out.

use super::Status;
use crate::base::words::{nearest, program};
use crate::tell::style;
use clap::error::ErrorKind;
use std::fmt;
use std::io::{self, Write};

/// Why a command cannot be obeyed.
#[derive(Debug)]
pub(super) struct Error {
    text: String,
    hint: Option<String>,
    status: Status,
}

impl Error {
    pub(super) fn new(text: impl Into<String>) -> Error {
        Error { text: text.into(), hint: None, status: Status::Usage }
    }

    /// Makes it end with another status than that of wrong usage.
    pub(super) fn status(mut self, status: Status) -> Error {
        self.status = status;
        self
    }

    /// Adds a way out.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hint = Some(hint.into());
        self
    }

    /// Nothing of this sort has this name. `list` is what `asl-sim list` calls the sort.
    pub(super) fn unknown<'a>(
        sort: &str,
        name: &str,
        list: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Error {
        let near: Vec<String> = nearest(name, known).iter().map(|name| format!("{name:?}")).collect();
        let guess =
            if near.is_empty() { String::new() } else { format!(" did you mean {}?", near.join(" or ")) };
        Error::new(format!("no {sort} named {name:?};{guess} `{} list {list}` names them all", program()))
    }

    /// Prints it on standard error; if that is closed, there is nobody to tell. Returns the status to end with.
    pub(super) fn print(&self) -> Status {
        let (red, bold) = (style::BAD, style::BOLD);
        let hint = self.hint.iter().map(|hint| format!("{bold}hint:{bold:#} {hint}\n"));
        let text = format!("{red}error:{red:#} {}\n{}", self.text, hint.collect::<String>());
        let _ = anstream::stderr().write_all(text.as_bytes());
        self.status
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

const COMMANDS: &str =
    "the commands are run, replay, explain, explore, shrink, conform, specimens, mount, doctor and list";

/// What the system says, in words, without numbers and without paths that nobody asked for.
pub(super) fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is none".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        io::ErrorKind::Other => error.to_string(),
        kind => kind.to_string(),
    }
}

/// Tells what clap has to say: help as it is, errors in our form.
pub(super) fn of_clap(error: &clap::Error) -> Status {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = error.print();
            Status::Passed
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Status::Usage
        }
        _ => {
            let mut told = shortened(&error.render().to_string());
            if error.kind() == ErrorKind::InvalidSubcommand {
                told = told.hint(format!("{COMMANDS}; `{} help` says what they do", program()));
            }
            told.print()
        }
    }
}

/// The first paragraph of what clap prints, and its tip if it has one.
fn shortened(text: &str) -> Error {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let (mut said, mut tips) = (Vec::new(), Vec::new());
    let mut usage = None;
    for line in lines {
        if let Some(tip) = line.strip_prefix("tip: ") {
            // That a word could be meant as a target helps nobody.
            if !tip.starts_with("to pass ") {
                tips.push(tip.to_owned());
            }
        } else if let Some(line) = line.strip_prefix("Usage: ") {
            usage = Some(format!("usage: {line}"));
        } else if usage.is_none() && !line.starts_with("For more information") {
            said.push(line.strip_prefix("error: ").unwrap_or(line));
        }
    }
    let error = Error::new(said.join(" "));
    match (tips.is_empty(), usage) {
        (false, _) => error.hint(tips.join("; ")),
        (true, Some(usage)) => error.hint(usage),
        // What is wrong with a value is said together with the values that there are.
        (true, None) => error,
    }
}
