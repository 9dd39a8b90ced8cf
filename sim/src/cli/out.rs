//! Standard output: text or lines of JSON. A reader that has gone is no error.

use super::args::Format;
use super::error::Error;
use crate::base::words::{PIPE_COLUMNS, TERMINAL_COLUMNS_MAX};
use serde::Serialize;
use std::io::{self, IsTerminal, Write};

/// Where results go.
#[derive(Debug)]
pub(super) struct Out {
    format: Format,
    columns: usize,
    on_terminal: bool,
    failed: Option<io::Error>,
}

impl Out {
    pub(super) fn new(format: Format) -> Out {
        let on_terminal = io::stdout().is_terminal();
        let size = terminal_size::terminal_size().filter(|_| on_terminal);
        let columns = size.map_or(PIPE_COLUMNS, |(width, _)| usize::from(width.0).min(TERMINAL_COLUMNS_MAX));
        Out { format, columns, on_terminal, failed: None }
    }

    /// How wide text may be.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// How wide a list may be: where no terminal shows it, an entry is a line.
    pub(super) fn list_columns(&self) -> usize {
        if self.on_terminal { self.columns } else { usize::MAX }
    }

    /// Prints, if the format is text. Styles are left out where they cannot be shown.
    pub(super) fn text(&mut self, text: &str) {
        if self.format == Format::Text {
            self.put(text);
        }
    }

    /// Prints a line, if the format is JSON.
    pub(super) fn json(&mut self, line: &impl Serialize) {
        if self.format == Format::Json {
            let line = serde_json::to_string(line).expect("a line is plain data");
            self.put(&format!("{line}\n"));
        }
    }

    fn put(&mut self, text: &str) {
        if self.failed.is_none() {
            let mut stdout = anstream::stdout().lock();
            self.failed = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).err();
        }
    }

    /// Says whether all was printed that somebody wanted to read.
    pub(super) fn finish(self) -> Result<(), Error> {
        match self.failed {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Error::new(format!("cannot write to standard output: {error}")))
            }
            _ => Ok(()),
        }
    }
}
