//! Log lines on stderr, as logfmt or JSON. What is logged, and how, is written in `docs/logging.md`.

mod escape;
mod logfmt;

use std::io;

use tracing_subscriber::filter::{FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry};

use escape::Escaping;
use logfmt::Logfmt;

/// How a log line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `key=value` pairs, the form of the Prometheus programs.
    #[default]
    Logfmt,
    /// One JSON object a line.
    Json,
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The least severe level that is written.
    pub level: LevelFilter,
    /// The form of a line.
    pub format: Format,
}

impl Default for Config {
    fn default() -> Self {
        Self { level: LevelFilter::INFO, format: Format::Logfmt }
    }
}

/// Sends the events of this process to stderr, as [`init_to`] says.
pub fn init(config: Config) {
    init_to(config, io::stderr);
}

/// Sends the events of this process to `writer`. Events of libraries are written from `warn` on,
/// because some of them tell request targets and headers at `debug`.
/// A second call changes nothing.
pub fn init_to(config: Config, writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static) {
    let _already_set = subscriber(config, writer).try_init();
}

/// What [`init_to`] sends the events to. Each is one line, whatever stands in its fields.
pub fn subscriber(
    config: Config,
    writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static,
) -> impl tracing::Subscriber + Send + Sync {
    let Config { level, format } = config;
    let ours = move |metadata: &tracing::Metadata<'_>| {
        let target = metadata.target();
        target.starts_with("agentless_exporter") || *metadata.level() <= tracing::Level::WARN
    };
    let filter = filter_fn(ours).and(level);
    // Spans are for context; each line names its source or task in a field.
    let layer = match format {
        Format::Logfmt => tracing_subscriber::fmt::layer().event_format(Logfmt).with_writer(writer).boxed(),
        Format::Json => tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_writer(Escaping(writer))
            .boxed(),
    };
    Registry::default().with(layer.with_filter(filter))
}

/// The log lines of `work` on this thread from `info` on, without time and target.
#[cfg(test)]
pub(crate) fn told(work: impl FnOnce()) -> Vec<String> {
    told_from(tracing::Level::INFO, work)
}

/// The same from `level` on.
#[cfg(test)]
pub(crate) fn told_from(level: tracing::Level, work: impl FnOnce()) -> Vec<String> {
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    // With a single subscriber alive, an event that another thread without one comes upon first is
    // taken for one that nobody wants, for good. So there are always two.
    static OTHER: std::sync::LazyLock<tracing::Dispatch> =
        std::sync::LazyLock::new(|| tracing::Dispatch::new(tracing_subscriber::registry()));
    std::sync::LazyLock::force(&OTHER);
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, work);
    let bytes = lines.0.lock().unwrap().clone();
    let text = String::from_utf8(bytes).unwrap();
    assert_eq!(crate::secret::watch::leaked_in(&text), None, "{text}");
    text.lines().map(|line| line.trim_start().to_owned()).collect()
}
