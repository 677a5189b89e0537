//! The web config file: TLS, headers, users and rate of the exporter's own HTTP face, in the format of
//! the Prometheus exporter-toolkit. `docs/web-config.md` tells where it differs.

mod files;
mod group;
mod hash;
mod headers;
mod live;
mod rate;
mod tls;
mod users;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use rustls::ServerConfig;

use crate::clock::UnixMillis;
use crate::mistakes::Mistakes;
use crate::yaml;

pub use live::{Live, Prepared};
pub use tls::{TlsSummary, Validity};
pub use users::Admission;

use files::Files;
use group::{Group, Report};
use rate::Bucket;
use users::Users;

/// A web config without mistakes. The default one is that of an empty file: no TLS, no users, no limit.
#[derive(Default)]
pub struct Settings {
    /// How the next handshake goes; `None` in the clear.
    pub tls: Option<Arc<ServerConfig>>,
    /// What every answer carries.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    users: Users,
    bucket: Option<Arc<Bucket>>,
    tls_summary: Option<TlsSummary>,
    /// Whether there is any key.
    has_keys: bool,
}

/// What of a web config may be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// TLS; `None` in the clear.
    pub tls: Option<TlsSummary>,
    /// How many users there are; 0 if nobody needs a password.
    pub users: usize,
    /// The most requests that are answered, in words; `None` for no limit.
    pub rate: Option<String>,
    /// Names of the headers that every answer carries.
    pub headers: Vec<String>,
}

impl Settings {
    /// Whether anything keeps others from reading along or coming in.
    fn closes(&self) -> bool {
        self.tls.is_some() || self.users.count() > 0
    }

    /// What is no mistake of it at `now`, but should be known.
    pub fn warning(&self, now: UnixMillis) -> Option<String> {
        self.tls_summary.as_ref()?.validity?.warning(now)
    }

    /// What may be shown.
    pub fn summary(&self) -> Summary {
        Summary {
            tls: self.tls_summary.clone(),
            users: self.users.count(),
            rate: self.bucket.as_ref().map(|bucket| bucket.in_words()),
            headers: self.headers.iter().map(|(name, _)| name.to_string()).collect(),
        }
    }
}

/// Shows what may be shown.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.summary().fmt(f)
    }
}

/// One line.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tls {
            None => f.write_str("no TLS")?,
            Some(tls) => {
                write!(f, "{}, {}", tls.versions.join(" and "), tls.client_auth)?;
                match tls.allowed_sans {
                    Some(1) => f.write_str(" with 1 allowed name")?,
                    Some(count) => write!(f, " with {count} allowed names")?,
                    None => {}
                }
                f.write_str(if tls.http2 { ", HTTP/2" } else { ", HTTP/1.1 only" })?;
            }
        }
        match self.users {
            0 => f.write_str("; no password")?,
            1 => f.write_str("; 1 user with a password")?,
            count => write!(f, "; {count} users with a password")?,
        }
        if let Some(rate) = &self.rate {
            write!(f, "; {rate}")?;
        }
        if !self.headers.is_empty() {
            write!(f, "; headers {}", self.headers.join(", "))?;
        }
        Ok(())
    }
}

/// A web config as it was read. Clones share it.
#[derive(Clone)]
pub struct Loaded(Arc<Reading>);

struct Reading {
    path: PathBuf,
    settings: Arc<Settings>,
    files: Files,
}

impl Loaded {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// What it says.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }
}

/// Shows the path, and what may be shown of the rest.
impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded").field("path", &self.path()).field("settings", self.settings()).finish()
    }
}

/// The same file with the same content.
impl PartialEq for Loaded {
    fn eq(&self, other: &Self) -> bool {
        self.path() == other.path() && self.0.files.looks() == other.0.files.looks()
    }
}

/// Reads the web config at `path` and every file that it names.
///
/// # Errors
/// On any mistake, with all of them.
pub fn load(path: &Path) -> Result<Loaded, Mistakes> {
    let mut files = Files::default();
    let settings = read(path, &mut files)?;
    Ok(Loaded(Arc::new(Reading { path: path.to_owned(), settings: Arc::new(settings), files })))
}

/// The mistake of a file that may have been emptied by accident, and would open what is closed.
fn emptied(path: &Path) -> Mistakes {
    let report = Report::of(path.display().to_string());
    report.say(
        "",
        "is empty now, which would take away TLS and passwords; put back what it held, or write \
         `basic_auth_users: {}` if everybody is to come in, in the clear",
    );
    report.into_mistakes()
}

fn read(path: &Path, files: &mut Files) -> Result<Settings, Mistakes> {
    let report = Report::of(path.display().to_string());
    let settings = read_all(path, files, &report);
    let mistakes = report.into_mistakes();
    settings.filter(|_| mistakes.is_empty()).ok_or(mistakes)
}

fn read_all(path: &Path, files: &mut Files, report: &Report) -> Option<Settings> {
    let bytes = match files.read(path) {
        Ok(bytes) => bytes,
        Err(problem) => {
            report.say("", format!("{problem}; check --web.config.file"));
            return None;
        }
    };
    let Ok(text) = String::from_utf8(bytes) else {
        report.say("", "is not UTF-8 text; check --web.config.file");
        return None;
    };
    let expected =
        "expected keys such as `tls_server_config:` and `basic_auth_users:` at the outermost level";
    let tree = match yaml::parse(&text, expected) {
        Ok(tree) => tree,
        Err(problem) => {
            report.say("", problem);
            return None;
        }
    };
    let has_keys = !tree.is_empty();
    let mut root = Group::root(tree, report);
    let mut http = root.group("http_server_config");
    let http2 = http.flag("http2", true);
    let headers = headers::read(http.names("headers"));
    let folder = path.parent().unwrap_or(Path::new(""));
    let tls = tls::read(root.group("tls_server_config"), http2, folder, files);
    let users = Users::read(root.names("basic_auth_users"));
    let bucket = rate::read(root.group("rate_limit")).map(Arc::new);
    let (tls, tls_summary) = tls.map(|tls| (tls.config, tls.summary)).unzip();
    Some(Settings { tls, headers, users, bucket, tls_summary, has_keys })
}

#[cfg(test)]
mod authority;
