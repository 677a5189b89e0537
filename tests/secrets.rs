//! That no secret, token or signature leaves the process: not in its log at the finest level, not
//! in its pages and metrics, not in its errors.

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use support::exposition::Exposition;
use support::process::{Output, Process, run};
use support::programs::{Exporter, KEY_ID, KEY_SECRET, Simulator, config, config_file, program};
use support::tap::Tap;
use support::{gate, http, wait_for};

/// The signs of base64, which must be encoded on the wire.
const TOKEN: &str = "Zq7token/+=Zq7";
const WRONG_SECRET: &str = "Zq7wrongsecretZq7";
const WITHIN: Duration = Duration::from_secs(45);
const FINEST: &str = "--log.level=trace";
const SIGNATURES: [&str; 2] = ["signature: acs3-hmac-sha256", "signature: hmac-sha1"];

#[test]
fn good_polls_leak_nothing() {
    for signature in SIGNATURES {
        let simulator = Simulator::start(&[]);
        let tap = Tap::on(simulator.address);
        let exporter = Exporter::start(&config(tap.address, KEY_SECRET, &[signature]), &[FINEST]);
        wait_until_up(exporter.address);
        leaks_nothing(&exporter.process, exporter.address, &[KEY_SECRET], &tap);
        leaks_no_signature(&simulator.process.output(), &tap);
    }
}

#[test]
fn good_polls_with_a_temporary_key_leak_nothing() {
    for signature in SIGNATURES {
        let simulator = Simulator::start(&[&format!("--security-token={TOKEN}")]);
        let tap = Tap::on(simulator.address);
        let text = config(tap.address, KEY_SECRET, &[signature])
            .replace("type: access_key", &format!("type: sts\n      security_token: \"{TOKEN}\""));
        let exporter = Exporter::start(&text, &[FINEST, "--log.format=json"]);
        wait_until_up(exporter.address);
        leaks_nothing(&exporter.process, exporter.address, &[KEY_SECRET, TOKEN], &tap);
        leaks_no_signature(&simulator.process.output(), &tap);
    }
}

#[test]
fn polls_with_a_wrong_secret_leak_nothing() {
    for signature in SIGNATURES {
        let simulator = Simulator::start(&[]);
        let tap = Tap::on(simulator.address);
        let exporter = Exporter::start(&config(tap.address, WRONG_SECRET, &[signature]), &[FINEST]);
        wait_until(exporter.address, "two failed polls", |shown| {
            shown.sum("agentless_exporter_poll_failures_total") >= 2.0
        });
        let page = http::get(exporter.address, "/").body;
        assert!(
            page.contains("SignatureDoesNotMatch") || page.contains("auth"),
            "the failure is told: {page}"
        );
        leaks_nothing(&exporter.process, exporter.address, &[WRONG_SECRET, KEY_SECRET], &tap);
        leaks_no_signature(&simulator.process.output(), &tap);
    }
}

#[test]
fn keys_from_the_environment_leak_nothing() {
    let simulator = Simulator::start(&[&format!("--security-token={TOKEN}")]);
    let tap = Tap::on(simulator.address);
    let (_folder, file) = config_file(&format!(
        "poll: {{interval: 1s}}\nsources:\n  - name: sim\n    endpoint: http://{}\n    credentials: {{type: env}}\n",
        tap.address
    ));
    let mut command = program(&["serve", "--web.listen-address=127.0.0.1:0", FINEST]);
    command.arg(format!("--config.file={}", file.display()));
    command.env("ALIBABA_CLOUD_ACCESS_KEY_ID", KEY_ID);
    command.env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", KEY_SECRET);
    command.env("ALIBABA_CLOUD_SECURITY_TOKEN", TOKEN);
    let mut process = Process::start(command);
    let address = process.address("listening");
    wait_until_up(address);
    leaks_nothing(&process, address, &[KEY_SECRET, TOKEN], &tap);
}

#[test]
fn the_demo_leaks_nothing() {
    let secret = format!("--access-key-secret={WRONG_SECRET}");
    let mut process = Process::start(program(&["demo", "--web.listen-address=127.0.0.1:0", &secret, FINEST]));
    let address = process.address("listening");
    wait_until_up(address);
    tells_none_of(&everything_told(&process.output(), address), &[WRONG_SECRET, "Signature="]);
}

#[test]
fn mistakes_in_a_config_do_not_show_the_secret_beside_them() {
    for (secret, token) in [("12345678901234567", "\"x\""), ("[Zq7, list]", "{Zq7: map}"), ("true", "Zq7 [")]
    {
        let text = config(SocketAddr::from(([127, 0, 0, 1], 9)), "x", &[]).replace(
            "access_key_secret: \"x\"",
            &format!("access_key_secret: {secret}\n      security_token: {token}"),
        );
        let (_folder, file) = config_file(&text);
        let file = format!("--config.file={}", file.display());
        for command in ["serve", "check-config"] {
            let (status, output) = run(program(&[command, &file, FINEST]));
            assert_eq!(status.code(), Some(2), "{text}\n{output:?}");
            tells_none_of(&format!("{output:?}"), &["12345678901234567", "Zq7"]);
        }
    }
}

fn wait_until_up(address: SocketAddr) {
    wait_until(address, "a good poll", |shown| shown.sum("agentless_exporter_source_up") == 1.0);
}

fn wait_until(address: SocketAddr, what: &str, is_so: impl Fn(&Exposition) -> bool) {
    wait_for(what, WITHIN, || {
        let shown = gate::scrape(address);
        if is_so(&shown) { Ok(()) } else { Err(format!("{:?}", shown.gauges("agentless_exporter_"))) }
    });
}

/// Nothing that `process` tells has one of `secrets`, a signature that went over `tap`, or a
/// part of a signed request.
fn leaks_nothing(process: &Process, address: SocketAddr, secrets: &[&str], tap: &Tap) {
    let told = everything_told(&process.output(), address);
    assert!(told.contains("agentless_exporter_source_up"), "nothing was told that could leak: {told}");
    tells_none_of(&told, secrets);
    for secret in secrets {
        tells_none_of(&told, &[encoded(secret).as_str()]);
    }
    tells_none_of(&told, &["Signature=", "SignatureNonce=", "Credential=", "Authorization"]);
    leaks_no_signature(&Output { stdout: told, stderr: String::new() }, tap);
}

fn leaks_no_signature(output: &Output, tap: &Tap) {
    let signatures = tap.signatures();
    assert!(!signatures.is_empty(), "no signed request was seen, so nothing was proven");
    let told = format!("{}{}", output.stdout, output.stderr);
    for signature in &signatures {
        let plain = signature.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
        tells_none_of(&told, &[signature.as_str(), plain.as_str()]);
    }
}

/// All that a person or a program can read of an exporter.
fn everything_told(output: &Output, address: SocketAddr) -> String {
    let paths = ["/", "/metrics", "/-/ready", "/-/healthy", "/nowhere"];
    let mut told = format!("{}{}", output.stdout, output.stderr);
    for path in paths {
        told.push_str(&http::get(address, path).body);
    }
    let open = http::ask("GET", address, "/metrics", &[http::OPENMETRICS]).expect("a scrape is answered");
    told + &open.body
}

fn tells_none_of(told: &str, words: &[&str]) {
    for word in words {
        let line = told.lines().find(|line| line.contains(word));
        assert!(line.is_none(), "{word:?} is told in {line:?}");
    }
}

/// As it stands in a query.
fn encoded(text: &str) -> String {
    text.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D")
}
