//! TLS as `tls_server_config` says.

mod clients;
mod names;
mod pem;
mod validity;

use std::path::Path;
use std::sync::Arc;

use ::config::ValueKind;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{CipherSuite, Error, InconsistentKeys, ServerConfig, SupportedCipherSuite};

use crate::error::nearest;

use super::files::Files;
use super::group::{Group, word_shown};
use clients::{Clients, Policy};
use names::Version;
use pem::{Given, Pem};
pub use validity::Validity;

/// TLS in force.
pub(super) struct Tls {
    pub(super) config: Arc<ServerConfig>,
    pub(super) summary: TlsSummary,
}

/// What of TLS may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSummary {
    /// Versions that are spoken, the lowest first.
    pub versions: Vec<&'static str>,
    /// The word of `client_auth_type`.
    pub client_auth: &'static str,
    /// How many subject alternative names a client's certificate may have; `None` for any.
    pub allowed_sans: Option<usize>,
    /// Whether HTTP/2 is offered.
    pub http2: bool,
    /// When the certificate holds, if that can be read.
    pub validity: Option<Validity>,
}

/// Reads `tls_server_config`; `None` if TLS is off or something is wrong. Relative paths start from
/// `folder`.
pub(super) fn read(mut group: Group<'_>, http2: bool, folder: &Path, files: &mut Files) -> Option<Tls> {
    let certificate = Given::read(&mut group, ["cert", "cert_file"], folder, files);
    let key = Given::read(&mut group, ["key", "key_file"], folder, files);
    let ca = Given::read(&mut group, ["client_ca", "client_ca_file"], folder, files);
    let word = group.text("client_auth_type");
    let is_on = [&certificate, &key, &ca].into_iter().any(Given::is_given) || word.is_some();
    let policy = policy(&group, word.as_deref());
    let sans = allowed_sans(&mut group, policy);
    let sans_count = sans.as_ref().map(Vec::len);
    let (min, max) = versions(&mut group);
    let mut provider = ring::default_provider();
    suites(&mut group, &mut provider, http2, min, max);
    curves(&mut group, &mut provider);
    let prefers_own = group.flag("prefer_server_cipher_suites", true);
    if !is_on {
        return None;
    }
    for (given, keys) in [(&certificate, ["cert_file", "cert"]), (&key, ["key_file", "key"])] {
        if !given.is_given() {
            let [file, inline] = keys;
            group.say(
                file,
                format!(
                    "is missing; TLS is on as soon as a certificate, key, client CA or client_auth_type is given, \
                     and then needs {file} or {inline}"
                ),
            );
        }
    }
    let provider = Arc::new(provider);
    let own = own(&group, certificate.pem(), key.pem(), &provider);
    let clients = clients(&group, policy?, &ca, sans, &provider);
    if group.concerns_any() {
        return None;
    }
    let (own, clients) = (own?, clients?);
    if max == Version::Tls12 && !provider.cipher_suites.iter().any(|suite| is_for(suite, &own)) {
        group.say(
            "cipher_suites",
            "has no suite for the key of the certificate, so no client could connect; add one with RSA for an RSA key, \
             with ECDSA for another one",
        );
        return None;
    }
    let validity = own.cert.first().and_then(Validity::of);
    let builder = ServerConfig::builder_with_provider(provider);
    let builder = match builder.with_protocol_versions(&Version::between(min, max)) {
        Ok(builder) => builder,
        Err(error) => {
            group.say("min_version", format!("no connection could be made with these settings: {error}"));
            return None;
        }
    };
    let asks_clients = clients.is_some();
    let mut config = match clients {
        Some(clients) => builder.with_client_cert_verifier(Arc::new(clients)),
        None => builder.with_no_client_auth(),
    }
    .with_cert_resolver(Arc::new(SingleCertAndKey::from(own)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if http2 {
        config.alpn_protocols.insert(0, b"h2".to_vec());
    }
    config.ignore_client_order = prefers_own;
    if asks_clients {
        // A resumed session would not show its certificate again.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    }
    let versions = if min == max { vec![min] } else { vec![min, max] };
    let summary = TlsSummary {
        versions: versions.into_iter().map(Version::in_words).collect(),
        client_auth: policy?.word(),
        allowed_sans: sans_count,
        http2,
        validity,
    };
    Some(Tls { config: Arc::new(config), summary })
}

/// `None` if the word is none.
fn policy(group: &Group<'_>, word: Option<&str>) -> Option<Policy> {
    let Some(word) = word else { return Some(Policy::None) };
    let policy = Policy::named(word);
    if policy.is_none() {
        let shown = word_shown(word);
        let text = match nearest(word, Policy::words()) {
            Some(meant) => format!("unknown type{shown}; did you mean `{meant}`?"),
            None => format!(
                "unknown type{shown}; expected one of {}",
                Policy::words().collect::<Vec<_>>().join(", ")
            ),
        };
        group.say("client_auth_type", text);
    }
    policy
}

fn allowed_sans(group: &mut Group<'_>, policy: Option<Policy>) -> Option<Vec<String>> {
    let sans = group.texts("client_allowed_sans")?;
    if sans.is_empty() && !group.concerns("client_allowed_sans") {
        group.say(
            "client_allowed_sans",
            "is an empty list, so no client could connect; name some or leave it out",
        );
    }
    if policy.is_some_and(|policy| !policy.requires()) {
        group.say(
            "client_allowed_sans",
            "needs client_auth_type RequireAndVerifyClientCert or RequireAnyClientCert; with another one a client \
             without certificate would pass",
        );
    }
    Some(sans)
}

fn versions(group: &mut Group<'_>) -> (Version, Version) {
    let mut read = |key: &str, default| {
        let name = match group.value(key) {
            None => return default,
            Some(ValueKind::String(name)) if name.is_empty() => return default,
            Some(ValueKind::String(name)) => name,
            Some(_) => {
                group.say(key, "expected TLS12 or TLS13");
                return default;
            }
        };
        names::version(&name).unwrap_or_else(|problem| {
            group.say(key, problem);
            default
        })
    };
    let (min, max) = (read("min_version", Version::Tls12), read("max_version", Version::Tls13));
    if min > max {
        group.say("max_version", "is lower than min_version, so no client could connect; swap them");
    }
    (min, max)
}

/// Those of TLS 1.3 are always there, as in Go.
fn suites(group: &mut Group<'_>, provider: &mut CryptoProvider, http2: bool, min: Version, max: Version) {
    let listed = group.texts("cipher_suites").unwrap_or_default();
    if listed.is_empty() || group.concerns("cipher_suites") {
        return;
    }
    let mut suites: Vec<_> =
        provider.cipher_suites.iter().filter(|suite| suite.tls13().is_some()).copied().collect();
    for (index, name) in listed.iter().enumerate() {
        match names::suite(provider, name) {
            Ok(suite) if suites.contains(&suite) => {}
            Ok(suite) => suites.push(suite),
            Err(problem) => group.say_at("cipher_suites", index, problem),
        }
    }
    if group.concerns("cipher_suites") {
        return;
    }
    let is_tls12 = |suite: &SupportedCipherSuite| suite.tls13().is_none();
    if max == Version::Tls12 && !suites.iter().any(is_tls12) {
        group.say(
            "cipher_suites",
            "has no suite of TLS 1.2, and max_version allows no other version; add one",
        );
    } else if http2 && min == Version::Tls12 && !suites.iter().any(is_needed_by_http2) {
        group.say(
            "cipher_suites",
            "HTTP/2 with TLS 1.2 needs TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 or \
             TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256; add one, or set http_server_config.http2 to false",
        );
    }
    provider.cipher_suites = suites;
}

/// Whether a suite of TLS 1.2 can be used with the key of `own`.
fn is_for(suite: &SupportedCipherSuite, own: &CertifiedKey) -> bool {
    matches!(suite, SupportedCipherSuite::Tls12(suite) if own.key.choose_scheme(suite.sign).is_some())
}

fn is_needed_by_http2(suite: &SupportedCipherSuite) -> bool {
    matches!(
        suite.suite(),
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
            | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
    )
}

fn curves(group: &mut Group<'_>, provider: &mut CryptoProvider) {
    let listed = group.texts("curve_preferences").unwrap_or_default();
    let mut curves = Vec::new();
    for (index, name) in listed.iter().enumerate() {
        match names::curve(provider, name) {
            Ok(curve) => curves.push(curve),
            Err(problem) => group.say_at("curve_preferences", index, problem),
        }
    }
    if !curves.is_empty() {
        provider.kx_groups = curves;
    }
}

/// The exporter's own certificate and key, if they belong together.
fn own(
    group: &Group<'_>,
    certificate: Option<&Pem>,
    key: Option<&Pem>,
    provider: &CryptoProvider,
) -> Option<CertifiedKey> {
    let chain = certificate.and_then(|pem| pem.certificates(group));
    let parsed = key.and_then(|pem| pem.private_key(group));
    let (certificate, key) = (certificate?, key?);
    let Ok(signer) = provider.key_provider.load_private_key(parsed?) else {
        key.say(group, "is a key that can't be used; expected RSA of 2048 to 4096 bits, ECDSA P-256 or P-384, or Ed25519");
        return None;
    };
    let own = CertifiedKey::new(chain?, signer);
    match own.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => return Some(own),
        Err(Error::InconsistentKeys(_)) => {
            key.say(
                group,
                "is not the key of the certificate; give the one that the first certificate was made with",
            );
        }
        Err(_) => certificate.say(group, "holds a certificate that can't be used; expected X.509 version 3"),
    }
    None
}

/// How clients are checked, `Some(None)` if not at all; `None` on a mistake.
fn clients(
    group: &Group<'_>,
    policy: Policy,
    ca: &Given,
    sans: Option<Vec<String>>,
    provider: &Arc<CryptoProvider>,
) -> Option<Option<Clients>> {
    let trusted = match ca {
        Given::Wrong => return None,
        Given::Nothing if policy.verifies() => {
            group.say(
                "client_ca_file",
                format!(
                    "is missing; client_auth_type {} needs the CA that signs the certificates of clients",
                    policy.word()
                ),
            );
            return None;
        }
        Given::Nothing => Vec::new(),
        Given::Pem(pem) if policy == Policy::None => {
            group.say(
                pem.key,
                "is of no use without client_auth_type; set that to RequireAndVerifyClientCert",
            );
            return None;
        }
        Given::Pem(pem) => pem.certificates(group)?,
    };
    if policy == Policy::None {
        return Some(None);
    }
    match (Clients::new(policy, trusted, sans, provider), ca.pem()) {
        (Ok(clients), _) => Some(Some(clients)),
        (Err(_), Some(pem)) => {
            pem.say(group, "holds a certificate that can't be trusted as a CA; is it broken?");
            None
        }
        (Err(_), None) => None,
    }
}

#[cfg(test)]
mod tests;
