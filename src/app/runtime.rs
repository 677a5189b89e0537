//! A runtime for one command, which ends by signals.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::signals::Signals;

/// How long the runtime may take to end what a second signal interrupted.
const LAST_MOMENT: Duration = Duration::from_millis(100);

/// Runs `work` on a runtime. The first SIGTERM or SIGINT cancels its token, upon which it is to
/// end soon; the second ends it at once.
pub(super) fn until_signal<F>(work: impl FnOnce(CancellationToken) -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::start)?;
    let done = runtime.block_on(async {
        let signals = Signals::catch().map_err(Failure::start)?;
        let shutdown = CancellationToken::new();
        tokio::select! {
            done = work(shutdown.clone()) => done,
            () = signals.watch(shutdown) => Err(Failure::Interrupted),
        }
    });
    runtime.shutdown_timeout(LAST_MOMENT);
    if done.is_ok() {
        tracing::info!("agentless-exporter has ended");
    }
    done
}

/// Waits for `work`, which needs no signals; `None` if there can be no runtime. Not to be called from one.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> Option<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    Some(runtime.block_on(work))
}
