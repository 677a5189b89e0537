//! What of the limits of requests is decided across sources.

use crate::credentials::Account;
use crate::env::Env;

use super::SourceSettings;

/// Sources of the same account share one limit, as [`Account`] tells: the lowest
/// that any of them asks for.
pub(super) fn unite(sources: &mut [SourceSettings], env: &Env, warnings: &mut Vec<String>) {
    let accounts = sources.iter_mut().map(|source| (Account::new(&source.credentials, env), source));
    for mut members in Account::group(accounts) {
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
