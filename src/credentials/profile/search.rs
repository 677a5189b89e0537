//! Which file, and which profile of it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::credentials::config::Profile;
use crate::env::Env;
use crate::secret::{FileError, look_at_file, read_file};

use super::cli::{CliFile, CliFileError, Setting};
use super::ini::{IniFile, IniFileError};
use super::says::{Flaw, Says, shown};

const PROFILE: &str = "ALIBABA_CLOUD_PROFILE";
const CLI_FILE: &str = "ALIBABA_CLOUD_CONFIG_FILE";
const CLI_DISABLED: &str = "ALIBABA_CLOUD_CLI_PROFILE_DISABLED";
const INI_FILE: &str = "ALIBABA_CLOUD_CREDENTIALS_FILE";

/// The vendor's places below `HOME`: of the CLI, and of the SDKs for Python and Go.
const CLI_AT_HOME: &str = ".aliyun/config.json";
const INI_AT_HOME: [&str; 2] = [".alibabacloud/credentials.ini", ".alibabacloud/credentials"];

/// The profile of an INI file that is used where none is named.
const INI_DEFAULT: &str = "default";

/// Where a profile is looked for: the first file that has it counts.
#[derive(Clone, Debug)]
pub(super) struct Search {
    places: Vec<Place>,
    /// Why there are no more places.
    left_out: Vec<String>,
    /// The name that the configuration or the environment gives.
    pub(super) name: Option<String>,
    allow_exec: bool,
    env: Env,
}

/// A file that may be there.
#[derive(Clone, Debug)]
struct Place {
    file: PathBuf,
    form: Form,
    /// Whether somebody named it.
    is_named: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Cli,
    Ini,
    /// One of them.
    ByContent,
}

/// A profile that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) file: PathBuf,
    pub(super) name: String,
    pub(super) says: Says,
    /// What its file calls a mode.
    pub(super) word: &'static str,
}

/// There is no profile that can be used.
#[derive(Debug)]
pub(super) enum Miss {
    /// There is none at all.
    Absent(Absent),
    /// There is one, or should be.
    Failed(SearchError),
}

/// Nothing was found.
#[derive(Debug, Default)]
pub(super) struct Absent {
    /// What each place lacks.
    pub(super) reasons: Vec<String>,
    /// Whether there is a file at all.
    pub(super) is_file_there: bool,
    /// Whether somebody has named a file that is not there.
    pub(super) is_wanted: bool,
}

/// What is wrong with a file or its profile.
#[derive(Debug, thiserror::Error)]
pub(super) enum SearchError {
    /// The file can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not the CLI's.
    #[error("{} can't be used", file.display())]
    Cli {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: CliFileError,
    },
    /// It is no INI file.
    #[error("{} can't be used", file.display())]
    Ini {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        source: IniFileError,
    },
    /// The profile is no use.
    #[error("the profile {name} in {} can't be used", file.display())]
    Profile {
        /// The file.
        file: PathBuf,
        /// The profile.
        name: String,
        /// What is wrong.
        source: Flaw,
    },
}

impl Search {
    /// Looks where the configuration says, else in all of the vendor's places.
    pub(super) fn configured(config: &Profile, env: &Env) -> Self {
        let name = config.name.clone().or_else(|| env.get(PROFILE).map(str::to_owned));
        let mut search = Self::nowhere(name, config.allow_exec, env);
        match &config.file {
            Some(file) => search.places.push(Place::named(file, Form::ByContent)),
            None => {
                search.add_cli();
                search.add_ini();
            }
        }
        search
    }

    /// Looks in the file of the CLI.
    pub(super) fn cli(env: &Env) -> Self {
        let mut search = Self::nowhere(env.get(PROFILE).map(str::to_owned), false, env);
        search.add_cli();
        search
    }

    /// Looks in the INI files.
    pub(super) fn ini(env: &Env) -> Self {
        let mut search = Self::nowhere(env.get(PROFILE).map(str::to_owned), false, env);
        search.add_ini();
        search
    }

    fn nowhere(name: Option<String>, allow_exec: bool, env: &Env) -> Self {
        Self { places: Vec::new(), left_out: Vec::new(), name, allow_exec, env: env.clone() }
    }

