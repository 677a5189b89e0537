use std::fs;
use std::path::Path;

use rustls::ClientConfig;
use tempfile::TempDir;

use super::super::authority::{self, Authority, client, connect, echo, shake};
use super::super::load;
use super::*;
use crate::logging::told;

const TLS: &str = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n";
const LIMIT: &str = "rate_limit: {interval: 1h, burst: 2}\n";
/// Means it.
const OPEN: &str = "basic_auth_users: {}\n";
const HASH: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

struct Place {
    folder: TempDir,
    authority: Authority,
    live: Live,
}

impl Place {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::named("of this place");
        authority::write(folder.path(), "server", &authority.localhost());
        fs::write(folder.path().join("web.yml"), text).unwrap();
        let live = Live::new(Some(load(&folder.path().join("web.yml")).unwrap()));
        Self { folder, authority, live }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn client(&self) -> Arc<ClientConfig> {
        Arc::new(client(&self.authority, None))
    }

    /// The log lines while the files are looked at so often.
    fn looks(&self, times: usize) -> Vec<String> {
        told(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                for _ in 0..times {
                    self.live.look().await;
                }
            });
        })
    }
}

fn on_own_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(work)
}

#[test]
fn without_a_file_all_is_in_the_clear_and_open() {
    let live = Live::new(None);
    assert!(!live.is_tls() && live.tls().is_none() && !live.has_file() && !live.is_broken());
    assert_eq!(on_own_runtime(live.admit(&HeaderMap::new())), Admission::Allowed);
    assert_eq!(on_own_runtime(live.reload()), Ok(()));
    assert_eq!(live.summary().to_string(), "no TLS; no password");
}

#[test]
fn what_has_settled_is_taken_over_and_told_once() {
    let place = Place::new("");
    assert_eq!(place.looks(3), [""; 0]);
    place.write("web.yml", TLS);
    assert_eq!(place.looks(1), [""; 0], "it may still be written");
    assert!(!place.live.is_tls());
    let told = place.looks(3);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("INFO the web config or a file of it has changed and is in force"),
        "{told:?}"
    );
    assert!(told[0].ends_with("in_force=TLS 1.2 and TLS 1.3, NoClientCert, HTTP/2; no password"), "{told:?}");
    assert!(place.live.is_tls());
    place.write("web.yml", OPEN);
    place.looks(2);
    assert!(!place.live.is_tls());
}

#[test]
fn a_file_that_is_empty_for_a_moment_opens_nothing() {
    let users = format!("basic_auth_users: {{alice: '{HASH}'}}\n");
    let place = Place::new(&users);
    for _ in 0..3 {
        place.write("web.yml", "");
        assert_eq!(place.looks(1), [""; 0]);
        place.write("web.yml", &users);
        assert_eq!(place.looks(1), [""; 0]);
    }
    assert_eq!(place.live.summary().users, 1);
}

#[test]
fn a_broken_file_leaves_all_as_it_was_until_it_is_good_again() {
    let place = Place::new(&format!("{TLS}{LIMIT}"));
    place.write(
        "web.yml",
        &format!("{TLS}rate_limit: {{interval: 1h, burst: 5}}\nbasic_auth_users: {{alice: {HASH}x}}\nx: 1\n"),
    );
    let told = place.looks(5);
    assert_eq!(told.len(), 1, "once: {told:?}");
    assert!(
        told[0].starts_with("WARN the web config has mistakes; what was read before stays in force"),
        "{told:?}"
    );
    for mistake in ["x (", "basic_auth_users.alice (", "expected a bcrypt hash"] {
        assert!(told[0].contains(mistake), "{mistake} is not in {told:?}");
    }
    assert!(!told[0].contains(HASH), "{told:?}");
    assert!(place.live.is_broken() && place.live.is_tls());
    let passed = (0..5).filter(|_| place.live.within_rate()).count();
    assert_eq!(passed, 2, "nothing of the broken file is in force");
    place.write("web.yml", TLS);
    let told = place.looks(5);
    assert!(
        told.len() == 1 && told[0].starts_with("INFO the web config is good again and in force"),
        "{told:?}"
    );
    assert!(!place.live.is_broken() && place.live.within_rate());
}

#[test]
fn another_mistake_is_told_again() {
    let place = Place::new("");
    place.write("web.yml", "x: 1");
    assert_eq!(place.looks(3).len(), 1);
    place.write("web.yml", "y: 1");
    let told = place.looks(3);
    assert!(told.len() == 1 && told[0].contains("y ("), "{told:?}");
}

