//! How many requests a configuration makes, reckoned without asking the cloud.

use std::time::Duration;

use crate::config::{SourceSettings, parse};
use crate::credentials::Account;
use crate::env::Env;
use crate::model::Listing;
use crate::poller;

const DAY: Duration = Duration::from_secs(86_400);

/// The part of the requests that the rate allows which polls may take while nothing happens. The
/// rest is for listings, for what changes, and for a time of throttling.
const QUIET_SHARE: f64 = 0.5;

/// Requests of a poll that finds nothing changed: one row for each status that ends a task, and
/// the page of running tasks. Where subtasks may be listed by themselves, the running main tasks
/// are a page of their own.
fn quiet_poll(listing: Listing) -> u32 {
    match listing {
        Listing::Flat | Listing::Auto => 5,
        Listing::PerRoot | Listing::Root => 4,
    }
}

/// Requests a day if no task ever runs.
fn quiet_day(poller: &poller::Config) -> f64 {
    times_a_day(poller.interval) * f64::from(quiet_poll(poller.listing))
}

fn times_a_day(interval: Duration) -> f64 {
    DAY.as_secs_f64() / interval.as_secs_f64()
}

/// What a source asks for in a day, in words.
pub(super) fn in_words(poller: &poller::Config) -> String {
    let quiet = quiet_day(poller).ceil();
    let tasks = match poller.page_size {
        1 => "task".to_owned(),
        rows => format!("{rows} tasks"),
    };
    // A full listing is a poll, so there are no more of them than polls.
    let full_every = poller.full_every.max(poller.interval);
    let listings = if full_every < DAY {
        format!("each of {} full listings", times_a_day(full_every).ceil())
    } else {
        format!("the full listing every {}", parse::show_duration(full_every))
    };
    format!(
        "at least {quiet} a day when nothing runs, and 1 for every {tasks} of the look-back at {listings}"
    )
}

/// A warning for each rate of which the polls would take most even on a quiet day. Sources with
/// the same access key share one.
pub(super) fn warnings(sources: &[SourceSettings], env: &Env) -> Vec<String> {
    let accounts = sources.iter().map(|source| (Account::new(&source.credentials, env), source));
    Account::group(accounts).iter().filter_map(|members| warning(members)).collect()
}

/// The configuration has given the same rate to all of `members`.
fn warning(members: &[&SourceSettings]) -> Option<String> {
    let rate = members.first()?.rpc.requests_per_second;
    let quiet: f64 = members.iter().map(|source| quiet_day(&source.poller)).sum();
    let allowed = rate * DAY.as_secs_f64();
    if quiet <= allowed * QUIET_SHARE {
        return None;
    }
    let names = members.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(", ");
    let (sources, share) = match members {
        [_] => ("source", ""),
        _ => ("sources", ", which they share"),
    };
    Some(format!(
        "{sources} {names}: polls take at least {} of the {} requests a day that \
         api.requests_per_second {rate} allows{share}, which leaves too few for full listings; raise poll.interval or \
         api.requests_per_second",
        quiet.ceil(),
        allowed.floor(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Inputs, load};
    use crate::credentials::{self, Written};

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_quiet_poll_of_each_listing_is_counted_by_the_day() {
        let quiet = |listing| quiet_day(&poller::Config { listing, ..poller::Config::default() });
        assert_eq!([Listing::Auto, Listing::Flat].map(quiet), [3600.0, 3600.0]);
        assert_eq!([Listing::PerRoot, Listing::Root].map(quiet), [2880.0, 2880.0]);
    }

    #[test]
    fn numbers_are_told_in_words() {
        let told = |interval, full_every, page_size| {
            in_words(&poller::Config {
                interval,
                full_every,
                page_size,
                listing: Listing::Root,
                ..poller::Config::default()
            })
        };
        assert_eq!(
            told(7 * MINUTE, 5 * 60 * MINUTE, 100),
            "at least 823 a day when nothing runs, and 1 for every 100 tasks of the look-back at each of 5 full listings"
        );
        assert_eq!(
            told(60 * MINUTE, MINUTE, 1),
            "at least 96 a day when nothing runs, and 1 for every task of the look-back at each of 24 full listings"
        );
        assert_eq!(
            told(60 * MINUTE, 3 * DAY, 50),
            "at least 96 a day when nothing runs, and 1 for every 50 tasks of the look-back at the full listing every 3d"
        );
    }

    /// The warnings of the default source, and what else is set.
    fn of_environment(more: &[(&str, &str)]) -> Vec<String> {
        let region = [("ALIBABA_CLOUD_REGION_ID", "cn-hangzhou")];
        let env = Env::from_iter(region.iter().chain(more).copied());
        let settings = load(&Inputs { env: env.clone(), ..Inputs::default() }).unwrap();
        warnings(&settings.sources, &env)
    }

    #[test]
    fn polls_may_take_half_of_the_rate_and_no_more() {
        let interval = ("AGENTLESS_EXPORTER__POLL__INTERVAL", "5s");
        let rate = |rate| of_environment(&[interval, ("AGENTLESS_EXPORTER__API__REQUESTS_PER_SECOND", rate)]);
        assert_eq!(rate("2"), [""; 0]);
        assert_eq!(
            rate("1.5"),
            ["source default: polls take at least 86400 of the 129600 requests a day that \
              api.requests_per_second 1.5 allows, which leaves too few for full listings; raise poll.interval or \
              api.requests_per_second"]
        );
    }

    #[test]
    fn sources_with_one_access_key_are_counted_together() {
        let env = Env::default();
        let region = Env::from_iter([("ALIBABA_CLOUD_REGION_ID", "cn-hangzhou")]);
        let default = load(&Inputs { env: region, ..Inputs::default() }).unwrap().sources.remove(0);
        let source = |name: &str, id: &str| {
            let here = |text: &str| Written::Here(crate::secret::Secret::new(text));
            let credentials = credentials::Config::AccessKey { id: here(id), secret: here("x") };
            let poller = poller::Config { interval: Duration::from_secs(6), ..default.poller.clone() };
            SourceSettings { name: name.to_owned(), credentials, poller, ..default.clone() }
        };
        let told = |sources: &[SourceSettings]| warnings(sources, &env);
        assert_eq!(told(&[source("a", "one"), source("b", "other")]), [""; 0]);
        let together = told(&[source("a", "one"), source("b", "other"), source("c", "one")]);
        let [line] = &together[..] else { panic!("{together:?}") };
        assert!(
            line.starts_with("sources a, c: polls take at least 144000 of the 172800 requests"),
            "{line}"
        );
        assert!(line.contains("allows, which they share, which leaves"), "{line}");
    }
}
