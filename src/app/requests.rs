//! How many requests a configuration makes, reckoned without asking the cloud.

use std::fmt;
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

/// What the cloud counts of a source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    /// How its scan tasks are listed.
    pub(super) listing: Listing,
    /// Main tasks of the look-back.
    pub(super) main_tasks: u64,
    /// Subtasks of the look-back, as far as they are listed without their main task.
    pub(super) subtasks: u64,
    /// Rows that a page has.
    pub(super) page_size: u64,
}

/// What a source asks for in a day if what the cloud counts stays as it is and nothing runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reckoned {
    /// Requests of the polls between full listings.
    pub(super) quiet_polls: f64,
    /// Full listings.
    pub(super) full_listings: f64,
    /// Requests of each of them, without any for repeats.
    pub(super) of_a_full_listing: u64,
}

impl Reckoned {
    /// All of it, in whole requests.
    pub(super) fn total(&self) -> f64 {
        (self.quiet_polls + self.full_listings * self.of_a_full_listing as f64).ceil()
    }
}

impl fmt::Display for Reckoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { quiet_polls, full_listings, of_a_full_listing } = self;
        write!(f, "about {} a day while nothing runs: ", self.total())?;
        write!(f, "{} for polls of what changed, ", quiet_polls.ceil())?;
        if *full_listings >= 1.0 {
            write!(f, "{of_a_full_listing} for each of {} full listings", full_listings.ceil())
        } else {
            let days = (1.0 / full_listings).round();
            write!(f, "{of_a_full_listing} for the full listing every {days} days")
        }
    }
}

/// Reckons by what the cloud counts. A full listing asks for what runs and for the look-back, of
/// main tasks and of subtasks; where these are asked for by main task, for each one's by itself.
pub(super) fn reckon(poller: &poller::Config, counted: &Counted) -> Reckoned {
    let Counted { listing, main_tasks, subtasks, page_size } = *counted;
    let types = poller.target_types.len().max(1) as u64;
    let pages = |rows: u64| rows.div_ceil(page_size.max(1)).max(types);
    let window = |rows: u64| types + pages(rows);
    let of_a_full_listing = match listing {
        Listing::Flat | Listing::Auto => window(main_tasks) + window(subtasks),
        // Those that started somewhat before the look-back are listed once more.
        Listing::PerRoot => window(main_tasks) + pages(main_tasks) + main_tasks,
        Listing::Root => window(main_tasks),
    };
    let quiet = quiet_day(&poller::Config { listing, ..poller.clone() });
    let full_listings = times_a_day(poller.full_every.max(poller.interval));
    Reckoned { quiet_polls: quiet, full_listings, of_a_full_listing }
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

    #[test]
    fn what_the_cloud_counts_makes_the_pages_of_full_listings() {
        let config = poller::Config::default();
        let reckoned = |listing, main_tasks, subtasks| {
            let counted = Counted { listing, main_tasks, subtasks, page_size: 20 };
            reckon(&config, &counted).of_a_full_listing
        };
        assert_eq!(reckoned(Listing::Flat, 0, 0), 4, "an empty page is one too");
        assert_eq!(reckoned(Listing::Flat, 20, 41), 6);
        assert_eq!(reckoned(Listing::PerRoot, 21, 0), 26);
        assert_eq!(reckoned(Listing::Root, 21, 0), 3);
    }

    #[test]
    fn what_was_reckoned_is_told_in_words() {
        let counted = Counted { listing: Listing::Flat, main_tasks: 12, subtasks: 137, page_size: 50 };
        let told = |full_every| {
            let config = poller::Config { full_every, ..poller::Config::default() };
            reckon(&config, &counted).to_string()
        };
        assert_eq!(
            told(6 * 60 * MINUTE),
            "about 3624 a day while nothing runs: 3600 for polls of what changed, 6 for each of 4 full listings"
        );
        assert_eq!(
            told(3 * DAY),
            "about 3602 a day while nothing runs: 3600 for polls of what changed, 6 for the full listing every 3 days"
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