#[test]
fn a_certificate_is_renewed_while_a_connection_stays_open() {
    let place = Place::new(TLS);
    on_own_runtime(async {
        let (mut accepted, mut connected) = connect(place.live.tls().unwrap(), place.client()).await.unwrap();
        let before = shake(&place.live.tls().unwrap(), &place.client()).await.unwrap().certificate;
        authority::write(place.folder.path(), "server", &place.authority.localhost());
        place.live.look().await;
        place.live.look().await;
        let after = shake(&place.live.tls().unwrap(), &place.client()).await.unwrap().certificate;
        assert_ne!(before, after);
        echo(&mut accepted, &mut connected).await.unwrap();
    });
}

#[test]
fn a_certificate_whose_key_is_not_there_yet_waits_for_it() {
    let place = Place::new(TLS);
    let renewed = place.authority.localhost();
    place.write("server.crt", &renewed.certificate);
    let told = place.looks(4);
    assert!(told.len() == 1 && told[0].contains("is not the key of the certificate"), "{told:?}");
    assert!(
        on_own_runtime(shake(&place.live.tls().unwrap(), &place.client())).is_ok(),
        "the old pair serves"
    );
    place.write("server.key", &renewed.key);
    assert!(place.looks(4)[0].starts_with("INFO the web config is good again"));
}

#[cfg(unix)]
#[test]
fn a_swap_of_links_as_in_kubernetes_is_seen() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::named("of this place");
    let version = |name: &str, users: usize| {
        let inner = folder.path().join(name);
        fs::create_dir(&inner).unwrap();
        let users: String = (0..users).map(|user| format!("  u{user}: '{HASH}'\n")).collect();
        fs::write(inner.join("web.yml"), format!("{TLS}basic_auth_users:\n{users}")).unwrap();
        authority::write(&inner, "server", &authority.localhost());
    };
    let swap = |name: &str| {
        symlink(name, folder.path().join("..new")).unwrap();
        fs::rename(folder.path().join("..new"), folder.path().join("..data")).unwrap();
    };
    version("..v1", 1);
    version("..v2", 2);
    swap("..v1");
    for name in ["web.yml", "server.crt", "server.key"] {
        symlink(Path::new("..data").join(name), folder.path().join(name)).unwrap();
    }
    let live = Live::new(Some(load(&folder.path().join("web.yml")).unwrap()));
    let place = Place { folder, authority, live };
    assert_eq!(place.looks(2), [""; 0]);
    assert_eq!(place.live.summary().users, 1);
    symlink("..v2", place.folder.path().join("..new")).unwrap();
    fs::rename(place.folder.path().join("..new"), place.folder.path().join("..data")).unwrap();
    assert_eq!(place.looks(2).len(), 1);
    assert_eq!(place.live.summary().users, 2);
    fs::remove_dir_all(place.folder.path().join("..v2")).unwrap();
    assert_eq!(place.looks(3).len(), 1, "a file that is gone is a mistake");
    assert_eq!(place.live.summary().users, 2);
}

#[test]
fn a_reload_reads_at_once_and_gives_the_mistakes() {
    let place = Place::new(LIMIT);
    place.write("web.yml", "x: 1");
    let mistakes = on_own_runtime(place.live.reload()).unwrap_err();
    assert!(mistakes.to_string().contains("x ("), "{mistakes}");
    assert!(place.live.is_broken());
    assert_eq!(place.looks(3), [""; 0], "the caller tells them");
    place.write("web.yml", TLS);
    assert_eq!(on_own_runtime(place.live.reload()), Ok(()));
    assert!(place.live.is_tls() && !place.live.is_broken());
}

#[test]
fn what_is_prepared_is_in_force_only_once_it_is_applied() {
    let place = Place::new("");
    place.write("web.yml", TLS);
    let prepared = on_own_runtime(place.live.prepare()).unwrap();
    assert!(!place.live.is_tls());
    prepared.apply();
    assert!(place.live.is_tls());
    place.write("web.yml", OPEN);
    drop(on_own_runtime(place.live.prepare()).unwrap());
    assert!(place.live.is_tls());
    assert_eq!(place.looks(2).len(), 2, "what was not applied is still to come");
    assert!(!place.live.is_tls());
}

#[test]
fn a_rate_goes_on_from_where_it_is_unless_it_is_another() {
    let place = Place::new(LIMIT);
    assert!(place.live.within_rate() && place.live.within_rate() && !place.live.within_rate());
    place.write("web.yml", &format!("{LIMIT}{TLS}"));
    on_own_runtime(place.live.reload()).unwrap();
    assert!(!place.live.within_rate());
    place.write("web.yml", "rate_limit: {interval: 1h, burst: 3}");
    on_own_runtime(place.live.reload()).unwrap();
    assert!(place.live.within_rate());
}

