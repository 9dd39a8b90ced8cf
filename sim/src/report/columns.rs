//! Tables whose columns share the width that there is: cells are wrapped between words, and a word is cut only if it is wider
//! than its column can be, with `…` where something is missing.

/// Between two columns.
pub(crate) const SEPARATOR: &str = " │ ";
const SEPARATOR_LEN: usize = 3;
/// No column is narrower.
const COLUMN_MIN: usize = 4;

/// Rows beyond these have no say in how wide columns are.
const ROWS_ASKED: usize = 200;

/// Widths for columns whose cells are these, so that a line has at most `room` columns of the terminal and rows have as few lines
/// as that allows.
pub(crate) fn widths<'a>(
    columns: usize,
    rows: impl Iterator<Item = Vec<&'a str>>,
    room: usize,
) -> Vec<usize> {
    let rows: Vec<Vec<&str>> = rows.take(ROWS_ASKED).collect();
    let (mut widths, mut least) = (vec![COLUMN_MIN; columns], vec![COLUMN_MIN; columns]);
    for row in &rows {
        for (column, cell) in row.iter().enumerate() {
            widths[column] = widths[column].max(len(cell));
            least[column] = least[column].max(cell.split_whitespace().map(len).max().unwrap_or(0));
        }
    }
    let room = room.saturating_sub(SEPARATOR_LEN * columns.saturating_sub(1));
    shrink(&mut widths, &least, room, &rows);
    shrink(&mut widths, &vec![COLUMN_MIN; columns], room, &rows);
    widths
}

/// Takes from the columns where that costs the fewest lines, not below what each needs, until all fit.
fn shrink(widths: &mut [usize], least: &[usize], room: usize, rows: &[Vec<&str>]) {
    let heights = |column: usize, width: usize| -> Vec<usize> {
        rows.iter().map(|row| lines(row[column], width).len()).collect()
    };
    let mut now: Vec<Vec<usize>> =
        widths.iter().enumerate().map(|(column, &width)| heights(column, width)).collect();
    while widths.iter().sum::<usize>() > room {
        let narrower = (0..widths.len()).filter(|&column| widths[column] > least[column]);
        let tried = narrower.map(|column| {
            let then = heights(column, widths[column] - 1);
            let height = |at: usize| {
                let others = now.iter().enumerate().filter(|(other, _)| *other != column);
                others.map(|(_, heights)| heights[at]).chain([then[at]]).max().unwrap_or(1)
            };
            let total: usize = (0..rows.len()).map(height).sum();
            (total, usize::MAX - widths[column], column, then)
        });
        let Some((_, _, column, then)) = tried.min_by_key(|(total, narrow, ..)| (*total, *narrow)) else {
            return;
        };
        widths[column] -= 1;
        now[column] = then;
    }
}

/// The lines of a cell.
pub(crate) fn lines(cell: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in cell.split_whitespace() {
        let word = cut(word, width);
        match lines.last_mut() {
            Some(line) if len(line) + 1 + len(&word) <= width => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    if lines.is_empty() {
        lines.push(String::new());
    }
    lines
}

/// A word without its middle, if it is too long.
fn cut(word: &str, width: usize) -> String {
    if len(word) <= width {
        return word.to_owned();
    }
    let kept = width.saturating_sub(1);
    let (head, tail) = (kept / 2, kept - kept / 2);
    let start: String = word.chars().take(head).collect();
    let end: String = word.chars().skip(len(word) - tail).collect();
    format!("{start}…{end}")
}

/// How many columns a text takes; the texts are those of hosts and of ours, in which a character takes one.
pub(crate) fn len(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_columns_give_way_and_words_stay_whole() {
        let rows = || [vec!["one", "a few more words here", "and as many in this one"]].into_iter();
        assert_eq!(widths(3, rows(), 80), [4, 21, 23]);
        let narrow = widths(3, rows(), 36);
        assert_eq!(narrow.iter().sum::<usize>() + 6, 36);
        assert_eq!(lines("and as many in this one", narrow[2]), ["and as many", "in this one"]);
    }

    #[test]
    fn a_word_that_no_column_can_hold_loses_its_middle() {
        assert_eq!(lines("seal 0000000001-abcdef.log", 10), ["seal", "0000…f.log"]);
        assert_eq!(lines("", 10), [""]);
    }
}
