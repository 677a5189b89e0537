//! Sources built from their settings, with what they share.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::SourceSettings;
use crate::credentials;
use crate::env::Env;
use crate::meters::Meters;
use crate::poller::{Identity, Source};
use crate::rpc::{BuildError, Client, ClientParts};
use crate::sas::Api;

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

/// Builds every source, in the order of the settings. Those of the same account share its
/// limits, those that connect in the same way their connections.
pub(super) fn build(
    settings: Vec<SourceSettings>,
    env: &Env,
    clock: &Clock,
    meters: &Meters,
) -> Result<Vec<Source>, UnsendableError> {
    let mut transports = Transports::default();
    let mut limits = SharedLimits::default();
    let mut sources = Vec::with_capacity(settings.len());
    for settings in settings {
        let SourceSettings { name, region, endpoint, labels, rpc, credentials, sts: _, poller } = settings;
        let transport = transports
            .get(&rpc, env)
            .map_err(|source| UnsendableError { source_name: name.clone(), source })?;
        let limits = limits.get(&credentials, env, &rpc);
        let identity = Identity { name, region, endpoint: endpoint.host().to_owned(), labels };
        let meters = meters.source(&identity.name);
        let keys = credentials::build(
            &credentials,
            &credentials::Parts {
                source: identity.name.clone(),
                env: env.clone(),
                transport: Arc::clone(&transport) as _,
                rpc: rpc.clone(),
                clock: clock.clone(),
                meters: meters.clone(),
                metadata: credentials::metadata_url(),
            },
        );
        let client = Client::new(ClientParts {
            endpoint,
            config: rpc,
            keys,
            transport,
            limits,
            clock: clock.clone(),
            meters: meters.clone(),
        });
        let api = Api::new(client, meters.clone());
        sources.push(Source::new(identity, poller, api, clock.clone(), meters));
    }
    Ok(sources)
}
