//! What a reader asks for behind the `?`.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::exposition::Names;

/// The families that a scraper names by `name[]=`, any number of times; `None` if it names none.
pub(super) fn names(query: Option<&str>) -> Option<Names> {
    let pairs = query?.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut names = pairs.filter(|(key, _)| decoded(key) == "name[]").peekable();
    names.peek()?;
    Some(Names::new(names.map(|(_, name)| decoded(name).into_owned())))
}

/// What is no UTF-8 has a sign in it that no name has.
fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// Whether the page is to load itself again: always, unless the reader wants it to stand still.
pub(super) fn refreshes(query: Option<&str>) -> bool {
    query.is_none_or(|query| query.split('&').all(|pair| pair != "refresh=off"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn those(names: &[&str]) -> Option<Names> {
        Some(Names::new(names.iter().map(|&name| name.to_owned())))
    }

    #[test]
    fn every_name_counts_however_it_is_written() {
        for (query, expected) in [
            ("name[]=a", those(&["a"])),
            ("name[]=a&name[]=b&x=y", those(&["a", "b"])),
            ("name%5B%5D=a%5Fb", those(&["a_b"])),
            ("name%5b]=a", those(&["a"])),
            ("name[]=a=b", those(&["a=b"])),
            ("name[]=", those(&[""])),
            ("name[]", those(&[""])),
            ("name[]=%ff", those(&["\u{fffd}"])),
        ] {
            assert_eq!(names(Some(query)), expected, "{query}");
        }
    }

    #[test]
    fn who_names_nothing_wants_all() {
        for query in ["", "name=a", "name[0]=a", "NAME[]=a", "x=name[]=a", "collect[]=a"] {
            assert_eq!(names(Some(query)), None, "{query}");
        }
        assert_eq!(names(None), None);
    }
}
