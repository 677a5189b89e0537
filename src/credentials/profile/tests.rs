use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::*;
use crate::clock::{Clock, UnixMillis};
use crate::credentials::Config;
use crate::meters::Meters;
use crate::rpc::{self, HttpRequest, HttpResponse, Transport, TransportError};

/// No profile here sends anything.
struct Nowhere;

impl Transport for Nowhere {
    fn send(&self, _: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        panic!("nothing is asked")
    }
}

fn parts(env: Env) -> Parts {
    Parts {
        source: "prod".to_owned(),
        env,
        sts: crate::credentials::StsPlace::default(),
        transport: Arc::new(Nowhere),
        rpc: rpc::Config::default(),
        clock: Clock::with_timers(UnixMillis::new(1_795_489_445_000).unwrap()),
        meters: Meters::new().source("prod"),
        metadata: crate::credentials::metadata_url(),
    }
}

fn json(id: &str) -> String {
    format!(
        r#"{{"current":"p","profiles":[{{"name":"p","mode":"AK","access_key_id":"{id}","access_key_secret":"hunter2"}}]}}"#
    )
}

fn ini(name: &str, id: &str) -> String {
    format!("[{name}]\ntype=access_key\naccess_key_id={id}\naccess_key_secret=hunter2\n")
}

/// A home with files, and the environment that names it.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.path(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn parts(&self, more: &[(&str, &str)]) -> Parts {
        let home =
            [("HOME", self.0.path().to_str().unwrap()), ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")];
        parts(Env::from_iter(home.iter().chain(more).copied()))
    }

    /// A profile of `file`, programs allowed.
    fn profile(&self, file: &str) -> Profile {
        Profile { name: None, file: Some(self.path(file)), allow_exec: true }
    }
}

/// The id of the key of the default chain, or why there is none.
async fn chain(parts: &Parts) -> Result<String, String> {
    let keys = crate::credentials::build(&Config::Default, parts);
    keys.key().await.map(|key| key.id).map_err(|error| in_words(&error))
}

const CLI: &str = ".aliyun/config.json";
const INI: &str = ".alibabacloud/credentials.ini";

#[tokio::test]
async fn the_chain_takes_the_cli_s_profile_before_an_ini_file_and_tells_what_each_lacks() {
    let home = Home::new();
    let none = chain(&home.parts(&[])).await.unwrap_err();
    let there_is_no =
        format!("cli_profile: there is no {}; ini_profile: there is no", home.path(CLI).display());
    assert!(none.contains(&there_is_no), "{none}");
    home.write(INI, &ini("default", "by-ini"));
    assert_eq!(chain(&home.parts(&[])).await.unwrap(), "by-ini");
    home.write(CLI, &json("by-cli"));
    assert_eq!(chain(&home.parts(&[])).await.unwrap(), "by-cli");
    home.write(CLI, "{");
    let broken = chain(&home.parts(&[])).await.unwrap_err();
    assert!(broken.starts_with("the default chain stopped at cli_profile"), "{broken}");
}

#[tokio::test]
async fn a_profile_that_the_environment_names_is_in_one_of_the_files_or_the_chain_ends() {
    let home = Home::new();
    let named = || home.parts(&[("ALIBABA_CLOUD_PROFILE", "prod")]);
    // For all that is known the name is for another program.
    let nowhere = chain(&named()).await.unwrap_err();
    assert!(nowhere.starts_with("no access key was found"), "{nowhere}");
    home.write(CLI, &json("by-cli"));
    let wrong = chain(&named()).await.unwrap_err();
    let told = format!(
        "ALIBABA_CLOUD_PROFILE names prod, which was not found: {} has no profile prod; there is no {}",
        home.path(CLI).display(),
        home.path(INI).display()
    );
    assert!(wrong.contains("stopped at ini_profile") && wrong.contains(&told), "{wrong}");
    home.write(INI, &ini("prod", "by-ini"));
    assert_eq!(chain(&named()).await.unwrap(), "by-ini");
}

#[tokio::test]
async fn a_profile_that_is_asked_for_and_not_there_is_a_failure() {
    let home = Home::new();
    let profile =
        ProfileKey::new(&Profile { name: Some("prod".to_owned()), ..Profile::default() }, &home.parts(&[]));
    let Err(FetchError::Failed(error)) = profile.fetch().await else { panic!("it is not there") };
    assert!(error.to_string().starts_with("no profile was found: there is no "), "{error}");
}

#[tokio::test]
async fn a_profile_is_told_by_its_name_its_file_and_its_mode() {
    let home = Home::new();
    home.write("a.json", &json("an-id"));
    home.write("a.ini", &ini("default", "an-id"));
    let origin =
        async |file| ProfileKey::new(&home.profile(file), &home.parts(&[])).fetch().await.unwrap().origin;
    let path = |file| home.path(file).display().to_string();
    assert_eq!(origin("a.json").await, format!("profile p in {} (mode AK)", path("a.json")));
    assert_eq!(origin("a.ini").await, format!("profile default in {} (type access_key)", path("a.ini")));
}

