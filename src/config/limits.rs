//! What of the limits of requests is decided across sources.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::credentials;
use crate::env::Env;

use super::SourceSettings;
use super::mistakes::Mistakes;
use super::parse::show_duration;

/// Sources with the same access key share one limit, as `credentials::key_id` tells: the lowest
/// that any of them asks for.
pub(super) fn unite(
    sources: &mut [SourceSettings],
    env: &Env,
    mistakes: &mut Mistakes,
    warnings: &mut Vec<String>,
) {
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
            let stall = source.poller.stall_timeout;
            // What its own rate is too low for was told before.
            if is_in_time(stall, source.rpc.requests_per_second) && !is_in_time(stall, rate) {
                mistakes.add(
                    "poll.stall_timeout",
                    format!("source {:?}", source.name),
                    format!(
                        "{}, the lowest api.requests_per_second of {names}, which have the same access key; \
                         raise one of the two",
                        too_slow(stall, rate)
                    ),
                );
            }
            source.rpc.requests_per_second = rate;
            source.rpc.concurrency = concurrency;
            source.poller.concurrency = concurrency;
        }
    }
}

/// Whether a page can come within `stall` of the one before, at `rate` requests a second.
pub(super) fn is_in_time(stall: Duration, rate: f64) -> bool {
    stall > pause(rate)
}

/// What is wrong if it can't.
pub(super) fn too_slow(stall: Duration, rate: f64) -> String {
    let (stall, pause) = (show_duration(stall), show_duration(pause(rate)));
    format!("{stall} must be more than the {pause} from one request to the next at the {rate} a second")
}

fn pause(rate: f64) -> Duration {
    Duration::from_secs_f64(1.0 / rate)
}
