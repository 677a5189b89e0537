//! The settings of each source.

use std::collections::BTreeMap;

use crate::credentials::StsPlace;
use crate::model::{Listing, TargetType};
use crate::rpc::Endpoint;
use crate::sas::endpoints::{self, Network};
use crate::{poller, rpc};

use super::credentials::Credentials;
use super::layers::{REGION_VARIABLE, SourcesFrom};
use super::values::Values;
use super::{SourceSettings, build};
use crate::mistakes::Mistakes;

/// What holds for every source that doesn't say otherwise.
pub(super) struct Base {
    pub(super) rpc: rpc::Config,
    pub(super) poller: poller::Config,
}

/// Builds every source; one that has no endpoint is a mistake and left out.
pub(super) fn sources(
    values: &Values,
    base: &Base,
    from: &SourcesFrom,
    mistakes: &mut Mistakes,
    warnings: &mut Vec<String>,
) -> Vec<SourceSettings> {
    let file = match from {
        SourcesFrom::File(path) => path.as_str(),
        SourcesFrom::Environment => REGION_VARIABLE,
    };
    if values.sources == 0 && !mistakes.concern("sources") {
        mistakes.add(
            "sources",
            file,
            "is empty; list at least one source, or leave the key out for the one source `default`",
        );
    }
    let mut names = BTreeMap::new();
    (0..values.sources)
        .filter_map(|index| {
            let mut one = One { values, origin: file, at: format!("sources[{index}]"), mistakes, warnings };
            let name = one.name();
            if let Some(first) = names.get(&name).filter(|_| !name.is_empty()) {
                one.mistake(
                    "name",
                    &format!("{name:?} is the name of sources[{first}] too; give each source its own"),
                );
            }
            names.entry(name.clone()).or_insert(index);
            one.build(name, base, matches!(from, SourcesFrom::Environment))
        })
        .collect()
}

/// One source under way.
struct One<'a> {
    values: &'a Values,
    /// The file, or the variable that gave the region.
    origin: &'a str,
    /// `sources[0]`.
    at: String,
    mistakes: &'a mut Mistakes,
    warnings: &'a mut Vec<String>,
}

impl One<'_> {
    fn build(mut self, name: String, base: &Base, from_environment: bool) -> Option<SourceSettings> {
        let prefix = format!("{}.", self.at);
        let values = self.values;
        let rpc = build::rpc_config(values, &self.key("api"), &base.rpc, self.mistakes);
        let mut poller = build::poller_config(values, &prefix, &base.poller);
        poller.listing = match values.text(&self.key("listing")) {
            Some("flat") => Listing::Flat,
            Some("per_root") => Listing::PerRoot,
            Some("root") => Listing::Root,
            _ => Listing::Auto,
        };
        let wanted = values.texts(&self.key("target_types"));
        let is_wanted = |kind: &TargetType| wanted.iter().any(|word| word == kind.as_str());
        poller.target_types = TargetType::ALL.iter().copied().filter(is_wanted).collect();
        // What is wrong for all sources is told once, not for each.
        if values.has_any(&self.key("poll.")) || values.has_any(&self.key("api.")) {
            let origin = self.origin();
            build::timing(&rpc, &poller, &prefix, &origin, self.mistakes);
        }
        let endpoint = self.endpoint(from_environment);
        let (credentials, sts) = self.credentials();
        Some(SourceSettings {
            region: values.text(&self.key("region")).unwrap_or_default().to_owned(),
            endpoint: endpoint?,
            labels: values.labels(&self.key("labels")).to_vec(),
            credentials,
            sts,
            name,
            rpc,
            poller,
        })
    }

    fn name(&mut self) -> String {
        let name = self.values.text(&self.key("name")).unwrap_or_default().to_owned();
        if name.is_empty() && !self.told(&["name"]) {
            self.mistake(
                "name",
                "is missing; give the source a unique name, which becomes the label `source`",
            );
        }
        name
    }

    fn endpoint(&mut self, from_environment: bool) -> Option<Endpoint> {
        let values = self.values;
        let allow_http = values.flag(&self.key("allow_http")).unwrap_or(false);
        let network = match values.text(&self.key("network")) {
            Some("vpc") => Network::Vpc,
            _ => Network::Public,
        };
        match (values.text(&self.key("endpoint")), values.text(&self.key("region"))) {
            (Some(endpoint), _) => {
                if network == Network::Vpc {
                    self.warn("network", "has no effect when `endpoint` is set");
                }
                self.parsed(endpoint, allow_http, "endpoint")
            }
            (None, _) if self.told(&["endpoint", "region", "network"]) => None,
            (None, Some(region)) => match endpoints::resolve(region, network) {
                Ok(host) => self.parsed(&format!("https://{host}"), false, "region"),
                Err(error) => {
                    self.mistake("region", &error.to_string());
                    None
                }
            },
            (None, None) => {
                self.no_region(from_environment);
                None
            }
        }
    }

    fn parsed(&mut self, url: &str, allow_http: bool, key: &str) -> Option<Endpoint> {
        match Endpoint::parse(url, allow_http) {
            Ok(endpoint) => Some(endpoint),
            Err(error) => {
                self.mistake(key, &error.to_string());
                None
            }
        }
    }

    fn no_region(&mut self, from_environment: bool) {
        let (china, others) = (endpoints::CHINA, endpoints::INTERNATIONAL);
        let centres = format!(
            "there are two data centres, {china} for regions cn-* and {others} for all others, and the wrong \
             one would show a healthy, empty account"
        );
        if from_environment {
            self.mistakes.add(
                REGION_VARIABLE,
                "environment",
                format!(
                    "is not set, and no sources are configured; set it, or list sources in the file of \
                     --config.file: {centres}"
                ),
            );
        } else {
            self.mistake("region", &format!("is missing, and so is endpoint; set one of them: {centres}"));
        }
    }

    fn credentials(&mut self) -> (crate::credentials::Config, StsPlace) {
        let (at, origin) = (self.key("credentials."), self.origin());
        let sts = StsPlace::default();
        Credentials { values: self.values, at, origin: &origin, sts, mistakes: self.mistakes }.build()
    }

    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.at)
    }

    fn told(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.mistakes.concern(&self.key(name)))
    }

    fn mistake(&mut self, name: &str, text: &str) {
        let (key, origin) = (self.key(name), self.origin());
        self.mistakes.add(key, origin, text);
    }

    fn warn(&mut self, name: &str, text: &str) {
        self.warnings.push(format!("{}: {text}", self.key(name)));
    }

    fn origin(&self) -> String {
        match self.values.text(&self.key("name")) {
            Some(name) if self.origin != REGION_VARIABLE => format!("source {name:?} in {}", self.origin),
            _ => self.origin.to_owned(),
        }
    }
}
