//! Every message that a person can get from the configuration is shown by a case in
//! `tests/config/cases/`.

use std::fs;

#[path = "config_messages/texts.rs"]
mod texts;

/// Texts in `src/config/` and `src/yaml.rs` that are no messages, or that no case can show.
const NOT_SHOWN: &[(&str, &str)] = &[
    ("it is a pipe or a terminal", "takes a pipe, which a test beside the code makes"),
    ("is too large", "a file of some MiB, which a test beside the code makes"),
    ("cannot be read as YAML", "stands for errors that the YAML reader does not have today"),
    (" at byte ", "is part of what the YAML reader says"),
    ("expected a duration such as", "is for flags of other commands"),
];

#[test]
fn every_message_is_in_a_case() {
    let expected = texts::files("tests/config/cases", "expected.txt");
    let mut code = texts::files("src/config", ".rs");
    code.push(fs::read_to_string("src/yaml.rs").expect("UTF-8"));
    assert_eq!(texts::not_shown(&expected, &code, NOT_SHOWN, 50), Vec::<String>::new(), "in no case");
}
