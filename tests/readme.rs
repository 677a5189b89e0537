//! What README.md shows works as it is shown.

use std::fs;
use std::path::Path;

use agentless_exporter::config::{self, Inputs, Settings};
use agentless_exporter::env::Env;
use tempfile::TempDir;

/// The fenced blocks of that language, without the indent of a list.
fn blocks(language: &str) -> Vec<String> {
    let readme = include_str!("../README.md");
    let fence = format!("```{language}\n");
    let mut blocks = Vec::new();
    for block in readme.split(&fence).skip(1) {
        let text = block.split("```").next().expect("a fence is closed");
        blocks.push(text.to_owned());
    }
    blocks
}

/// The configurations among the YAML blocks.
fn configurations() -> Vec<String> {
    let is_ours = |text: &String| text.starts_with("sources:") || text.starts_with("poll:");
    blocks("yaml").into_iter().filter(is_ours).collect()
}

fn load(text: &str, folder: &Path) -> Settings {
    let secret = folder.join("secret");
    std::fs::write(&secret, "made-up").expect("a file can be written");
    let text = text.replace("/etc/agentless-exporter/china-secret", secret.to_str().expect("UTF-8"));
    let file = folder.join("exporter.yaml");
    std::fs::write(&file, text.replace("\"…\"", "\"made-up\"")).expect("a file can be written");
    let inputs = Inputs { file: Some(file), ..Inputs::default() };
    config::load(&inputs).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

#[test]
fn all_documents_tell_in_the_same_words_whose_state_is_kept() {
    let words = "the name, endpoint, `listing` and `target_types` of a source";
    let documents = [
        include_str!("../README.md"),
        include_str!("../docs/logging.md"),
        include_str!("../docs/decisions/0007-state-file.md"),
    ];
    for text in documents {
        assert_eq!(text.matches(words).count(), 1, "{text}");
    }
}

#[test]
fn every_configuration_is_valid() {
    let configurations = configurations();
    assert_eq!(configurations.len(), 4);
    for text in configurations {
        let folder = TempDir::new().expect("a folder can be made");
        assert!(!load(&text, folder.path()).sources.is_empty());
    }
}

#[test]
fn the_keys_shown_with_their_defaults_have_these_defaults() {
    let text = configurations().into_iter().find(|text| text.starts_with("poll:")).expect("it is there");
    let folder = TempDir::new().expect("a folder can be made");
    let shown = load(&text, folder.path());
    let env = Env::from_iter([("ALIBABA_CLOUD_REGION_ID", "cn-hangzhou")]);
    let defaults = config::load(&Inputs { env, ..Inputs::default() }).expect("defaults are valid");
    assert_eq!((&shown.logging, &shown.web), (&defaults.logging, &defaults.web));
    assert_eq!(shown.sources, defaults.sources);
    assert!(shown.warnings.is_empty(), "{:?}", shown.warnings);
}

#[test]
fn every_picture_is_there() {
    let readme = fs::read_to_string("README.md").unwrap();
    let paths = readme.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(path, _)| path);
    let pictures: Vec<_> = paths.filter(|path| path.ends_with(".png")).collect();
    assert!(pictures.len() >= 4, "{pictures:?}");
    for picture in pictures {
        let bytes = fs::read(picture).unwrap_or_else(|error| panic!("{picture}: {error}; run make pictures"));
        assert!(bytes.starts_with(b"\x89PNG"), "{picture} is no picture");
    }
}
