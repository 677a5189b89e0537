//! What was learnt, for programs. `check-config --help` documents this shape: change both
//! together, and only by adding.

use serde::Serialize;

use super::super::output::harmless;
use super::report::{Answer, Counts, MainTask, Permission, SourceReport, Told};

#[derive(Serialize)]
struct Report<'r> {
    ok: bool,
    sources: Vec<Source<'r>>,
    warnings: &'r [String],
}

#[derive(Serialize)]
struct Source<'r> {
    name: &'r str,
    region: Option<&'r str>,
    endpoint: &'r str,
    ok: bool,
    credentials: &'static str,
    key: Option<Key>,
    identity: Option<Identity<'r>>,
    permission: Option<&'static str>,
    clock_skew_seconds: Option<f64>,
    page_size: PageSize,
    listing: Listing,
    counts: Vec<CountsOf<'r>>,
    requests_a_day: Option<Requests>,
    failure: Option<Failure<'r>>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Key {
    provider: String,
    id: String,
    expires: Option<String>,
}

#[derive(Serialize)]
struct Identity<'r> {
    arn: &'r str,
    account_id: &'r str,
    identity_type: &'r str,
}

#[derive(Serialize)]
struct PageSize {
    configured: u32,
    accepted: Option<u32>,
    answered: Option<u64>,
}

#[derive(Serialize)]
struct Listing {
    configured: &'static str,
    seen: Option<&'static str>,
}

#[derive(Serialize)]
struct CountsOf<'r> {
    endpoint: &'r str,
    main_tasks: Option<u64>,
    subtasks: Option<u64>,
    root_task_omitted: Option<u64>,
    newest_main_tasks: Vec<Newest<'r>>,
    lookback_main_tasks: Option<u64>,
    lookback_subtasks: Option<u64>,
    failure: Option<Failure<'r>>,
}

#[derive(Serialize)]
struct Newest<'r> {
    task_id: &'r str,
    subtasks: Option<u64>,
}

#[derive(Serialize)]
struct Requests {
    total: f64,
    quiet_polls: f64,
    full_listings: f64,
    of_a_full_listing: u64,
}

#[derive(Serialize)]
struct Failure<'r> {
    reason: &'static str,
    code: Option<&'r str>,
    message: String,
    advice: &'static str,
}

/// All sources as one JSON object.
pub(super) fn render(reports: &[SourceReport], warnings: &[String]) -> String {
    let report = Report {
        ok: reports.iter().all(|source| source.failure().is_none()),
        sources: reports.iter().map(|source| Source::of(source, reports)).collect(),
        warnings,
    };
    serde_json::to_string_pretty(&report).expect("every key is a text") + "\n"
}

impl<'r> Source<'r> {
    fn of(source: &'r SourceReport, all: &[SourceReport]) -> Self {
        let size = source.own.page_size;
        Self {
            name: &source.name,
            region: Some(source.region.as_str()).filter(|region| !region.is_empty()),
            endpoint: &source.own.host,
            ok: source.failure().is_none(),
            credentials: source.credentials,
            key: source.key.as_ref().map(|key| Key {
                provider: harmless(&key.provider),
                id: key.id.clone(),
                expires: key.expires.map(|time| time.to_string()),
            }),
            identity: source.identity.good().map(|identity| Identity {
                arn: &identity.arn,
                account_id: &identity.account_id,
                identity_type: &identity.kind,
            }),
            permission: match source.permission() {
                Permission::Granted => Some("granted"),
                Permission::Refused => Some("refused"),
                Permission::Unknown => None,
            },
            clock_skew_seconds: source.clock_skew_seconds,
            page_size: PageSize {
                configured: source.poller.page_size,
                accepted: size.map(|size| size.taken),
                answered: size.and_then(|size| size.answered),
            },
            listing: Listing {
                configured: source.poller.listing.as_str(),
                seen: source.listing_seen().map(|listing| listing.as_str()),
            },
            counts: [Some(&source.own), source.other.as_ref()]
                .into_iter()
                .flatten()
                .map(CountsOf::of)
                .collect(),
            requests_a_day: source.requests().map(|requests| Requests {
                total: requests.total(),
                quiet_polls: requests.quiet_polls,
                full_listings: requests.full_listings,
                of_a_full_listing: requests.of_a_full_listing,
            }),
            failure: source.failure().map(Failure::of),
            notes: source.notes(all).iter().map(|note| harmless(note)).collect(),
        }
    }
}

impl<'r> CountsOf<'r> {
    fn of(counts: &'r Counts) -> Self {
        let count = |answer: &Answer<u64>| answer.good().copied();
        Self {
            endpoint: &counts.host,
            main_tasks: count(&counts.main_tasks),
            subtasks: count(&counts.subtasks),
            root_task_omitted: count(&counts.unsaid),
            newest_main_tasks: counts
                .newest
                .iter()
                .map(|MainTask { id, subtasks }| Newest { task_id: id, subtasks: count(subtasks) })
                .collect(),
            lookback_main_tasks: count(&counts.recent_main_tasks),
            lookback_subtasks: count(&counts.recent_subtasks),
            failure: counts.main_tasks.failure().or(counts.subtasks.failure()).map(Failure::of),
        }
    }
}

impl<'r> Failure<'r> {
    fn of(told: &'r Told) -> Self {
        Self {
            reason: told.reason.as_str(),
            code: told.code.as_deref(),
            message: harmless(&told.message),
            advice: told.advice,
        }
    }
}