    fn add_cli(&mut self) {
        if self.env.get(CLI_DISABLED).is_some_and(|text| text.eq_ignore_ascii_case("true")) {
            self.left_out.push(format!("{CLI_DISABLED} is true"));
            return;
        }
        self.add(CLI_FILE, &[CLI_AT_HOME], Form::Cli);
    }

    fn add_ini(&mut self) {
        self.add(INI_FILE, &INI_AT_HOME, Form::Ini);
    }

    /// The file that `variable` names, else those `at_home`.
    fn add(&mut self, variable: &str, at_home: &[&str], form: Form) {
        if let Some(file) = self.env.get(variable) {
            self.places.push(Place::named(Path::new(file), form));
        } else if let Some(home) = self.env.get("HOME").map(PathBuf::from) {
            let places = at_home.iter().map(|file| Place { file: home.join(file), form, is_named: false });
            self.places.extend(places);
        } else {
            self.left_out.push(format!("neither {variable} nor HOME is set"));
        }
    }

    /// Looks for the profile in the files as they are now.
    ///
    /// # Errors
    /// If there is none, or the first one there is can't be used.
    pub(super) async fn find(&self) -> Result<Found, Miss> {
        let mut absent = Absent::default();
        for place in &self.places {
            let text = match read_file(&place.file).await {
                Ok(text) => text,
                Err(error) if place.is_absence(&error).await => {
                    absent.is_wanted |= place.is_named;
                    absent.reasons.push(format!("there is no {}", place.file.display()));
                    continue;
                }
                Err(error) => return Err(Miss::Failed(error.into())),
            };
            absent.is_file_there = true;
            match self.find_in(place, &text).map_err(Miss::Failed)? {
                Ok(found) => return Ok(found),
                Err(reason) => absent.reasons.push(reason),
            }
        }
        absent.reasons.extend(self.left_out.iter().cloned());
        Err(Miss::Absent(absent))
    }

    /// The profile in the `text` of `place`, or what the file lacks.
    fn find_in(&self, place: &Place, text: &str) -> Result<Result<Found, String>, SearchError> {
        let Place { file, form, .. } = place;
        let is_json = match form {
            Form::Cli => true,
            Form::Ini => false,
            Form::ByContent => text.trim_start().starts_with('{'),
        };
        let (name, says, word) = if is_json {
            let read = CliFile::read(text);
            let cli = read.map_err(|source| SearchError::Cli { file: file.clone(), source })?;
            let Some(name) = self.name.as_ref().or(cli.current.as_ref()) else {
                return Ok(Err(format!("{} names no current profile", file.display())));
            };
            let setting = Setting { file, env: &self.env, allow_exec: self.allow_exec };
            let says = match cli.says(name, setting) {
                Ok(None) if self.name.is_none() && !cli.is_empty() => Err(Flaw::NotThere),
                says => says,
            };
            (name.clone(), says, "mode")
        } else {
            let read = IniFile::read(text);
            let ini = read.map_err(|source| SearchError::Ini { file: file.clone(), source })?;
            let name = self.name.as_deref().unwrap_or(INI_DEFAULT);
            (name.to_owned(), ini.says(name, &self.env), "type")
        };
        let shown = shown(&name);
        match says {
            Ok(Some(says)) => Ok(Ok(Found { file: file.clone(), name, says, word })),
            Ok(None) => Ok(Err(format!("{} has no profile {shown}", file.display()))),
            // Nobody asked for this one, and nobody has set it up.
            Err(Flaw::NoKey) if self.name.is_none() => {
                Ok(Err(format!("the profile {shown} in {} holds no access key", file.display())))
            }
            Err(source) => Err(SearchError::Profile { file: file.clone(), name: shown, source }),
        }
    }
}

impl Place {
    fn named(file: &Path, form: Form) -> Self {
        Self { file: file.to_owned(), form, is_named: true }
    }

    /// Whether `error` says that there is no such file. `HOME` may be that of another user, as it is for
    /// many a service: a file there that this one can't even see is none of its own.
    async fn is_absence(&self, error: &FileError) -> bool {
        if error.is_absence() || self.is_named {
            return error.is_absence();
        }
        let is_hidden = |file: &Path| {
            let seen = file.symlink_metadata();
            seen.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
        };
        look_at_file(&self.file, is_hidden).await.unwrap_or(false)
    }
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
