//! The flags of the exporter. Those that are keys of the configuration take default, help and
//! check from the table of keys.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::config::{Inputs, Kind, logging_config, named, parse};
use crate::env::Env;
use crate::{logging, web};

/// Flags of the daemon.
#[derive(Clone, Debug, Args)]
#[command(after_help = SERVE_EXAMPLES)]
pub struct ServeArgs {
    /// YAML file; without one there is one source, set by the environment
    #[arg(long = "config.file", value_name = "PATH")]
    pub config_file: Option<PathBuf>,
    /// Flags of the exporter's own HTTP face.
    #[command(flatten)]
    pub web: WebArgs,
    /// Allow POST /-/reload, which reads the configuration again as SIGHUP does
    #[arg(long = "web.enable-lifecycle")]
    pub enable_lifecycle: bool,
    #[arg(
        long = "web.systemd-socket",
        help = help("web.systemd-socket"),
        conflicts_with = "listen_addresses"
    )]
    systemd_socket: bool,
    /// The flag of the web config file.
    #[command(flatten)]
    pub web_config: WebConfigArgs,
    /// Flags of logging.
    #[command(flatten)]
    pub log: LogArgs,
}

const SERVE_EXAMPLES: &str = "\
Examples:
  agentless-exporter serve --config.file exporter.yaml
  agentless-exporter serve --web.listen-address 127.0.0.1:9982 --log.format json

Exit codes: 0 ended by a signal, 1 could not start or run, 2 wrong usage or configuration";

/// Flags of the exporter's own HTTP face.
#[derive(Clone, Debug, Args)]
pub struct WebArgs {
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        help = help("web.listen-address"),
        default_value = named("web.listen-address").default,
        value_parser = checked("web.listen-address")
    )]
    listen_addresses: Vec<String>,
    #[arg(
        long = "web.telemetry-path",
        value_name = "PATH",
        help = help("web.telemetry-path"),
        default_value = named("web.telemetry-path").default,
        value_parser = checked("web.telemetry-path")
    )]
    telemetry_path: String,
}

/// The flag of the web config file.
#[derive(Clone, Debug, Default, Args)]
pub struct WebConfigArgs {
    #[arg(long = "web.config.file", value_name = "PATH", help = help("web.config.file"), value_parser = web_config_file)]
    web_config_file: Option<String>,
}

/// Flags of logging.
#[derive(Clone, Debug, Args)]
pub struct LogArgs {
    #[arg(
        long = "log.level",
        value_name = "LEVEL",
        help = help("log.level"),
        default_value = named("log.level").default,
        value_parser = words("log.level")
    )]
    level: String,
    #[arg(
        long = "log.format",
        value_name = "FORM",
        help = help("log.format"),
        default_value = named("log.format").default,
        value_parser = words("log.format")
    )]
    format: String,
}

impl ServeArgs {
    /// What the configuration is to be loaded from.
    pub fn inputs(&self, env: Env) -> Inputs {
        Inputs { file: self.config_file.clone(), env, flags: self.overrides() }
    }

    /// The flags as keys and values.
    pub fn overrides(&self) -> Vec<(&'static str, String)> {
        let systemd_socket = vec![("web.systemd-socket", self.systemd_socket.to_string())];
        [self.web.overrides(), systemd_socket, self.web_config.overrides(), self.log.overrides()].concat()
    }
}

impl WebArgs {
    /// The flags as they are, for commands that load no configuration.
    pub fn config(&self) -> web::Config {
        web::Config {
            listen_addresses: self.listen_addresses.clone(),
            systemd_socket: false,
            telemetry_path: self.telemetry_path.clone(),
        }
    }

    /// The flags as keys and values.
    pub fn overrides(&self) -> Vec<(&'static str, String)> {
        let addresses = self.listen_addresses.iter().map(|address| ("web.listen-address", address.clone()));
        addresses.chain([("web.telemetry-path", self.telemetry_path.clone())]).collect()
    }
}

impl WebConfigArgs {
    /// The flag as key and value, if it is given.
    pub fn overrides(&self) -> Vec<(&'static str, String)> {
        self.web_config_file.iter().map(|file| ("web.config.file", file.clone())).collect()
    }
}

impl LogArgs {
    /// The flags as they are, for commands that load no configuration.
    pub fn config(&self) -> logging::Config {
        logging_config(Some(&self.level), Some(&self.format))
    }

    /// The flags as keys and values.
    pub fn overrides(&self) -> Vec<(&'static str, String)> {
        vec![("log.level", self.level.clone()), ("log.format", self.format.clone())]
    }
}

/// The help of a key, with a capital letter as all help here.
fn help(path: &str) -> String {
    let help = named(path).help;
    help[..1].to_uppercase() + &help[1..]
}

/// A blank path would leave the exporter open without a word.
fn web_config_file(path: &str) -> Result<String, &'static str> {
    let is_blank = path.trim().is_empty();
    if is_blank {
        return Err(
            "the path is blank, as of a shell variable that is not set; name a file, or leave the flag out \
             for no TLS and no passwords",
        );
    }
    Ok(path.to_owned())
}

/// Applies the check of a key.
fn checked(path: &'static str) -> impl Fn(&str) -> Result<String, String> + Clone {
    move |text| match named(path).kind {
        Kind::Text(form) | Kind::Texts(form) => {
            (form.check)(text).map(|()| text.to_owned()).map_err(parse::Problem::into_owned)
        }
        _ => Ok(text.to_owned()),
    }
}

/// The words that a key takes.
fn words(path: &'static str) -> PossibleValuesParser {
    match named(path).kind {
        Kind::Word(words) => PossibleValuesParser::new(words),
        _ => PossibleValuesParser::new(Vec::<&str>::new()),
    }
}
