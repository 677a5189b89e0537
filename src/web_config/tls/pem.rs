//! Certificates and keys, written in the web config or in files of their own.

use std::path::Path;

use rustls::pki_types::pem::{Error, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::super::files::Files;
use super::super::group::Group;

/// What stands at a key, or in the file of its twin `…_file`. Has no `Debug`: it may be a key.
pub(super) enum Given {
    Nothing,
    /// Something that was told as a mistake.
    Wrong,
    Pem(Pem),
}

/// PEM text, not yet looked at.
pub(super) struct Pem {
    /// The key at which it was given.
    pub(super) key: &'static str,
    /// Its file, as mistakes show it.
    file: Option<String>,
    bytes: Vec<u8>,
}

impl Given {
    /// What is given at `keys`: the key itself, and its twin, which goes first as in Prometheus.
    pub(super) fn read(
        group: &mut Group<'_>,
        keys: [&'static str; 2],
        folder: &Path,
        files: &mut Files,
    ) -> Self {
        let [key, twin] = keys;
        let (inline, file) = (group.text(key), group.text(twin));
        if group.concerns(key) || group.concerns(twin) {
            return Self::Wrong;
        }
        match (file, inline) {
            (Some(file), _) if file.contains("-----") => {
                group.say(
                    twin,
                    format!("expected the path of a file, not what is in one; that belongs to `{key}`"),
                );
                Self::Wrong
            }
            (Some(file), _) => {
                let path = folder.join(&file);
                let shown = shown(&file, &path);
                match files.read(&path) {
                    Ok(bytes) => Self::Pem(Pem { key: twin, file: Some(shown), bytes }),
                    Err(problem) => {
                        group.say(twin, format!("{shown} {problem}"));
                        Self::Wrong
                    }
                }
            }
            (None, Some(text)) => Self::Pem(Pem { key, file: None, bytes: text.into_bytes() }),
            (None, None) => Self::Nothing,
        }
    }

    pub(super) fn is_given(&self) -> bool {
        !matches!(self, Self::Nothing)
    }

    pub(super) fn pem(&self) -> Option<&Pem> {
        match self {
            Self::Pem(pem) => Some(pem),
            _ => None,
        }
    }
}

impl Pem {
    /// Adds a mistake about it.
    pub(super) fn say(&self, group: &Group<'_>, problem: &str) {
        match &self.file {
            Some(file) => group.say(self.key, format!("{file} {problem}")),
            None => group.say(self.key, problem),
        }
    }

    /// The certificates in it, at least one.
    pub(super) fn certificates(&self, group: &Group<'_>) -> Option<Vec<CertificateDer<'static>>> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.bytes).collect();
        match found {
            Ok(found) if !found.is_empty() => return Some(found),
            Ok(_) if PrivateKeyDer::from_pem_slice(&self.bytes).is_ok() => {
                self.say(group, "holds a private key and no certificate; was it swapped with key_file?");
            }
            Ok(_) => self.say(group, "holds no certificate (-----BEGIN CERTIFICATE-----)"),
            Err(_) => self.say(group, "is no whole PEM text; was it cut, or its line breaks lost?"),
        }
        None
    }

    /// The first private key in it.
    pub(super) fn private_key(&self, group: &Group<'_>) -> Option<PrivateKeyDer<'static>> {
        let problem = match PrivateKeyDer::from_pem_slice(&self.bytes) {
            Ok(key) => return Some(key),
            // Only its label is looked for.
            Err(_) if self.bytes.windows(9).any(|part| part == b"ENCRYPTED") => {
                "is encrypted with a passphrase; the exporter needs it without one, as `openssl pkey -in KEY` writes it"
            }
            Err(Error::NoItemsFound) if CertificateDer::from_pem_slice(&self.bytes).is_ok() => {
                "holds a certificate and no private key; was it swapped with cert_file?"
            }
            Err(Error::NoItemsFound) => {
                "holds no private key (-----BEGIN PRIVATE KEY-----, RSA PRIVATE KEY or EC PRIVATE KEY)"
            }
            Err(_) => "is no whole PEM text; was it cut, or its line breaks lost?",
        };
        self.say(group, problem);
        None
    }
}

/// How mistakes show the file `path`, written as `text`. Lines of a key that lost their place are joined
/// to the text before them by blanks.
fn shown(text: &str, path: &Path) -> String {
    if text.contains(char::is_whitespace) { "the file".to_owned() } else { path.display().to_string() }
}
