//! No configuration file ends the process, and no message tells what stands at the key of a secret.

use std::io::Write as _;

use agentless_exporter::config::{Inputs, KEYS, Privacy, load};
use config::{File, FileFormat, Map, Source as _, Value, ValueKind};

/// Stands for a secret. The fuzzer may put it anywhere.
const MARK: &str = "ZQXJ";

/// Loads `yaml` as the configuration file.
///
/// # Panics
/// If what is told of it holds a value that may be a secret, or breaks its line.
pub fn config(yaml: &[u8]) {
    // Such a key makes the exporter open the file it names, and then the machine has a say.
    if names_a_file(yaml) {
        return;
    }
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(yaml).expect("a written file");
    let inputs = Inputs { file: Some(file.path().to_owned()), ..Inputs::default() };
    let (told, shown) = match load(&inputs) {
        // What is no secret may be looked at once it is known to be good.
        Ok(settings) => (format!("{settings:?}"), [Privacy::Open, Privacy::Private].as_slice()),
        Err(mistakes) => {
            assert!(mistakes.iter().next().is_some(), "refused without a mistake");
            for mistake in mistakes.iter() {
                assert!(!mistake.to_string().contains(char::is_control), "{mistake}");
            }
            (format!("{mistakes}\n{mistakes:?}"), [Privacy::Open].as_slice())
        }
    };
    assert!(!told.contains(MARK) || may_tell(yaml, shown), "a secret is told: {told}");
}

fn names_a_file(yaml: &[u8]) -> bool {
    let contains = |name: &[u8]| yaml.windows(name.len()).any(|window| window == name);
    // Escapes may spell the same names.
    contains(b"_file") || contains(b"\\")
}

/// Whether the mark stands somewhere that no secret belongs: in the name of a key, or at a key
/// that is as open as one of `shown`. A file that is no YAML has no such place.
fn may_tell(yaml: &[u8], shown: &[Privacy]) -> bool {
    let Ok(text) = std::str::from_utf8(yaml) else { return false };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    File::from_str(text, FileFormat::Yaml).collect().is_ok_and(|tree| group_shows_mark(&tree, shown))
}

fn group_shows_mark(group: &Map<String, Value>, shown: &[Privacy]) -> bool {
    group.iter().any(|(name, value)| name.contains(MARK) || value_shows_mark(name, value, shown))
}

/// The same of the value at the key `name`.
fn value_shows_mark(name: &str, value: &Value, shown: &[Privacy]) -> bool {
    let privacy = privacy(name);
    match &value.kind {
        ValueKind::Array(items) => items.iter().any(|item| value_shows_mark(name, item, shown)),
        // Names of keys and labels are told, unless they stand where a secret should.
        ValueKind::Table(inner) if privacy != Some(Privacy::Secret) => group_shows_mark(inner, shown),
        _ => privacy.is_some_and(|privacy| shown.contains(&privacy)) && value.to_string().contains(MARK),
    }
}

/// How private the values of the key `name` are, in whichever group; `None` if there is none, as
/// of a group, and of the key of a secret when it is misspelt.
fn privacy(name: &str) -> Option<Privacy> {
    let named = |path: &str| path.rsplit('.').next() == Some(name);
    KEYS.iter().find(|key| named(key.path)).map(|key| key.privacy)
}
