//! Sources built from their settings, with what they share.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::SourceSettings;
use crate::credentials;
use crate::env::Env;
use crate::meters::{Meters, SourceMeters};
use crate::poller::{Identity, Source};
use crate::rpc::{BuildError, Client, ClientParts, HttpTransport, Limits};
use crate::sas::Api;
use crate::state;

use super::limits::SharedLimits;
use super::transports::Transports;

/// The HTTP client of a source could not be built.
#[derive(Debug, thiserror::Error)]
#[error("requests of source {source_name:?} cannot be sent as configured")]
pub struct UnsendableError {
    /// The source.
    pub source_name: String,
    /// What is in the way.
    pub source: BuildError,
}

/// What every source is built with.
#[derive(Clone, Debug)]
pub(super) struct Surroundings {
    pub(super) env: Env,
    pub(super) clock: Clock,
    pub(super) meters: Meters,
}

/// What sources share: those of the same account its limits, those that connect in the same way
/// their connections.
#[derive(Debug, Default)]
pub(super) struct Shared {
    transports: Transports,
    limits: SharedLimits,
}

impl Shared {
    /// Gives a source with these settings what it shares with others.
    pub(super) fn setup(&mut self, settings: SourceSettings, env: &Env) -> Result<Setup, UnsendableError> {
        let transport = self
            .transports
            .get(&settings.rpc, env)
            .map_err(|source| UnsendableError { source_name: settings.name.clone(), source })?;
        let limits = self.limits.get(&settings.credentials, env, &settings.rpc);
        Ok(Setup { settings, transport, limits })
    }
}

/// The settings of a source, with what it shares with others.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) settings: SourceSettings,
    transport: Arc<HttpTransport>,
    limits: Arc<Limits>,
}

impl Setup {
    /// Whose state the source has.
    pub(super) fn identity(&self) -> state::Identity {
        let SourceSettings { name, endpoint, poller, .. } = &self.settings;
        state::Identity {
            source: name.clone(),
            endpoint: endpoint.host().to_owned(),
            listing: poller.listing,
            target_types: poller.target_types.clone(),
        }
    }

    /// The keys by which this is another setup than `before`. A file of CAs may hold others by now.
    pub(super) fn differences(&self, before: &Self) -> Vec<&'static str> {
        let mut keys = self.settings.differences(&before.settings);
        if keys.is_empty() && !Arc::ptr_eq(&self.transport, &before.transport) {
            keys.push("api.ca_file");
        }
        keys
    }

    /// The source, of which nothing is known yet.
    pub(super) fn begin(&self, with: &Surroundings) -> Source {
        let (identity, api, meters) = self.parts(with);
        Source::new(identity, self.settings.poller.clone(), api, with.clock.clone(), meters)
    }

    /// The source that goes on where `before` has come to.
    pub(super) fn go_on(&self, before: Source, with: &Surroundings) -> Source {
        let (identity, api, meters) = self.parts(with);
        Source::after(before, identity, self.settings.poller.clone(), api, with.clock.clone(), meters)
    }

    fn parts(&self, with: &Surroundings) -> (Identity, Api, SourceMeters) {
        let Surroundings { env, clock, meters } = with;
        let SourceSettings { name, region, endpoint, labels, rpc, credentials, sts, poller: _ } =
            &self.settings;
        let identity = Identity {
            name: name.clone(),
            region: region.clone(),
            endpoint: endpoint.host().to_owned(),
            labels: labels.clone(),
        };
        let meters = meters.source(name);
        let keys = credentials::build(
            credentials,
            &credentials::Parts {
                source: name.clone(),
                env: env.clone(),
                sts: sts.clone(),
                transport: Arc::clone(&self.transport) as _,
                rpc: rpc.clone(),
                clock: clock.clone(),
                meters: meters.clone(),
                metadata: credentials::metadata_url(),
            },
        );
        let client = Client::new(ClientParts {
            endpoint: endpoint.clone(),
            config: rpc.clone(),
            keys,
            transport: Arc::clone(&self.transport) as _,
            limits: Arc::clone(&self.limits),
            clock: clock.clone(),
            meters: meters.clone(),
        });
        (identity, Api::new(client, meters.clone()), meters)
    }
}

/// Builds every source, in the order of the settings.
pub(super) fn build(
    settings: Vec<SourceSettings>,
    with: &Surroundings,
) -> Result<Vec<Source>, UnsendableError> {
    let mut shared = Shared::default();
    let setups: Result<Vec<_>, _> =
        settings.into_iter().map(|settings| shared.setup(settings, &with.env)).collect();
    Ok(setups?.iter().map(|setup| setup.begin(with)).collect())
}
