//! A real Prometheus.

use std::net::SocketAddr;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::process::Process;
use super::{http, tools};

/// A running Prometheus that scrapes every second.
pub(crate) struct Prometheus {
    _process: Process,
    address: SocketAddr,
    /// Configuration and data; gone with it.
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// Starts one with these items of `scrape_configs`.
    pub(crate) fn start(jobs: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let file = folder.path().join("prometheus.yml");
        let text = format!("global: {{scrape_interval: 1s}}\nscrape_configs:\n{jobs}");
        std::fs::write(&file, text).expect("the folder can be written to");
        let mut process = Process::start(tools::prometheus(&file, &folder.path().join("data")));
        let address = process.address("Listening on");
        Self { _process: process, address, _folder: folder }
    }

    /// The rows of an instant query.
    ///
    /// # Errors
    /// If there are none, with what it answered.
    pub(crate) fn query(&self, expression: &str) -> Result<Vec<Value>, String> {
        let expression = utf8_percent_encode(expression, NON_ALPHANUMERIC);
        let read = self.ask(&format!("/api/v1/query?query={expression}"))?;
        match read["data"]["result"].as_array() {
            Some(rows) if !rows.is_empty() => Ok(rows.clone()),
            _ => Err(read.to_string()),
        }
    }

    /// Why the last scrape of `job` failed; empty if it did not, or there was none yet.
    ///
    /// # Errors
    /// If there is no such job, with what it answered.
    pub(crate) fn last_error(&self, job: &str) -> Result<String, String> {
        let read = self.ask("/api/v1/targets")?;
        let targets = read["data"]["activeTargets"].as_array().into_iter().flatten();
        let error = targets
            .filter(|target| target["labels"]["job"] == job)
            .find_map(|target| target["lastError"].as_str());
        error.map(str::to_owned).ok_or_else(|| read.to_string())
    }

    fn ask(&self, path: &str) -> Result<Value, String> {
        let answer = http::ask("GET", self.address, path, &[])?;
        serde_json::from_str(&answer.body).map_err(|error| error.to_string())
    }
}
