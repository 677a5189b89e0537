//! The names that Go has for versions, cipher suites and curves, and which of them there are here.

use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::{CipherSuite, NamedGroup, SupportedCipherSuite, SupportedProtocolVersion, version};

use crate::error::nearest;

use super::super::group::word_shown;

/// Suites with forward secrecy and authenticated encryption: all that rustls has.
const SUITES: &[(&str, CipherSuite)] = &[
    ("TLS_AES_128_GCM_SHA256", CipherSuite::TLS13_AES_128_GCM_SHA256),
    ("TLS_AES_256_GCM_SHA384", CipherSuite::TLS13_AES_256_GCM_SHA384),
    ("TLS_CHACHA20_POLY1305_SHA256", CipherSuite::TLS13_CHACHA20_POLY1305_SHA256),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
];

/// Suites that Go has and rustls has not.
const OTHER_SUITES: &[&str] = &[
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_RC4_128_SHA",
];

const CURVES: &[(&str, NamedGroup)] = &[
    ("CurveP256", NamedGroup::secp256r1),
    ("CurveP384", NamedGroup::secp384r1),
    ("CurveP521", NamedGroup::secp521r1),
    ("X25519", NamedGroup::X25519),
    ("X25519MLKEM768", NamedGroup::X25519MLKEM768),
];

/// Versions of TLS that there are, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    Tls12,
    Tls13,
}

impl Version {
    /// All from `min` to `max`.
    pub(super) fn between(min: Self, max: Self) -> Vec<&'static SupportedProtocolVersion> {
        let all = [(Self::Tls12, &version::TLS12), (Self::Tls13, &version::TLS13)];
        all.into_iter().filter(|(version, _)| (min..=max).contains(version)).map(|(_, known)| known).collect()
    }

    /// As people write it.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        }
    }
}

/// The version of this name.
///
/// # Errors
/// If there is none.
pub(super) fn version(name: &str) -> Result<Version, String> {
    match name {
        "TLS12" => Ok(Version::Tls12),
        "TLS13" => Ok(Version::Tls13),
        "TLS10" | "TLS11" => {
            Err(format!("{name} is broken and not in this exporter; expected TLS12 or TLS13"))
        }
        _ => Err(format!("unknown version{}; expected TLS12 or TLS13", word_shown(name))),
    }
}

/// The cipher suite of this name.
///
/// # Errors
/// If there is none.
pub(super) fn suite(provider: &CryptoProvider, name: &str) -> Result<SupportedCipherSuite, String> {
    if OTHER_SUITES.contains(&name) {
        return Err(format!(
            "{name} is not in this exporter, which has no suite with CBC, RC4, 3DES or a key exchange by RSA; \
             leave it out, and keep one with ECDHE and GCM or CHACHA20"
        ));
    }
    let id = SUITES.iter().find(|(known, _)| *known == name).map(|(_, id)| *id);
    let found = provider.cipher_suites.iter().find(|suite| Some(suite.suite()) == id);
    let known = || SUITES.iter().map(|(known, _)| *known).chain(OTHER_SUITES.iter().copied());
    found.copied().ok_or_else(|| {
        unknown(
            "cipher suite",
            name,
            known(),
            "a name such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256; the names are those of Go",
        )
    })
}

/// The curve of this name.
///
/// # Errors
/// If there is none.
pub(super) fn curve(provider: &CryptoProvider, name: &str) -> Result<&'static dyn SupportedKxGroup, String> {
    let known = || CURVES.iter().map(|(known, _)| *known);
    let here = "X25519, CurveP256 or CurveP384";
    let Some((_, id)) = CURVES.iter().find(|(known, _)| *known == name) else {
        return Err(unknown("curve", name, known(), here));
    };
    let found = provider.kx_groups.iter().find(|group| group.name() == *id);
    found.copied().ok_or_else(|| format!("{name} is not in this exporter; expected {here}"))
}

fn unknown<'k>(sort: &str, name: &str, known: impl Iterator<Item = &'k str>, here: &str) -> String {
    match nearest(name, known) {
        Some(meant) => format!("unknown {sort}{}; did you mean `{meant}`?", word_shown(name)),
        None => format!("unknown {sort}{}; expected {here}", word_shown(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_and_curve_of_the_library_has_a_name_here() {
        let provider = rustls::crypto::ring::default_provider();
        let suites = SUITES.iter().filter(|(name, _)| suite(&provider, name).is_ok()).count();
        assert_eq!((suites, SUITES.len()), (provider.cipher_suites.len(), provider.cipher_suites.len()));
        let curves = CURVES.iter().filter(|(name, _)| curve(&provider, name).is_ok()).count();
        assert_eq!(curves, provider.kx_groups.len());
    }
}
