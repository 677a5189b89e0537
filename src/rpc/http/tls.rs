//! Who is trusted, and how TLS is spoken.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// A file of trusted CAs that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CaFileError {
    /// It can't be read.
    #[error("{} can't be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no PEM.
    #[error("{} is not a PEM file of certificates", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// It holds no certificate.
    #[error("{} holds no certificate (-----BEGIN CERTIFICATE-----)", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A certificate in it is broken.
    #[error("{} holds a certificate that can't be used", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

/// Whether the CAs of the file at `path` can be trusted.
///
/// # Errors
/// If it can't be read, or holds no certificate or a broken one.
pub fn check_ca_file(path: &Path) -> Result<(), CaFileError> {
    add_file(&mut RootCertStore::empty(), path)
}

/// TLS 1.2 and 1.3, HTTP/2 preferred; trusts the CAs of the machine, or Mozilla's where it has
/// none, as in an empty image, and those of `ca_file`.
pub(super) fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, CaFileError> {
    let mut roots = RootCertStore::empty();
    // What can't be read there is as good as not there: the fallback below serves.
    let (_, _unusable) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if let Some(path) = ca_file {
        add_file(&mut roots, path)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring supports both versions of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), CaFileError> {
    let path = || path.to_owned();
    let text = std::fs::read(path()).map_err(|source| CaFileError::Read { path: path(), source })?;
    let mut found = false;
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|source| CaFileError::Pem { path: path(), source })?;
        roots.add(certificate).map_err(|source| CaFileError::Certificate { path: path(), source })?;
        found = true;
    }
    if found { Ok(()) } else { Err(CaFileError::Empty { path: path() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(content: &[u8]) -> CaFileError {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, content).unwrap();
        client_config(Some(&path)).unwrap_err()
    }

    #[test]
    fn a_ca_file_that_is_missing_or_holds_none_is_told_by_its_path() {
        let missing = client_config(Some(Path::new("/no/such/ca.pem"))).unwrap_err();
        assert_eq!(missing.to_string(), "/no/such/ca.pem can't be read");
        assert!(matches!(error(b"not a certificate"), CaFileError::Empty { .. }));
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(check_ca_file(folder.path()), Err(CaFileError::Read { .. })));
        let truncated = b"-----BEGIN CERTIFICATE-----\nMIIB";
        assert!(matches!(error(truncated), CaFileError::Pem { .. }));
        let empty = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        assert!(matches!(error(empty), CaFileError::Certificate { .. }));
    }

    #[test]
    fn http_2_is_offered_before_1_1() {
        let config = client_config(None).unwrap();
        assert_eq!(config.alpn_protocols, [&b"h2"[..], &b"http/1.1"[..]]);
    }
}
