//! Under test every secret is looked for in everything that is logged, so that any unit test that
//! logs one fails, whatever it is about.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Mutex, Once, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

/// Shorter ones stand in other words by chance.
const LEAST: usize = 7;

static SECRETS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
static INSTALLED: Once = Once::new();

/// Notes that `secret` must never be logged from now on.
pub(super) fn notice(secret: &str) {
    if secret.len() >= LEAST {
        SECRETS.lock().unwrap_or_else(PoisonError::into_inner).insert(secret.to_owned());
    }
    INSTALLED.call_once(|| {
        let _already_set = tracing::subscriber::set_global_default(Watch);
    });
}

/// The secret that `text` holds, if any.
pub(crate) fn leaked_in(text: &str) -> Option<String> {
    let secrets = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
    secrets.iter().find(|secret| text.contains(secret.as_str())).cloned()
}

/// Takes every event of this program at any level, and those of others that would be written.
struct Watch;

impl Subscriber for Watch {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("agentless_exporter") || *metadata.level() <= tracing::Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        if let Some(secret) = leaked_in(&text.0) {
            let place = event.metadata().target();
            // A panic may be caught by whoever owns the task, and the test would pass.
            eprintln!("the secret {secret:?} of a test is logged by {place}: {}", text.0);
            std::process::abort();
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// The fields of an event, one after the other.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = write!(self.0, "{}={value} ", field.name());
    }
}
