//! Whether the exporter is ready to be scraped, and what it waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::snapshot::Published;

/// How long one slow source can keep the others from being scraped.
const PATIENCE: Duration = Duration::from_secs(60);

/// Judges readiness. Once ready it stays so until draining begins: of bad data later the metrics
/// tell, which nobody could scrape from an exporter that is not ready.
#[derive(Debug)]
pub(super) struct Readiness {
    started: Instant,
    draining: CancellationToken,
    was_ready: AtomicBool,
}

/// The outcome of one judgement.
#[derive(Debug)]
pub(super) struct Report {
    /// Whether the exporter is ready.
    pub(super) ready: bool,
    /// A line for the whole, then one a source: names and fixed words only, as no password is
    /// asked for.
    pub(super) text: String,
}

impl Readiness {
    /// Not ready, and counting its patience from now.
    pub(super) fn new(draining: CancellationToken) -> Self {
        Self { started: Instant::now(), draining, was_ready: AtomicBool::new(false) }
    }

    /// Judges `sources` as they stand now.
    pub(super) fn report(&self, sources: &[Arc<Published>]) -> Report {
        let obstacle = self.obstacle(sources);
        let mut text = match obstacle {
            None => "ready\n".to_owned(),
            Some(obstacle) => format!("not ready: {obstacle}\n"),
        };
        for source in sources {
            // A name on two lines could pass for the state of another source.
            text.extend(source.status.name.chars().filter(|c| !c.is_control()));
            text.push_str(": ");
            text.push_str(&state(source));
            text.push('\n');
        }
        Report { ready: obstacle.is_none(), text }
    }

    fn obstacle(&self, sources: &[Arc<Published>]) -> Option<&'static str> {
        if self.draining.is_cancelled() {
            return Some("shutting down");
        }
        if self.was_ready.load(Ordering::Relaxed) {
            return None;
        }
        if sources.iter().all(|source| source.snapshot.is_none()) {
            return Some("no source has published a snapshot yet");
        }
        let all_polled = sources.iter().all(|source| source.status.last_poll.is_some());
        if !all_polled && self.started.elapsed() < PATIENCE {
            return Some("not every source has finished its first poll");
        }
        self.was_ready.store(true, Ordering::Relaxed);
        None
    }
}

fn state(source: &Published) -> String {
    match (&source.status.failure, source.status.last_poll) {
        (Some(failure), _) => format!("failed:{}", failure.reason),
        (None, Some(_)) => "polled".to_owned(),
        (None, None) => "waiting".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FailureReason;
    use crate::page::samples::{failed, good, waiting};

    fn arcs(sources: impl IntoIterator<Item = Published>) -> Vec<Arc<Published>> {
        sources.into_iter().map(Arc::new).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn it_waits_for_the_first_poll_of_every_source() {
        let readiness = Readiness::new(CancellationToken::new());
        let report = readiness.report(&arcs([good("a"), waiting("b")]));
        assert!(!report.ready);
        assert_eq!(
            report.text,
            "not ready: not every source has finished its first poll\na: polled\nb: waiting\n"
        );
        let report = readiness.report(&arcs([good("a"), failed("b", FailureReason::Throttled)]));
        assert!(report.ready);
        assert_eq!(report.text, "ready\na: polled\nb: failed:throttled\n");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_source_is_waited_for_a_minute_at_most() {
        let readiness = Readiness::new(CancellationToken::new());
        let sources = arcs([good("a"), waiting("b")]);
        tokio::time::advance(PATIENCE - Duration::from_millis(1)).await;
        assert!(!readiness.report(&sources).ready);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(readiness.report(&sources).ready);
    }

    #[tokio::test(start_paused = true)]
    async fn without_any_snapshot_it_is_never_ready() {
        let readiness = Readiness::new(CancellationToken::new());
        tokio::time::advance(PATIENCE * 10).await;
        let report = readiness.report(&arcs([failed("a", FailureReason::Auth)]));
        assert!(!report.ready);
        assert_eq!(report.text, "not ready: no source has published a snapshot yet\na: failed:auth\n");
    }

    #[tokio::test(start_paused = true)]
    async fn once_ready_it_stays_so_until_draining() {
        let draining = CancellationToken::new();
        let readiness = Readiness::new(draining.clone());
        assert!(readiness.report(&arcs([good("a")])).ready);
        assert!(readiness.report(&arcs([failed("a", FailureReason::Network), waiting("b")])).ready);
        draining.cancel();
        let report = readiness.report(&arcs([good("a")]));
        assert!(!report.ready);
        assert_eq!(report.text, "not ready: shutting down\na: polled\n");
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_never_makes_a_line_of_its_own() {
        let readiness = Readiness::new(CancellationToken::new());
        let report = readiness.report(&arcs([good("a\nb: polled")]));
        assert_eq!(report.text, "ready\nab: polled: polled\n");
    }
}
