//! What `testssl`, which tries every known weakness, has to say.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use rcgen::KeyPair;
use serde_json::Value;

use super::start;
use super::support::process::Process;
use super::support::tls::{Authority, Pair, WebConfig};

/// It takes half a minute, and several where the machine is busy.
const WITHIN: Duration = Duration::from_secs(300);

/// Findings that are as they should be.
const EXCUSED: [(&str, &str); 2] = [
    ("cert_revocation", "the authority is one of this test and has no list of what it revoked"),
    ("BREACH", "compressed answers hold neither a secret nor anything of the request"),
];

#[test]
fn testssl_finds_nothing_above_low() {
    let authority = Authority::named("ours");
    let rsa = authority.sign_key(&rsa_key(), &["localhost", "127.0.0.1"]);
    // All for one; for the other what depends on the certificate.
    let all: &[&str] = &["--protocols", "--std", "--fs", "--server-defaults", "--vulnerable"];
    let some: &[&str] = &["--protocols", "--std", "--server-defaults", "--robot"];
    thread::scope(|scope| {
        let rsa = scope.spawn(|| findings(&authority, &rsa, some));
        let ecdsa = findings(&authority, &authority.server(), all);
        for (key, found) in [("RSA 2048", rsa.join().unwrap()), ("EC 256", ecdsa)] {
            judge(key, &found);
        }
    });
}

fn judge(key: &str, found: &[Value]) {
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
    let about = |id: &str| found.iter().find(|finding| finding["id"] == id).map(|it| text(it, "finding"));
    assert!(found.len() > 30, "it looked at less than it should: {found:#?}");
    assert!(about("cert_keySize").is_some_and(|size| size.contains(key)), "another key: {found:#?}");
    assert!(about("TLS1_3").is_some_and(|it| it.starts_with("offered")), "no server there: {found:#?}");
    assert_eq!(about("cert_chain_of_trust").as_deref(), Some("passed."), "{found:#?}");
    let mut bad = Vec::new();
    for finding in found {
        let (id, severity) = (text(finding, "id"), text(finding, "severity"));
        if matches!(severity.as_str(), "OK" | "INFO") {
            continue;
        }
        let excuse = EXCUSED.iter().find(|(excused, _)| *excused == id).map(|(_, reason)| *reason);
        let line = format!("{key}: {severity} {id}: {}", text(finding, "finding"));
        #[expect(clippy::print_stdout, reason = "the worst of it is for people to read")]
        {
            println!("{line}{}", excuse.map(|reason| format!(" (excused: {reason})")).unwrap_or_default());
        }
        // What it warns of is about itself: `engine_problem`.
        if !matches!(severity.as_str(), "LOW" | "WARN") && excuse.is_none() {
            bad.push(line);
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
}

/// What `testssl` finds by `checks` at an exporter with this certificate.
fn findings(authority: &Authority, pair: &Pair, checks: &[&str]) -> Vec<Value> {
    let web_config = WebConfig::with_tls(pair, &[], "");
    let ca = web_config.write("ca.crt", &authority.certificate);
    let (_simulator, exporter) = start(&web_config, &[]);
    let file = web_config.folder().join("found.json");
    let (status, output) = Process::start(testssl(exporter.address, &ca, &file, checks)).wait(WITHIN);
    let found = std::fs::read(&file).unwrap_or_else(|error| panic!("{error}: {status} {output:?}"));
    serde_json::from_slice(&found).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn testssl(address: SocketAddr, ca: &Path, file: &Path, checks: &[&str]) -> Command {
    let mut command = Command::new("testssl");
    command
        .args(["--quiet", "--color=0", "--warnings=batch", "--nodns=none"])
        .arg(format!("--add-ca={}", ca.display()))
        .arg(format!("--jsonfile={}", file.display()))
        .args(checks)
        .arg(address.to_string());
    command
}

/// By `openssl`, which `testssl` needs too: the tests have nothing else that makes one.
fn rsa_key() -> KeyPair {
    let arguments = ["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
    let output =
        Command::new("openssl").args(arguments).output().expect("scripts/install-test-tools was run");
    KeyPair::from_pem(&String::from_utf8(output.stdout).unwrap()).unwrap()
}
