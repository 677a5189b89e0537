//! `check-config --live`: a few small requests for each source, and what came of them.

mod json;
mod probe;
mod report;
mod table;

use std::sync::Arc;

use tokio::task::{self, JoinSet};

use crate::cli::{CheckConfigArgs, LiveOutput};
use crate::clock::Clock;
use crate::config::{self, Settings};
use crate::env::Env;

use super::check;
use super::failure::Failure;
use super::limits::SharedLimits;
use super::output::{colours, harmless, say, say_aside, say_styled};
use super::runtime::until_signal;
use super::sources::UnsendableError;
use super::transports::Transports;

use probe::Parts;
use report::SourceReport;

/// Asks the cloud about every source and prints what came, also if some can't be polled.
pub(super) fn run(args: &CheckConfigArgs, env: &Env) -> Result<(), Failure> {
    let settings = config::load(&args.inputs(env.clone()))?;
    let (offline, warnings) = (check::report(&settings, env), check::warnings(&settings, env));
    let form = args.output;
    say_aside(&under_way(&settings));
    until_signal(|shutdown| async move {
        let asked = shutdown.run_until_cancelled(ask_all(settings, env)).await;
        let reports = asked.unwrap_or(Err(Failure::Stopped))?;
        let colours = colours(env);
        let text = match form {
            LiveOutput::Table => format!("{offline}\n{}", table::render(&reports)),
            LiveOutput::Json => json::render(&reports, &warnings),
        };
        // A reader who has stopped reading must not keep signals from ending this.
        let said = task::spawn_blocking(move || match form {
            LiveOutput::Table => say_styled(&text, colours),
            LiveOutput::Json => say(&text),
        });
        let said = shutdown.run_until_cancelled(said).await.ok_or(Failure::Unread)?;
        said.map_err(Failure::start)??;
        match reports.iter().filter(|source| source.failure().is_some()).count() {
            0 => Ok(()),
            failed => Err(Failure::Unpollable { failed, sources: reports.len() }),
        }
    })
}

/// Who is asked about, and for how long at most.
fn under_way(settings: &Settings) -> String {
    let sources = &settings.sources;
    let names: Vec<_> = sources.iter().map(|source| harmless(&source.name)).collect();
    let most = sources.iter().map(|source| probe::patience(source, sources.len())).max().unwrap_or_default();
    format!("asking the cloud about {}; this may take up to {} s\n", names.join(", "), most.as_secs())
}

/// Asks about all sources at once; what they share keeps them within its limits. Gives them in the
/// order of the settings.
async fn ask_all(settings: Settings, env: &Env) -> Result<Vec<SourceReport>, Failure> {
    let sources = settings.sources.len();
    let mut transports = Transports::default();
    let mut limits = SharedLimits::default();
    let mut asking = JoinSet::new();
    for (index, source) in settings.sources.into_iter().enumerate() {
        let transport = transports
            .get(&source.rpc, env)
            .map_err(|error| UnsendableError { source_name: source.name.clone(), source: error })?;
        let parts = Parts {
            env: env.clone(),
            clock: Clock::system(),
            transport: Arc::clone(&transport) as _,
            limits: limits.get(&source.credentials, env, &source.rpc),
            sources,
        };
        asking.spawn(async move { (index, probe::ask(source, parts).await) });
    }
    let mut reports = Vec::with_capacity(sources);
    while let Some(asked) = asking.join_next().await {
        reports.push(asked.map_err(Failure::start)?);
    }
    reports.sort_by_key(|(index, _)| *index);
    Ok(reports.into_iter().map(|(_, report)| report).collect())
}

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
