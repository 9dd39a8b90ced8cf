//! The file that `--known` names: signatures of failures that are known already, so that they need not be told again.

use super::error::{Error, plain};
use crate::base::words::program;
use std::collections::BTreeSet;
use std::path::Path;

/// Longer files are no lists of signatures.
const LEN_MAX: u64 = 1 << 20;

/// Reads the signatures, one a line; what follows a # is for people.
pub(super) fn read(path: &Path) -> Result<BTreeSet<String>, Error> {
    let name = path.display().to_string();
    let hint = format!(
        "it has a signature a line, as `{} run` prints them; what follows a # is left out",
        program()
    );
    let refused =
        |why: &str| Error::new(format!("cannot read known failures from {name:?}: {why}")).hint(hint.clone());
    let file = std::fs::File::open(path).map_err(|error| refused(&plain(&error)))?;
    let text = std::io::read_to_string(std::io::Read::take(file, LEN_MAX + 1))
        .map_err(|error| refused(&plain(&error)))?;
    if text.len() as u64 > LEN_MAX {
        return Err(refused("it is too long"));
    }
    signatures(&text).map_err(|line| refused(&format!("line {line} is no signature")))
}

/// The signatures in a text, or the number of the first line that is none.
fn signatures(text: &str) -> Result<BTreeSet<String>, usize> {
    let lines = text.lines().map(|line| line.split_once('#').map_or(line, |(before, _)| before).trim());
    let numbered = (1..).zip(lines).filter(|(_, line)| !line.is_empty());
    let is_one = |line: &str| line.contains('/') && !line.contains(char::is_whitespace);
    numbered.map(|(number, line)| if is_one(line) { Ok(line.to_owned()) } else { Err(number) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_read_a_line_each_without_comments() {
        let text = "# seen in spring\nappend-durable/read/error\n\n  hang/crash  # no hurry\n";
        let known = signatures(text).expect("it is right");
        assert_eq!(known.into_iter().collect::<Vec<_>>(), ["append-durable/read/error", "hang/crash"]);
        assert_eq!(signatures("hang/crash\nappend durable"), Err(2));
        assert_eq!(signatures("append-durable"), Err(1));
    }
}
