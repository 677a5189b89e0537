//! Configuration: one table of keys, layers, every mistake at once.
//!
//! Defaults, file, environment and flags are checked against [`KEYS`] one by one, laid over each
//! other, and become the plain `Config` of each module.

mod build;
mod credentials;
mod differences;
mod environment;
mod file;
mod forms;
mod keys;
mod kind;
mod layers;
mod limits;
mod outside;
pub mod parse;
mod source;
mod values;
mod walk;

pub use crate::mistakes::{Mistake, Mistakes};
pub(crate) use build::logging_config;
pub use credentials::{needed_by, users_in_base_of, users_of};
pub use environment::variable_of;
pub use forms::Form;
pub(crate) use keys::named;
pub use keys::{KEYS, Key, Privacy, Scope};
pub use kind::Kind;

use std::path::{Path, PathBuf};

use crate::env::Env;
use crate::{logging, poller, rpc, state, web, web_config};

/// The key of the web config file.
const WEB_CONFIG_FILE: &str = "web.config.file";

/// Whence the configuration comes. Defaults lie below all of these.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// `--config.file`.
    pub file: Option<PathBuf>,
    /// The environment.
    pub env: Env,
    /// Paths of keys of [`Scope::Flag`] and their values; several of a key that takes a list.
    pub flags: Vec<(&'static str, String)>,
}

/// A configuration without mistakes.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Log lines.
    pub logging: logging::Config,
    /// The exporter's own HTTP face.
    pub web: web::Config,
    /// The file of `--web.config.file`, as it was read.
    pub web_config: Option<web_config::Loaded>,
    /// Where the state is kept; in memory only if nowhere.
    pub state: Option<state::Config>,
    /// What is polled, at least one, in the order of the file.
    pub sources: Vec<SourceSettings>,
    /// What is no mistake, but should be told once.
    pub warnings: Vec<String>,
}

/// The configuration of one source.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceSettings {
    /// Unique name, the label `source`.
    pub name: String,
    /// Region; empty if only an endpoint was given.
    pub region: String,
    /// Where the API is.
    pub endpoint: rpc::Endpoint,
    /// Extra labels of the info metric, in order of names.
    pub labels: Vec<(String, String)>,
    /// How requests are sent. Sources of the same account (`credentials::Account`) have
    /// the same limits.
    pub rpc: rpc::Config,
    /// Where the access key comes from.
    pub credentials: crate::credentials::Config,
    /// Which Security Token Service knows whose key that is.
    pub sts: crate::credentials::StsPlace,
    /// How the tasks are polled.
    pub poller: poller::Config,
}

/// Reads, checks and builds the whole configuration.
///
/// # Errors
/// On any mistake, with all of them.
pub fn load(inputs: &Inputs) -> Result<Settings, Mistakes> {
    let mut mistakes = Mistakes::default();
    let settings = layers::merge(inputs, &mut mistakes)
        .map(|merged| build::settings(&merged, &inputs.env, &mut mistakes));
    // Looked at in any case, so that the mistakes of both files are told at once.
    let web_config = inputs.web_config_file().map(web_config::load).transpose();
    match (settings, web_config) {
        (Some(settings), Ok(web_config)) if mistakes.is_empty() => Ok(Settings { web_config, ..settings }),
        (_, Ok(_)) => Err(mistakes),
        (_, Err(of_web_config)) => {
            mistakes.append(of_web_config);
            Err(mistakes)
        }
    }
}

impl Inputs {
    /// The file of `--web.config.file`, if one is given.
    fn web_config_file(&self) -> Option<&Path> {
        let (_, file) = self.flags.iter().rfind(|(path, _)| *path == WEB_CONFIG_FILE)?;
        Some(Path::new(file)).filter(|file| !file.as_os_str().is_empty())
    }
}