#[tokio::test]
async fn a_program_runs_only_for_who_allows_it() {
    let home = Home::new();
    home.write(CLI, &external("true"));
    let refused = chain(&home.parts(&[])).await.unwrap_err();
    assert!(refused.contains("its `process_command` would be run, which is not allowed"), "{refused}");
}

/// A file whose profile is a program.
fn external(command: &str) -> String {
    let profile = serde_json::json!({"name": "p", "mode": "External", "process_command": command});
    serde_json::json!({"current": "p", "profiles": [profile]}).to_string()
}

#[tokio::test]
async fn what_a_profile_leads_to_is_kept_as_long_as_it_says_the_same() {
    let home = Home::new();
    let runs = home.path("runs");
    let gives = |id: &str| {
        let output = format!(r#"{{\"access_key_id\":\"{id}\",\"access_key_secret\":\"hunter2\"}}"#);
        external(&format!("sh -c 'echo >>{}; echo \"{output}\"'", runs.display()))
    };
    let count = || std::fs::read_to_string(&runs).unwrap().lines().count();
    home.write("a", &gives("first"));
    let profile = ProfileKey::new(&home.profile("a"), &home.parts(&[]));
    assert!(profile.has_changed().await, "no key was given yet");
    let lease = profile.fetch().await.unwrap();
    assert_eq!((lease.key.id.as_str(), lease.look_again, count()), ("first", Some(FILE_LOOK), 1));
    // The same profile in another file, beside others.
    home.write("a", &gives("first").replace(r#""profiles":["#, r#""profiles":[{"name":"new"},"#));
    assert!(!profile.has_changed().await);
    assert_eq!(count(), 1, "it was not run to look");
    home.write("a", &gives("second"));
    assert!(profile.has_changed().await);
    assert_eq!(profile.fetch().await.unwrap().key.id, "second");
    assert!(!profile.has_changed().await);
    // A key that is due, or refused, is fetched all the same.
    profile.fetch().await.unwrap();
    assert_eq!(count(), 3);
    home.write("a", &gives(""));
    assert!(profile.fetch().await.is_err());
    assert!(profile.has_changed().await, "what failed is tried again");
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_file_that_is_replaced_by_a_symlink_swap_is_seen_at_the_next_look() {
    let home = Home::new();
    home.write("..1/config", &json("first"));
    home.write("..2/config", &json("second"));
    let link = |to: &str| {
        std::os::unix::fs::symlink(to, home.path("..new")).unwrap();
        std::fs::rename(home.path("..new"), home.path("..data")).unwrap();
    };
    link("..1");
    std::os::unix::fs::symlink("..data/config", home.path("config")).unwrap();
    let keys = crate::credentials::build(&Config::Profile(home.profile("config")), &home.parts(&[]));
    let id = async || keys.key().await.unwrap().id;
    assert_eq!(id().await, "first");
    link("..2");
    assert_eq!(id().await, "first", "it is not read for each request");
    tokio::time::sleep(FILE_LOOK).await;
    // The file is read behind the back of who asks; paused time stands still meanwhile.
    let comes = async |wanted: &str| {
        while id().await != wanted {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let comes = async |wanted| tokio::time::timeout(Duration::from_secs(1), comes(wanted)).await.unwrap();
    comes("second").await;
    // A moment without the file is no reason to be without a key.
    std::fs::remove_file(home.path("config")).unwrap();
    tokio::time::sleep(FILE_LOOK).await;
    for _ in 0..2 {
        assert_eq!(id().await, "second");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    link("..1");
    std::os::unix::fs::symlink("..data/config", home.path("config")).unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    comes("first").await;
}

#[cfg(unix)]
#[test]
fn a_file_that_others_may_read_is_worth_a_word_and_no_more() {
    use std::os::unix::fs::PermissionsExt as _;

    let home = Home::new();
    home.write("a", &json("an-id"));
    let told = |mode| {
        std::fs::set_permissions(home.path("a"), std::fs::Permissions::from_mode(mode)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let look = async {
            let profile = ProfileKey::new(&home.profile("a"), &home.parts(&[]));
            profile.fetch().await.unwrap();
            profile.fetch().await.unwrap();
        };
        let lines = crate::logging::told_from(tracing::Level::TRACE, || runtime.block_on(look));
        assert!(!lines.concat().contains("hunter2") && !lines.concat().contains("an-id"), "{lines:?}");
        lines.iter().filter(|line| line.contains("can be read by others than its owner")).count()
    };
    assert_eq!((told(0o600), told(0o640)), (0, 1));
}
