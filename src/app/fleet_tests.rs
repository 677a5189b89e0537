//! What becomes of running sources when their configuration changes; nobody listens where they poll.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::changes::{Change, What};
use super::fleet::{Fleet, PrepareError};
use super::sources::Surroundings;
use crate::clock::Clock;
use crate::config::{Inputs, SourceSettings, load};
use crate::env::Env;
use crate::lifecycle::Supervisor;
use crate::meters::Meters;
use crate::snapshot::Published;
use crate::web::Readers;

/// A fleet, and what others see of it.
struct Watched {
    fleet: Fleet,
    readers: watch::Receiver<Arc<Readers>>,
    meters: Meters,
    supervisor: Supervisor,
    shutdown: CancellationToken,
}

impl Watched {
    fn new() -> Self {
        let shutdown = CancellationToken::new();
        let supervisor = Supervisor::new(shutdown.clone());
        let meters = Meters::new();
        let with = Surroundings { env: Env::default(), clock: Clock::system(), meters: meters.clone() };
        let fleet = Fleet::new(with, None, supervisor.starter());
        Self { readers: fleet.subscribe(), fleet, meters, supervisor, shutdown }
    }

    async fn become_as(&mut self, sources: &[&str]) -> Vec<Change> {
        let prepared = self.fleet.prepare(settings(sources)).await.unwrap();
        self.fleet.become_as(prepared).await
    }

    fn readers(&self) -> Vec<watch::Receiver<Arc<Published>>> {
        self.readers.borrow().to_vec()
    }

    fn names(&self) -> Vec<String> {
        self.readers().iter().map(|reader| reader.borrow().status.name.clone()).collect()
    }

    fn has_meters_of(&self, source: &str) -> bool {
        let families = self.meters.gather();
        let mut labels =
            families.iter().flat_map(|f| f.get_metric()).flat_map(|series| series.get_label().to_vec());
        labels.any(|label| label.name() == "source" && label.value() == source)
    }
}

/// Sources in flow style, without the braces; each polls nobody.
fn settings(sources: &[&str]) -> Vec<SourceSettings> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("exporter.yaml");
    let source = |source: &&str| {
        let endpoint = if source.contains("endpoint:") { "" } else { ", endpoint: \"http://127.0.0.1:9\"" };
        format!("  - {{{source}{endpoint}}}\n")
    };
    std::fs::write(&file, format!("sources:\n{}", sources.iter().map(source).collect::<String>())).unwrap();
    load(&Inputs { file: Some(file), ..Inputs::default() }).unwrap().sources
}

