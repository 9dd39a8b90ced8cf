//! Words for people: numbers, times, tables and paragraphs in columns of a terminal, and names that are near to a misspelt one.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

static PROGRAM: OnceLock<String> = OnceLock::new();

/// What to type for this program in the commands that it prints. That is asl-sim, or, in the command of a crate with hosts of its own,
/// what that was started by.
pub(crate) fn program() -> &'static str {
    PROGRAM.get().map_or("asl-sim", String::as_str)
}

/// From now on commands are printed with the name that this program was started by. Once is enough.
pub(crate) fn call_program(started_by: &str) {
    let own = Path::new(started_by).file_name().is_some_and(|name| name == "asl-sim");
    if !own && !started_by.is_empty() {
        // Whoever calls twice has one program, too.
        let _ = PROGRAM.set(shell_word(started_by));
    }
}

/// How wide text is that no terminal shows.
pub(crate) const PIPE_COLUMNS: usize = 80;
/// Lines longer than this are hard to read, however wide the terminal is.
pub(crate) const TERMINAL_COLUMNS_MAX: usize = 110;
/// No narrower than this, however narrow the terminal is.
const COLUMNS_MIN: usize = 40;
/// Blanks between the columns of a grid.
const GAP: usize = 4;

/// A number with its thousands apart.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things, in words that agree with it.
pub(crate) fn things(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{} {many}", count(number)) }
}

/// How many a second.
pub(crate) fn per_second(number: u64, elapsed: Duration) -> u64 {
    (u128::from(number) * 1_000_000 / elapsed.as_micros().max(1)) as u64
}

/// A time in the units that matter.
pub(crate) fn duration(time: Duration) -> String {
    let whole = time.as_secs();
    match whole {
        0..10 => format!("{:.2} s", time.as_secs_f64()),
        10..100 => format!("{whole} s"),
        100..6_000 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", count(whole / 3_600), whole / 60 % 60),
    }
}

/// Words in lines of at most so many columns; every line but the first begins with the indent, which the first has
/// already.
pub(crate) fn wrapped(text: &str, indent: usize, columns: usize) -> String {
    let room = columns.max(COLUMNS_MIN).saturating_sub(indent).max(20);
    let mut out = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let len = word.chars().count();
        if used > 0 && used + 1 + len > room {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            used = 0;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += len;
    }
    out
}

/// Names with numbers, in as many columns as fit, read downwards, each line beginning with the indent.
pub(crate) fn grid(cells: &[(&str, u64)], indent: usize, columns: usize) -> String {
    let names: Vec<&str> = cells.iter().map(|(name, _)| *name).collect();
    let numbers: Vec<String> = cells.iter().map(|&(_, number)| count(number)).collect();
    let name_width = names.iter().map(|name| name.len()).max().unwrap_or(0);
    let number_width = numbers.iter().map(String::len).max().unwrap_or(0);
    let cell = name_width + 2 + number_width;
    let room = columns.max(COLUMNS_MIN).saturating_sub(indent);
    let across = ((room + GAP) / (cell + GAP)).max(1);
    let rows = cells.len().div_ceil(across).max(1);
    let line = |row: usize| {
        let cells = (row..cells.len()).step_by(rows);
        let cells = cells.map(|at| format!("{:name_width$}  {:>number_width$}", names[at], numbers[at]));
        format!("{:indent$}{}\n", "", cells.collect::<Vec<_>>().join(&" ".repeat(GAP)))
    };
    (0..rows.min(cells.len())).map(line).collect()
}

/// A word as a shell reads it as one.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The known names that are nearest to a name that is not known, best first, at most three.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut scored: Vec<(f64, &str)> =
        known.into_iter().map(|candidate| (strsim::jaro_winkler(name, candidate), candidate)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored
        .into_iter()
        .filter(|(score, _)| *score > 0.7)
        .take(3)
        .map(|(_, candidate)| candidate.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_thousands_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn durations_have_units() {
        let texts = [1_934, 42_400, 125_000, 7_260_000].map(|ms| duration(Duration::from_millis(ms)));
        assert_eq!(texts, ["1.93 s", "42 s", "2 min 5 s", "2 h 1 min"]);
    }

    #[test]
    fn text_is_wrapped_between_words() {
        assert_eq!(
            wrapped("aaaa bbbb cccc dddd eeee ffff gggg hhhh iiii", 4, 40),
            "aaaa bbbb cccc dddd eeee ffff gggg\n    hhhh iiii"
        );
    }

    #[test]
    fn a_grid_is_aligned_and_fits() {
        let text = grid(&[("a", 1), ("long-name", 1_000), ("bb", 20)], 2, 42);
        assert_eq!(text, "  a              1    bb            20\n  long-name  1,000\n");
        assert_eq!(grid(&[], 2, 42), "");
    }

    #[test]
    fn words_are_quoted_only_if_they_must_be() {
        assert_eq!(
            ["./a-b.json", "a b", "it's", ""].map(shell_word),
            ["./a-b.json", "'a b'", "'it'\\''s'", "''"]
        );
    }
}
