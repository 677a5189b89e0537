//! Slips of an editor, which may put a secret where it does not belong.

use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Stands in every secret value and nowhere else.
pub(crate) const MARK: &str = "ZQXJ";

/// A slip of the editor. Quotes and block scalars are left out, because with them a secret can
/// truly become part of a name or region, which is then told.
pub(crate) fn slip() -> impl Strategy<Value = (Index, Slip)> {
    let character = select("\t\n:-[]{},#&*!%@`0a ".chars().collect::<Vec<_>>());
    let slip = prop_oneof![
        (1..4_usize).prop_map(Slip::Delete),
        character.prop_map(Slip::Insert),
        Just(Slip::RepeatLine),
        Just(Slip::DropLine),
        (1..5_usize).prop_map(Slip::IndentLine),
        (1..5_usize).prop_map(Slip::OutdentLine),
    ];
    (any::<Index>(), slip)
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Slip {
    Delete(usize),
    Insert(char),
    RepeatLine,
    DropLine,
    IndentLine(usize),
    OutdentLine(usize),
}

/// The text after a slip.
pub(crate) fn apply(text: &str, at: Index, slip: Slip) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() {
        return String::new();
    }
    let line = at.index(lines.len());
    match slip {
        Slip::Delete(count) => {
            let chars: Vec<char> = text.chars().collect();
            let from = at.index(chars.len());
            let to = (from + count).min(chars.len());
            // What cuts a mark apart would hide a leak.
            let cut: String = chars[from..to].iter().collect();
            let kept: String = chars[..from].iter().chain(&chars[to..]).collect();
            return if MARK.chars().any(|c| cut.contains(c)) { text.to_owned() } else { kept };
        }
        Slip::Insert(character) => {
            let mut chars: Vec<char> = text.chars().collect();
            chars.insert(at.index(chars.len()), character);
            return chars.into_iter().collect();
        }
        Slip::RepeatLine => lines.insert(line, lines[line].clone()),
        Slip::DropLine => drop(lines.remove(line)),
        Slip::IndentLine(by) => lines[line].insert_str(0, &" ".repeat(by)),
        Slip::OutdentLine(by) => {
            let blanks = lines[line].len() - lines[line].trim_start().len();
            lines[line].replace_range(..blanks.min(by), "");
        }
    }
    lines.join("\n")
}
