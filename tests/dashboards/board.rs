//! The dashboards as Grafana reads them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

/// A dashboard of `dashboards/`.
pub(crate) struct Board {
    /// Name of its file.
    pub(crate) name: String,
    /// All of it.
    pub(crate) json: Value,
}

impl Board {
    /// All there are.
    pub(crate) fn all() -> Vec<Self> {
        let files = files();
        assert_eq!(files.len(), 3, "{files:?}");
        files.into_iter().map(Self::read).collect()
    }

    fn read(file: PathBuf) -> Self {
        let text = fs::read_to_string(&file).expect("a dashboard can be read");
        let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Self { name: file.file_name().expect("it is a file").to_string_lossy().into_owned(), json }
    }

    /// Its panels but the headings of rows.
    pub(crate) fn panels(&self) -> impl Iterator<Item = &Value> {
        list(&self.json["panels"]).iter().filter(|panel| panel["type"] != "row")
    }

    /// The expressions of its panels and annotations, each with where it stands.
    pub(crate) fn queries(&self) -> Vec<(String, &str)> {
        let of_panels = self.panels().flat_map(|panel| {
            list(&panel["targets"]).iter().map(move |target| (&panel["title"], &target["expr"]))
        });
        let annotations = list(&self.json["annotations"]["list"]).iter();
        of_panels
            .chain(annotations.map(|annotation| (&annotation["name"], &annotation["expr"])))
            .map(|(place, expr)| (format!("{}, {place}", self.name), text(expr)))
            .collect()
    }

    /// Its variables by name, each with the value that stands for all.
    pub(crate) fn variables(&self) -> BTreeMap<&str, &str> {
        let variables = list(&self.json["templating"]["list"]).iter();
        variables
            .map(|one| (text(&one["name"]), one["allValue"].as_str().unwrap_or_else(|| text(&one["query"]))))
            .collect()
    }
}

/// The JSON files of `dashboards/`.
pub(crate) fn files() -> Vec<PathBuf> {
    let entries = fs::read_dir("dashboards").expect("there are dashboards");
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    let mut files: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect();
    files.sort();
    files
}

/// The entries of a list that may be missing.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A text that must be there.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}
