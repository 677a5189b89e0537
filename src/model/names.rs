//! Names of machines and images, fit to be shown.

use std::fmt;

use crate::text::controls;

/// Most characters of a name.
const MOST_CHARACTERS: usize = 128;

/// A text of the cloud as it may stand in a label, on a page and in a terminal: at most 128
/// characters on one line, none of which control what shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<str>);

impl Name {
    /// What of `text` can be shown; `None` if nothing can.
    pub fn of(text: &str) -> Option<Self> {
        let mut shown = text.chars().filter(|&c| !controls(c));
        let mut name: String = shown.by_ref().take(MOST_CHARACTERS).collect();
        if shown.next().is_some() {
            name.pop();
            name.push('…');
        }
        let name = name.trim();
        let is_blank = |c: char| {
            c.is_whitespace()
                || matches!(
                    c,
                    '\u{200c}' | '\u{200d}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{2800}'
                )
        };
        (!name.chars().all(is_blank)).then(|| Self(name.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a target is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetNames {
    /// What tells it from others of its type: `Uuid`, else `TargetName`.
    pub target: Name,
    /// `InstanceId`.
    pub instance_id: Option<Name>,
    /// `InstanceName`.
    pub instance_name: Option<Name>,
    /// `TargetName`.
    pub target_name: Option<Name>,
}

impl TargetNames {
    /// The name that tells a person most.
    pub fn best(&self) -> &Name {
        self.instance_name.as_ref().or(self.target_name.as_ref()).unwrap_or(&self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<String> {
        Name::of(text).map(|name| name.to_string())
    }

    #[test]
    fn what_controls_the_place_where_it_is_shown_is_removed() {
        assert_eq!(of("a\u{1b}[31mb\r\n\tc\u{0}\u{9b}d\u{7f}").as_deref(), Some("a[31mbcd"));
        assert_eq!(of("abc\u{202e}gpj.exe\u{2066}\u{feff}\u{2028}").as_deref(), Some("abcgpj.exe"));
    }

    #[test]
    fn foreign_scripts_stay() {
        for name in ["生产-数据库", "שרת", "خادم", "naïve 🚀"] {
            assert_eq!(of(name).as_deref(), Some(name));
        }
    }

    #[test]
    fn a_name_has_at_most_128_characters_and_tells_that_it_was_cut() {
        assert_eq!(of(&"ü".repeat(128)).unwrap(), "ü".repeat(128));
        let cut = of(&"ü".repeat(4096)).unwrap();
        assert_eq!(cut.chars().count(), 128);
        assert!(cut.ends_with("ü…"), "{cut}");
    }

    #[test]
    fn nothing_to_show_is_no_name() {
        for blank in ["", " ", "\n\t", "\u{200f}", "\u{200b}", "\u{3164}\u{115f}", "\u{e0041}"] {
            assert_eq!(of(blank), None, "{blank:?}");
        }
    }
}
