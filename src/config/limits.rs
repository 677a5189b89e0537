//! What of the limits of requests is decided across sources.

use std::collections::BTreeMap;

use crate::credentials;
use crate::env::Env;

use super::SourceSettings;

/// Sources with the same access key share one limit, as `credentials::key_id` tells: the lowest
/// that any of them asks for.
pub(super) fn unite(sources: &mut [SourceSettings], env: &Env, warnings: &mut Vec<String>) {
    let mut groups: BTreeMap<String, Vec<&mut SourceSettings>> = BTreeMap::new();
    for source in sources {
        if let Some(id) = credentials::key_id(&source.credentials, env) {
            groups.entry(id.to_owned()).or_default().push(source);
        }
    }
    for mut members in groups.into_values() {
        let rate = members.iter().map(|source| source.rpc.requests_per_second).fold(f64::INFINITY, f64::min);
        let concurrency = members.iter().map(|source| source.rpc.concurrency).min().unwrap_or(1);
        let same = |source: &&mut SourceSettings| {
            source.rpc.requests_per_second == rate && source.rpc.concurrency == concurrency
        };
        if members.iter().all(same) {
            continue;
        }
        let names = members.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(", ");
        warnings.push(format!(
            "sources {names} have the same access key and share one limit, so the lowest of theirs is used: \
             api.requests_per_second {rate}, api.concurrency {concurrency}"
        ));
        for source in &mut members {
            source.rpc.requests_per_second = rate;
            source.rpc.concurrency = concurrency;
            source.poller.concurrency = concurrency;
        }
    }
}