fn change(source: &str, what: What, keys: &[&'static str]) -> Change {
    Change { source: source.to_owned(), what, keys: keys.to_vec() }
}

#[tokio::test]
async fn sources_that_stay_keep_their_readers_and_the_others_begin_go_on_or_end() {
    let mut watched = Watched::new();
    let added = watched.become_as(&["name: a", "name: b", "name: c"]).await;
    assert_eq!(added, ["a", "b", "c"].map(|name| change(name, What::Added, &[])));
    assert_eq!(watched.names(), ["a", "b", "c"]);
    let [a, b, _] = &watched.readers()[..] else { panic!("three readers") };

    let longer = "name: b, poll: {interval: 3m}";
    let changes = watched.become_as(&["name: d", longer, "name: a"]).await;
    let expected = [
        change("d", What::Added, &[]),
        change("b", What::Changed, &["poll.interval"]),
        change("a", What::Kept, &[]),
        change("c", What::Removed, &[]),
    ];
    assert_eq!(changes, expected);
    assert_eq!(watched.names(), ["d", "b", "a"]);
    let now = watched.readers();
    assert!(now[2].same_channel(a) && now[1].same_channel(b));
    assert_eq!(now[1].borrow().status.interval, Duration::from_secs(180));
    assert!(watched.has_meters_of("a") && watched.has_meters_of("d") && !watched.has_meters_of("c"));
    assert!(watched.supervisor.health().is_good(), "a source that was told to end is no fault");

    let elsewhere = "name: a, endpoint: \"http://127.0.0.1:10\"";
    let changes = watched.become_as(&[elsewhere, longer]).await;
    let replaced = What::Replaced(Some(vec!["endpoint"]));
    assert_eq!(changes[0], change("a", replaced, &["endpoint"]));
    assert!(!watched.readers()[0].same_channel(a), "it has other tasks");
    assert!(watched.has_meters_of("a"));

    watched.shutdown.cancel();
    watched.fleet.end().await;
    assert!(watched.supervisor.health().is_good());
}

#[tokio::test]
async fn what_cannot_be_built_leaves_every_source_as_it_is() {
    let mut watched = Watched::new();
    watched.become_as(&["name: a"]).await;
    let before = watched.readers();
    let mut wrong = settings(&["name: new", "name: a, poll: {interval: 3m}"]);
    // As if the file had gone since it was checked.
    wrong[1].rpc.ca_file = Some("/no/such/ca.pem".into());
    let refused = watched.fleet.prepare(wrong).await.unwrap_err();
    assert!(matches!(refused, PrepareError::Source(_)), "{refused:?}");
    assert!(watched.readers()[0].same_channel(&before[0]));
    assert!(!watched.has_meters_of("new"));
    assert_eq!(watched.readers()[0].borrow().status.interval, Duration::from_secs(120));
    assert_eq!(watched.become_as(&["name: a"]).await, [change("a", What::Kept, &[])]);
}

#[tokio::test]
async fn another_certificate_in_the_same_file_is_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let renew = || {
        let pair = rcgen::generate_simple_self_signed(["ca".to_owned()]).unwrap();
        std::fs::write(&file, pair.cert.pem()).unwrap();
    };
    renew();
    let source = format!("name: a, api: {{ca_file: {}}}", file.display());
    let mut watched = Watched::new();
    watched.become_as(&[&source]).await;
    assert_eq!(watched.become_as(&[&source]).await, [change("a", What::Kept, &[])]);
    renew();
    assert_eq!(watched.become_as(&[&source]).await, [change("a", What::Changed, &["api.ca_file"])]);
}

#[tokio::test]
async fn first_polls_of_sources_that_begin_or_change_are_spread() {
    let mut watched = Watched::new();
    let seconds_apart = |watched: &Watched, names: [usize; 2]| {
        let next = names.map(|index| watched.readers()[index].borrow().status.next_poll);
        next[1].zip(next[0]).map(|(later, sooner)| later.since(sooner).as_secs_f64().round())
    };
    watched.become_as(&["name: a", "name: b", "name: c"]).await;
    let told = async |watched: &Watched| {
        for mut reader in watched.readers() {
            reader.wait_for(|published| published.status.next_poll.is_some()).await.unwrap();
        }
    };
    told(&watched).await;
    assert_eq!(seconds_apart(&watched, [1, 2]), Some(2.0));
    let all = ["name: a", "name: b", "name: c"].map(|name| format!("{name}, poll: {{interval: 3m}}"));
    let all: Vec<_> = all.iter().map(String::as_str).collect();
    watched.become_as(&all).await;
    told(&watched).await;
    assert_eq!(seconds_apart(&watched, [1, 2]), Some(2.0));
}

#[tokio::test]
async fn sources_of_one_account_share_a_new_limit() {
    let mut watched = Watched::new();
    watched.become_as(&["name: a", "name: b"]).await;
    let changes = watched.become_as(&["name: a, api: {requests_per_second: 1}", "name: b"]).await;
    let keys = ["api.requests_per_second"];
    assert_eq!(changes, ["a", "b"].map(|name| change(name, What::Changed, &keys)));
    let rates: Vec<_> = watched.readers().iter().map(|reader| reader.borrow().status.rate_limit).collect();
    assert_eq!(rates, [1.0, 1.0]);
}
