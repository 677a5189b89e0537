//! `once`: one full poll of every source, and what came of it.

mod json;
mod progress;
mod table;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{self, JoinSet};
use tokio::time::{Instant, interval_at};

use crate::cli::{OnceArgs, OutputForm};
use crate::clock::{Clock, UnixMillis};
use crate::env::Env;
use crate::exposition::{self, Format};
use crate::meters::Meters;
use crate::model::{FailureReason, PollFailure};
use crate::poller::Source;
use crate::snapshot::Published;
use crate::{config, logging};

use super::failure::Failure;
use super::output::{colours, say, say_styled};
use super::runtime::until_signal;
use super::sources::{self, Surroundings};

use progress::Progress;

/// Far more than it takes to render an exposition.
const TIME_TO_RENDER: Duration = Duration::from_secs(60);

/// Polls every source once and prints what came, also if some failed.
pub(super) fn run(args: &OnceArgs, env: &Env) -> Result<(), Failure> {
    let settings = config::load(&args.inputs(env.clone()))?;
    let progress = Progress::on_stderr(env);
    let log = progress.log_writer();
    logging::init_to(settings.logging, move || log.clone());
    for warning in &settings.warnings {
        tracing::warn!(warning, "the configuration is valid, but holds something to know");
    }
    until_signal(|shutdown| async move {
        let (clock, meters) = (Clock::system(), Meters::new());
        meters.config_read(clock.now());
        let with = Surroundings { env: env.clone(), clock: clock.clone(), meters: meters.clone() };
        let sources = sources::build(settings.sources, &with)?;
        let polled = shutdown.run_until_cancelled(poll_all(sources, progress)).await;
        let published = polled.unwrap_or(Err(Failure::Stopped))?;
        let colours = colours(env);
        let form = args.output;
        let text = match form {
            OutputForm::Table => table::render(&published),
            OutputForm::Json => json::render(&published),
            OutputForm::Metrics => metrics(&published, &meters, clock.now()),
        };
        // A reader who has stopped reading must not keep signals from ending this.
        let said = task::spawn_blocking(move || match form {
            OutputForm::Table => say_styled(&text, colours),
            OutputForm::Json | OutputForm::Metrics => say(&text),
        });
        let said = shutdown.run_until_cancelled(said).await.ok_or(Failure::Unread)?;
        said.map_err(Failure::start)??;
        match published.iter().filter(|source| !is_read(source)).count() {
            0 => Ok(()),
            failed => Err(Failure::Sources { failed, sources: published.len() }),
        }
    })
}

/// Polls all of `sources` at once; what they share keeps them within its limits. Gives what each
/// of them publishes at the end, in the same order.
async fn poll_all(sources: Vec<Source>, mut progress: Progress) -> Result<Vec<Arc<Published>>, Failure> {
    let watched: Vec<_> = sources.iter().map(Source::subscribe).collect();
    let now = || -> Vec<_> { watched.iter().map(|source| Arc::clone(&source.borrow())).collect() };
    progress.begin(&now());
    let mut polls: JoinSet<()> =
        sources.into_iter().map(|mut source| async move { source.poll_full().await }).collect();
    let period: Duration = progress.period();
    let mut ticks = interval_at(Instant::now() + period, period);
    loop {
        tokio::select! {
            ended = polls.join_next() => match ended {
                Some(ended) => ended.map_err(Failure::start)?,
                None => break,
            },
            _ = ticks.tick() => progress.under_way(&now()),
        }
        progress.ended(&now());
    }
    Ok(now())
}

/// The exposition of all that was read, without the meters of this process: it has ended when
/// somebody reads of it, and who collects files, such as node_exporter, has meters of the same name.
fn metrics(published: &[Arc<Published>], meters: &Meters, now: UnixMillis) -> String {
    let lasting: Vec<_> = published.iter().map(|source| Arc::new(lasting(source, now))).collect();
    let text = exposition::render(Format::Text, &lasting, meters, now);
    let of_process = |line: &&str| {
        line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ").starts_with("process_")
    };
    String::from_utf8_lossy(&text).split_inclusive('\n').filter(|line| !of_process(line)).collect()
}

/// The source with a snapshot that is not stale at `now`: the one that was read first has waited
/// for the slowest, and there is no newer one to wait for.
fn lasting(source: &Published, now: UnixMillis) -> Published {
    let mut lasting = source.clone();
    if let Some(snapshot) = &source.snapshot {
        let age = now.since(snapshot.as_of).max(source.read_at.elapsed());
        lasting.status.stale_after = source.status.stale_after.max(age + TIME_TO_RENDER);
    }
    lasting
}

/// Whether the poll of a source, which has ended, was good.
fn is_read(source: &Published) -> bool {
    source.snapshot.is_some() && source.status.failure.is_none()
}

/// What to do about a failure where there is no next poll by itself.
fn advice(failure: &PollFailure) -> String {
    match failure.reason {
        FailureReason::Server | FailureReason::Incomplete => {
            format!("{}; this command polls once, so run it again for the next", failure.advice)
        }
        _ => failure.advice.to_owned(),
    }
}

#[cfg(test)]
mod fixtures;

#[cfg(test)]
mod tests {
    use super::fixtures::prod;
    use super::*;

    #[test]
    fn a_source_that_was_read_long_before_the_slowest_ended_is_in_the_metrics() {
        let source = prod();
        let now = source.snapshot.as_ref().unwrap().as_of;
        assert!(source.fresh_snapshot(now).is_none(), "the source is to be stale");
        let text = metrics(&[source], &Meters::new(), now);
        assert!(text.contains("\nagentless_scan_tasks{source=\"prod\","), "{text}");
        assert!(text.contains("\nagentless_exporter_source_up{") && !text.contains("process_"), "{text}");
    }
}
