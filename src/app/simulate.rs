//! `simulate`: the simulated Security Center by itself.

use crate::cli::SimulateArgs;
use crate::clock::Clock;
use crate::logging;
use crate::simulator::Simulator;

use super::failure::Failure;
use super::runtime::until_signal;

/// Runs the simulator until a signal.
pub(super) fn run(args: SimulateArgs) -> Result<(), Failure> {
    let config = args.simulator.config().map_err(Failure::usage)?;
    logging::init(args.log.config());
    until_signal(|shutdown| async move {
        let simulator = Simulator::bind(config, Clock::system()).await?;
        tracing::info!(address = %simulator.local_addr(), "the simulated Security Center listens");
        simulator.serve(shutdown).await;
        Ok(())
    })
}
