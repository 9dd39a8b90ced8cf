//! A report as a table in plain text.

use crate::report::{Report, Row, Status, Tidied, Verdict};
use std::collections::BTreeMap;
use std::fmt::Write;

const VERDICT_LEN: usize = 12;
const NAME_LEN: usize = 24;
const WIDTH_MIN: usize = 40;
/// How many of what stays are named.
const LEFT_MAX: usize = 8;

impl Report {
    /// The report for people: at most `width` columns, but never fewer than 40.
    pub fn text(&self, width: usize) -> String {
        let mut page = Page { text: String::new(), width: width.max(WIDTH_MIN) };
        page.line(0, &format!("probe of {}, below {}", self.url, self.prefix));
        let (needed, others): (Vec<&Row>, Vec<&Row>) = self.axioms.iter().partition(|row| row.needed);
        page.rows("What ObjectHost, the log host of this project, relies on:", &needed);
        page.rows("What other logs may rely on:", &others);
        self.measured_text(&mut page);
        self.follows_text(&mut page);
        page.heading("Not checked:");
        for sentence in self.not_checked {
            page.line(2, sentence);
        }
        page.heading("");
        page.line(0, &tidied_text(&self.tidied));
        page.line(0, &self.status_text());
        page.text
    }

    fn follows_text(&self, page: &mut Page) {
        page.heading("Who can rely on this bucket:");
        for follow in &self.follows {
            let lacks = match follow.lacks.as_slice() {
                [] => String::new(),
                lacks => format!(" See {}.", lacks.join(", ")),
            };
            let answer = match follow.verdict {
                Verdict::Kept => "yes",
                Verdict::Broken => "no",
                Verdict::Unknown => "unknown",
                Verdict::NotOffered => "not offered",
            };
            page.cells(&[(answer, VERDICT_LEN)], &format!("{}{lacks}", follow.who));
        }
    }

    fn measured_text(&self, page: &mut Page) {
        let speed = |puts: &crate::Puts| {
            let failed = if puts.failed > 0 { format!(" ({} failed)", puts.failed) } else { String::new() };
            let clients =
                if puts.clients == 1 { "1 client".to_owned() } else { format!("{} clients", puts.clients) };
            format!("{} PUTs a second of {} bytes by {clients}{failed}", puts.per_s, puts.body_len)
        };
        let create = self.measured.create_ms_median.map(|ms| format!("a create takes {ms} ms (median)"));
        let all: Vec<String> = self.measured.puts.iter().map(speed).chain(create).collect();
        if !all.is_empty() {
            page.heading("Measured from here:");
            page.line(2, &all.join("; "));
        }
    }

    fn status_text(&self) -> String {
        let of = |verdicts: &[Verdict]| {
            let found = self.axioms.iter().filter(|row| row.needed && verdicts.contains(&row.verdict));
            found.map(|row| row.name).collect::<Vec<_>>().join(", ")
        };
        match self.status {
            Status::Passed => "passed: the bucket kept all that ObjectHost relies on".to_owned(),
            Status::Broken => {
                format!("broken: ObjectHost relies on {}", of(&[Verdict::Broken, Verdict::NotOffered]))
            }
            Status::Undecided => format!("undecided: {}", of(&[Verdict::Unknown])),
            Status::Interrupted => {
                "interrupted: nothing that ObjectHost relies on was found broken by then".to_owned()
            }
        }
    }
}

/// A row as a line or two: what does not hold is told as the sentence that it is.
impl Row {
    /// The row for people, as [`Report::text`] has it.
    pub fn text(&self, width: usize) -> String {
        let mut page = Page { text: String::new(), width: width.max(WIDTH_MIN) };
        page.row(self);
        page.text
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Kept => "kept",
        Verdict::Broken => "broken",
        Verdict::NotOffered => "not offered",
        Verdict::Unknown => "unknown",
    }
}

fn tidied_text(tidied: &Tidied) -> String {
    let why = tidied.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    let left = match (tidied.left, tidied.looked) {
        (0, true) => "nothing stays".to_owned(),
        (0, false) => "nothing stays that we know of".to_owned(),
        (left, looked) => {
            let stay = if looked { "stay" } else { "may stay" };
            let names: Vec<&str> = tidied.left_names.iter().map(String::as_str).take(LEFT_MAX).collect();
            let more = if left > names.len() as u64 { ", ..." } else { "" };
            format!("{left} {stay}: {}{more}", names.join(", "))
        }
    };
    format!("removed {} objects; {left}{why}", tidied.removed)
}

struct Page {
    text: String,
    width: usize,
}

impl Page {
    fn heading(&mut self, heading: &str) {
        let _ = writeln!(self.text);
        if !heading.is_empty() {
            self.line(0, heading);
        }
    }

    fn rows(&mut self, heading: &str, rows: &[&Row]) {
        self.heading(heading);
        let (offered, not): (Vec<&&Row>, Vec<&&Row>) =
            rows.iter().partition(|row| row.verdict != Verdict::NotOffered);
        for row in offered {
            self.row(row);
        }
        // Together, by why: there may be many of them.
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for row in not {
            reasons.entry(&row.seen).or_default().push(row.name);
        }
        for (why, names) in reasons {
            self.cells(&[(word(Verdict::NotOffered), VERDICT_LEN)], &format!("{} ({why})", names.join(", ")));
        }
    }

    fn row(&mut self, row: &Row) {
        self.cells(&[(word(row.verdict), VERDICT_LEN), (row.name, NAME_LEN)], &row.seen);
        if matches!(row.verdict, Verdict::Broken | Verdict::Unknown) {
            self.cells(&[("", VERDICT_LEN)], row.sentence);
        }
    }

    /// Cells of one line each, and a last one that takes the room that is left; its further lines stand below its first.
    fn cells(&mut self, cells: &[(&str, usize)], last: &str) {
        let mut head = "  ".to_owned();
        for (cell, len) in cells {
            let _ = write!(head, "{cell:len$}");
            if cell.chars().count() >= *len {
                head.push(' ');
            }
        }
        let indent = head.chars().count();
        // Where little room is left, the rest goes below.
        if indent + WIDTH_MIN / 2 > self.width {
            let _ = writeln!(self.text, "{}", head.trim_end());
            return self.line(4, last);
        }
        for (number, line) in wrapped(last, self.width - indent).iter().enumerate() {
            let lead = if number == 0 { head.clone() } else { " ".repeat(indent) };
            let _ = writeln!(self.text, "{lead}{line}");
        }
    }

    fn line(&mut self, indent: usize, text: &str) {
        for line in wrapped(text, self.width - indent) {
            let _ = writeln!(self.text, "{:indent$}{line}", "");
        }
    }
}

/// Lines of at most so many columns, cut between words; a longer word has a line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is one");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("", 7), [""]);
        assert_eq!(wrapped("immeasurable", 7), ["immeasurable"]);
    }
}