#[test]
fn a_request_over_the_rate_costs_no_bcrypt() {
    let place = Place::new(&format!("{LIMIT}basic_auth_users: {{alice: '{HASH}'}}\n"));
    let admit = || on_own_runtime(place.live.admit(&HeaderMap::new()));
    assert_eq!(
        [admit(), admit(), admit()],
        [Admission::Unauthorized, Admission::Unauthorized, Admission::TooMany]
    );
}

#[test]
fn headers_are_added_and_none_that_is_blank() {
    let place = Place::new(
        "http_server_config:\n  headers:\n    X-Frame-Options: deny\n    Content-Security-Policy:\n",
    );
    let mut headers = HeaderMap::new();
    place.live.add_headers(&mut headers);
    assert_eq!(headers.len(), 1);
    assert_eq!(headers["x-frame-options"], "deny");
}

#[test]
fn a_policy_is_for_answers_that_have_none_of_their_own() {
    let place = Place::new("http_server_config: {headers: {Content-Security-Policy: default-src 'none'}}\n");
    let mut headers = HeaderMap::new();
    place.live.add_headers(&mut headers);
    assert_eq!(headers[CONTENT_SECURITY_POLICY], "default-src 'none'");
    let mut headers = HeaderMap::from_iter([(CONTENT_SECURITY_POLICY, "of the page".parse().unwrap())]);
    place.live.add_headers(&mut headers);
    assert_eq!(headers.get_all(CONTENT_SECURITY_POLICY).iter().collect::<Vec<_>>(), ["of the page"]);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read_once_and_kept_at_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.yml");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let into = path.clone();
    let writer = std::thread::spawn(move || fs::write(into, LIMIT));
    let live = Live::new(Some(load(&path).unwrap()));
    writer.join().unwrap().unwrap();
    let place = Place { folder, authority: Authority::named("nobody"), live };
    assert_eq!(place.looks(3), [""; 0]);
    assert_eq!(on_own_runtime(place.live.reload()), Ok(()));
    assert!(place.live.summary().rate.is_some());
}

#[tokio::test(start_paused = true)]
async fn the_files_are_followed_until_the_shutdown() {
    let place = Place::new("");
    let (shutdown, meters) = (CancellationToken::new(), Meters::new());
    let running = tokio::spawn(place.live.clone().run(meters.clone(), Clock::system(), shutdown.clone()));
    tokio::time::sleep(Duration::from_secs(2)).await;
    place.write("web.yml", TLS);
    tokio::time::timeout(Duration::from_secs(10), async {
        while !place.live.is_tls() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await
    .expect("it is seen in time");
    let shown = |meters: &Meters| {
        let families = meters.gather();
        let family = families.iter().find(|family| family.name().ends_with("_config_last_reload_successful"));
        family.map(|family| family.get_metric()[0].get_gauge().get_value())
    };
    for (text, expected) in [("x: 1", 0.0), (TLS, 1.0)] {
        place.write("web.yml", text);
        tokio::time::timeout(Duration::from_secs(10), async {
            while shown(&meters) != Some(expected) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
        .await
        .expect("the meter follows");
    }
    shutdown.cancel();
    running.await.unwrap();
}

#[test]
fn nothing_shows_a_secret() {
    let place = Place::new(&format!("{TLS}basic_auth_users: {{alice: '{HASH}'}}\n"));
    let loaded = load(&place.folder.path().join("web.yml")).unwrap();
    let prepared = on_own_runtime(place.live.prepare()).unwrap();
    let shown =
        format!("{:?} {loaded:?} {prepared:?} {} {:?}", place.live, place.live.summary(), place.live.tls());
    let key = fs::read_to_string(place.folder.path().join("server.key")).unwrap();
    let secrets = key.lines().filter(|line| !line.starts_with('-')).chain([&HASH[7..]]);
    assert!(secrets.clone().count() >= 3);
    for secret in secrets {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("users: 1"), "{shown}");
}

#[test]
fn what_was_read_for_a_reload_does_not_undo_what_has_changed_since() {
    let place = Place::new("");
    let prepared = on_own_runtime(place.live.prepare()).unwrap();
    place.write("web.yml", TLS);
    place.looks(2);
    assert!(place.live.is_tls());
    prepared.apply();
    assert!(place.live.is_tls());
    place.write("web.yml", OPEN);
    on_own_runtime(place.live.prepare()).unwrap().apply();
    assert!(!place.live.is_tls(), "a reload waits for nothing");
}

#[path = "closed_tests.rs"]
mod closed;
