//! `simulate`: the simulated Security Center by itself.

use crate::cli::{SimulateArgs, SimulatedListing, SimulatorArgs};
use crate::clock::Clock;
use crate::logging;
use crate::simulator::{self, Faults, Listing, Simulator};

use super::run::{Failure, until_signal};

/// Runs the simulator until a signal.
pub(super) fn run(args: SimulateArgs) -> Result<(), Failure> {
    let config = config(args.simulator)?;
    logging::init(args.log.config());
    until_signal(|shutdown| async move {
        let simulator = Simulator::bind(config, Clock::system()).await.map_err(Failure::start)?;
        tracing::info!(address = %simulator.local_addr(), "the simulated Security Center listens");
        simulator.serve(shutdown).await;
        Ok(())
    })
}

/// The world that the flags describe.
pub(super) fn config(args: SimulatorArgs) -> Result<simulator::Config, Failure> {
    let mut faults = Faults::default();
    for rate in &args.faults {
        faults.set(rate.parse().map_err(Failure::usage)?);
    }
    let config = simulator::Config {
        listen: args.listen,
        seed: args.seed,
        tasks: usize::try_from(args.tasks).unwrap_or(usize::MAX),
        targets: usize::try_from(args.targets).unwrap_or(usize::MAX),
        access_key_id: args.access_key_id,
        access_key_secret: args.access_key_secret,
        security_token: args.security_token,
        page_size_max: args.page_size_max,
        latency: args.latency,
        listing: match args.listing {
            SimulatedListing::Flat => Listing::Flat,
            SimulatedListing::PerRoot => Listing::PerRoot,
            SimulatedListing::Root => Listing::Root,
        },
        faults,
        frozen: false,
    };
    config.check().map_err(Failure::usage)?;
    Ok(config)
}
