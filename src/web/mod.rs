//! The exporter's HTTP face: routes, methods, negotiation.

/// Where and what the exporter serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Addresses to listen on, `HOST:PORT` or `:PORT`.
    pub listen_addresses: Vec<String>,
    /// Path of the exposition.
    pub telemetry_path: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { listen_addresses: vec![":9982".to_owned()], telemetry_path: "/metrics".to_owned() }
    }
}
