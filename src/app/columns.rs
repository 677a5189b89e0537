//! Rows of cells as aligned text.

use anstyle::Style;
use unicode_width::UnicodeWidthStr as _;

use super::output::harmless;

/// Between two columns.
const GAP: &str = "  ";

/// A text in a table.
#[derive(Debug)]
pub(super) struct Cell {
    text: String,
    style: Style,
    is_number: bool,
}

impl Cell {
    /// A text, at the left of its column.
    pub(super) fn text(text: impl AsRef<str>, style: Style) -> Self {
        Self { text: harmless(text.as_ref()), style, is_number: false }
    }

    /// A number or the head above numbers, at the right of its column.
    pub(super) fn number(text: impl ToString, style: Style) -> Self {
        Self { text: text.to_string(), style, is_number: true }
    }
}

/// The rows, one a line, their columns as wide as their widest cell on a terminal.
pub(super) fn aligned(rows: &[Vec<Cell>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.text.width().max(*width);
        }
    }
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn line(row: &[Cell], widths: &[usize]) -> String {
    let mut line = String::new();
    for (index, (Cell { text, style, is_number }, width)) in row.iter().zip(widths).enumerate() {
        let blanks = " ".repeat(width - text.width());
        let gap = if index == 0 { "" } else { GAP };
        let is_last = index + 1 == row.len();
        line += &match (is_number, is_last) {
            (true, _) => format!("{gap}{blanks}{style}{text}{style:#}"),
            (false, false) => format!("{gap}{style}{text}{style:#}{blanks}"),
            (false, true) => format!("{gap}{style}{text}{style:#}"),
        };
    }
    line + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_the_width_on_a_terminal() {
        let plain = Style::new();
        let row =
            |name, count| vec![Cell::text(name, plain), Cell::number(count, plain), Cell::text("end", plain)];
        let text = aligned(&[row("生产", 7), row("e\u{301}", 12), row("web-1", 1234)]);
        assert_eq!(text, "生产      7  end\ne\u{301}        12  end\nweb-1  1234  end\n");
    }

    #[test]
    fn what_controls_a_terminal_does_not_reach_it() {
        let text = aligned(&[vec![Cell::text("a\u{1b}[2Jb\n\u{202e}c", Style::new())]]);
        assert_eq!(text, "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\n");
    }
}
