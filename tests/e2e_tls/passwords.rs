//! Passwords, the rate and the headers that every answer bears.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::support::http::Answer;
use super::support::tls::{Authority, Client, WebConfig};
use super::support::wait_for;
use super::{SOON, start, until_ready};

pub(super) const NAME: &str = "prometheus";
/// A word that `support::leaks` looks for everywhere.
pub(super) const PASSWORD: &str = "hunter2-is-right";

/// Lines of a web config with one user, and the hash in them.
pub(super) fn users() -> (String, String) {
    // The least cost, because builds for tests are slow.
    let hash = bcrypt::hash(PASSWORD, 4).unwrap();
    (format!("basic_auth_users:\n  {NAME}: {hash}\n"), hash)
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

const HEADERS: [(&str, &str); 5] = [
    ("Strict-Transport-Security", "max-age=31536000"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "deny"),
    ("X-XSS-Protection", "0"),
    ("Content-Security-Policy", "default-src 'none'"),
];

/// Lines of a web config with all headers there are.
fn headers() -> String {
    let lines: String = HEADERS.iter().map(|(name, value)| format!("    {name}: \"{value}\"\n")).collect();
    format!("http_server_config:\n  headers:\n{lines}")
}

fn assert_headers(what: &str, answer: &Answer) {
    // The page would not show under the policy of others, and has one of its own.
    let is_page = answer.header("Content-Type").is_some_and(|kind| kind.starts_with("text/html"));
    for (name, value) in HEADERS {
        let given = answer.header(name);
        if is_page && name == "Content-Security-Policy" {
            assert!(given.is_some_and(|own| own.contains("style-src 'sha256-")), "{what}: {answer:?}");
        } else {
            assert_eq!(given, Some(value), "{what}: {answer:?}");
        }
    }
}

#[test]
fn all_but_the_health_paths_wants_the_password_and_no_secret_is_told() {
    let authority = Authority::named("ours");
    let (users, hash) = users();
    let pair = authority.server();
    let web_config = WebConfig::with_tls(&pair, &[], &(users + &headers()));
    let (_simulator, exporter) = start(&web_config, &["--web.enable-lifecycle", "--log.level=debug"]);
    let client = Client::of(&authority);
    let ask = |method: &str, path: &str, authorization: Option<&str>| {
        let headers = authorization.map(|value| ("Authorization", value));
        let answer = client.ask(exporter.address, method, path, headers.as_slice()).unwrap();
        assert_headers(&format!("{method} {path}"), &answer);
        answer
    };
    until_ready(&client, &exporter);

    let right = basic(NAME, PASSWORD);
    let wrong = [
        None,
        Some(basic(NAME, "hunter2-is-wrong")),
        Some(basic(NAME, "")),
        Some(basic("nobody", PASSWORD)),
        Some(right.replace("Basic", "Bearer")),
        Some("Basic ===".to_owned()),
    ];
    let paths = [
        ("GET", "/", 200),
        ("GET", "/metrics", 200),
        ("HEAD", "/metrics", 200),
        ("POST", "/metrics", 405),
        ("GET", "/no-such-path", 404),
        ("GET", "/-/reload", 405),
        ("POST", "/-/reload", 200),
    ];
    let mut told = String::new();
    for (method, path, status) in paths {
        for wrong in &wrong {
            let answer = ask(method, path, wrong.as_deref());
            assert_eq!(answer.status, 401, "{method} {path}: {answer:?}");
            assert_eq!(
                answer.header("WWW-Authenticate"),
                Some("Basic realm=\"agentless-exporter\""),
                "{answer:?}"
            );
            told += &answer.body;
        }
        let answer = ask(method, path, Some(&right));
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert_eq!(answer.header("WWW-Authenticate"), None, "{answer:?}");
        told += &answer.body;
    }
    for path in ["/-/healthy", "/-/ready"] {
        for authorization in [None, wrong[1].as_deref()] {
            assert_eq!(ask("GET", path, authorization).status, 200);
        }
        told += &ask("GET", path, None).body;
    }
    told += &exporter.process.output().stderr;
    assert!(told.contains("TLS 1.2 and TLS 1.3") && told.contains("agentless_exporter_source_up"));
    let key: Vec<&str> = pair.key.lines().filter(|line| !line.starts_with("-----")).collect();
    let digest = hash.rsplit('$').next().unwrap();
    for secret in [&[PASSWORD, "is-wrong", digest, &digest[22..], &right[6..]], &key[..]].concat() {
        assert!(!told.contains(secret), "{secret} is told");
    }
}

#[test]
fn over_the_rate_all_but_the_health_paths_is_refused_until_the_rate_is_lifted() {
    let authority = Authority::named("ours");
    let (users, _) = users();
    let rate = "rate_limit: {interval: 1h, burst: 5}\n";
    let web_config = WebConfig::with_tls(&authority.server(), &[], &format!("{rate}{users}{}", headers()));
    let (_simulator, exporter) = start(&web_config, &[]);
    let client = Client::of(&authority);
    // These don't count.
    until_ready(&client, &exporter);
    let right = basic(NAME, PASSWORD);
    let ask = |path: &str, authorization: &[(&str, &str)]| {
        let answer = client.ask(exporter.address, "GET", path, authorization).unwrap();
        assert_headers(path, &answer);
        answer.status
    };
    let right = [("Authorization", right.as_str())];
    let passed: Vec<_> = ["/", "/metrics", "/no-such-path"].iter().map(|path| ask(path, &right)).collect();
    assert_eq!(passed, [200, 200, 404]);
    assert_eq!([ask("/metrics", &[]), ask("/metrics", &[])], [401, 401], "these count too");
    for path in ["/", "/metrics", "/no-such-path", "/-/reload"] {
        assert_eq!([ask(path, &right), ask(path, &[])], [429, 429], "{path}");
    }
    for path in ["/-/healthy", "/-/ready"] {
        assert!((0..20).all(|_| ask(path, &[]) == 200), "{path}");
    }

    let file = std::fs::read_to_string(web_config.folder().join("web.yml")).unwrap();
    web_config.write("web.yml", &file.replace(rate, ""));
    wait_for("the rate to be lifted", SOON, || match ask("/metrics", &right) {
        200 => Ok(()),
        status => Err(status.to_string()),
    });
    assert!((0..20).all(|_| ask("/metrics", &right) == 200));
}

#[test]
fn a_password_that_changes_is_asked_of_connections_that_are_open() {
    let authority = Authority::named("ours");
    let (users, hash) = users();
    let web_config = WebConfig::with_tls(&authority.server(), &[], &users);
    let (_simulator, exporter) = start(&web_config, &[]);
    let mut connection = Client::of(&authority).connect(exporter.address).unwrap();
    let mut ask = |password: &str| {
        let authorization = basic(NAME, password);
        let headers = [("Authorization", authorization.as_str())];
        super::support::http::exchange(&mut connection, "GET", "/metrics", &headers).unwrap().status
    };
    assert_eq!([ask(PASSWORD), ask("hunter2-is-new")], [200, 401]);
    let file = std::fs::read_to_string(web_config.folder().join("web.yml")).unwrap();
    let new = bcrypt::hash("hunter2-is-new", 4).unwrap();
    web_config.write("web.yml", &file.replace(&hash, &new));
    wait_for("the new password to open", Duration::from_secs(10), || match ask("hunter2-is-new") {
        200 => Ok(()),
        status => Err(status.to_string()),
    });
    assert_eq!(ask(PASSWORD), 401);
}
