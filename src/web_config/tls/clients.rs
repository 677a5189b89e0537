//! Which certificates of clients are asked for, verified and let in.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

/// The words of `client_auth_type`, and what they mean.
const POLICIES: &[(&str, Policy)] = &[
    ("NoClientCert", Policy::None),
    ("RequestClientCert", Policy::Request),
    ("RequireAnyClientCert", Policy::RequireAny),
    ("RequireClientCert", Policy::RequireAny),
    ("VerifyClientCertIfGiven", Policy::VerifyIfGiven),
    ("RequireAndVerifyClientCert", Policy::RequireAndVerify),
];

/// What is asked of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    None,
    Request,
    RequireAny,
    VerifyIfGiven,
    RequireAndVerify,
}

impl Policy {
    /// The policy of a word.
    pub(super) fn named(word: &str) -> Option<Self> {
        POLICIES.iter().find(|(known, _)| *known == word).map(|(_, policy)| *policy)
    }

    /// All words.
    pub(super) fn words() -> impl Iterator<Item = &'static str> {
        POLICIES.iter().map(|(word, _)| *word)
    }

    /// The word of this policy.
    pub(super) fn word(self) -> &'static str {
        POLICIES.iter().find(|(_, policy)| *policy == self).map_or("", |(word, _)| word)
    }

    /// Whether a certificate must have been signed by a trusted CA.
    pub(super) fn verifies(self) -> bool {
        matches!(self, Self::VerifyIfGiven | Self::RequireAndVerify)
    }

    /// Whether a client without certificate is turned away.
    pub(super) fn requires(self) -> bool {
        matches!(self, Self::RequireAny | Self::RequireAndVerify)
    }
}

/// What Go's TLS does with the certificate of a client.
#[derive(Debug)]
pub(super) struct Clients {
    policy: Policy,
    provider: Arc<CryptoProvider>,
    /// Verifies up to a trusted CA; `None` if nothing is verified.
    chain: Option<Arc<dyn ClientCertVerifier>>,
    /// Trusted as they are, so that one of them may also be the client's own.
    trusted: Vec<CertificateDer<'static>>,
    allowed_sans: Option<Vec<String>>,
}

impl Clients {
    /// Clients by `policy`, which must not be that none is asked.
    ///
    /// # Errors
    /// If `trusted` is to be used and holds no certificate, or one that can't be.
    pub(super) fn new(
        policy: Policy,
        trusted: Vec<CertificateDer<'static>>,
        allowed_sans: Option<Vec<String>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        for certificate in &trusted {
            roots.add(certificate.clone())?;
        }
        let chain = policy.verifies().then(|| {
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                .build()
                .map_err(|error| Error::General(error.to_string()))
        });
        Ok(Self { policy, provider: Arc::clone(provider), chain: chain.transpose()?, trusted, allowed_sans })
    }
}

impl ClientCertVerifier for Clients {
    fn client_auth_mandatory(&self) -> bool {
        self.policy.requires()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.as_ref().map_or(&[], |chain| chain.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(chain) = &self.chain
            && let Err(error) = chain.verify_client_cert(certificate, intermediates, now)
        {
            // A certificate that signed itself, and is listed as it is.
            let is_listed = self.trusted.iter().any(|trusted| trusted == certificate);
            if !is_listed || !is_fit(certificate, now) {
                return Err(error);
            }
        }
        match &self.allowed_sans {
            Some(allowed) => {
                let names = names_of(certificate);
                if names.iter().any(|name| allowed.contains(name)) {
                    return Ok(ClientCertVerified::assertion());
                }
                let names = names.join(", ");
                tracing::debug!(
                    names,
                    "the certificate of a client has none of the names in client_allowed_sans"
                );
                Err(CertificateError::ApplicationVerificationFailure.into())
            }
            None => Ok(ClientCertVerified::assertion()),
        }
    }

    // That the client has the key is proven whatever the policy.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether a certificate holds now, and may be a client's.
fn is_fit(certificate: &CertificateDer<'_>, now: UnixTime) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return false };
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = certificate.validity();
    let holds = (validity.not_before.timestamp()..=validity.not_after.timestamp()).contains(&now);
    let usage = certificate.extended_key_usage().ok().flatten();
    holds && usage.is_none_or(|usage| usage.value.any || usage.value.client_auth)
}

/// The subject alternative names of a certificate, as they are compared: letter by letter.
fn names_of(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return Vec::new() };
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
            Some((*name).to_owned())
        }
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    };
    names.value.general_names.iter().filter_map(text).collect()
}

/// As Go writes it: an IPv4 address within IPv6 as the former.
fn address(bytes: &[u8]) -> Option<String> {
    let address = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        16 => IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?),
        _ => return None,
    };
    Some(address.to_canonical().to_string())
}
