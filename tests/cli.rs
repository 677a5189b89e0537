//! The command line from outside: exit codes, and messages that say what, where and how to mend.

mod support;

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use support::process::{Output, Process, run};
use support::programs::{Exporter, KEY_SECRET, config, config_file, program};
use support::{http, wait_for};

/// Where nobody listens, for exporters whose polls don't matter.
const NOBODY: &str = "127.0.0.1:9";

/// Nothing is in flight that would need the whole grace time.
const SOON: Duration = Duration::from_secs(5);

/// A good deal less than the grace time of answers under way, 5 s.
const AT_ONCE: Duration = Duration::from_secs(2);

#[test]
fn help_and_version_are_told_on_stdout() {
    for flag in ["--help", "--version"] {
        let (code, output) = end_of(&[flag]);
        assert_eq!(code, 0, "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
        assert!(!output.stdout.is_empty(), "{output:?}");
    }
    let (_, version) = end_of(&["--version"]);
    assert!(version.stdout.contains(env!("CARGO_PKG_VERSION")), "{version:?}");
    let (_, help) = end_of(&["--help"]);
    for command in ["serve", "demo", "simulate", "check-config"] {
        assert!(help.stdout.contains(command), "{command} is not in the help: {}", help.stdout);
    }
}

#[test]
fn an_unknown_flag_is_a_usage_error_that_names_it() {
    let output = usage_error(&["serve", "--config.fil=x"]);
    tells(&output, &["--config.fil", "--config.file"]);
}

#[test]
fn an_unknown_command_is_a_usage_error_that_names_it() {
    tells(&usage_error(&["sevre"]), &["sevre", "serve"]);
}

#[test]
fn a_missing_config_file_is_an_error_that_names_it() {
    for command in ["serve", "check-config"] {
        let output = usage_error(&[command, "--config.file=/nonexistent/exporter.yml"]);
        tells(&output, &["/nonexistent/exporter.yml"]);
    }
}

#[test]
fn a_config_that_is_no_yaml_is_an_error_that_names_file_and_line() {
    let output = config_error("poll:\n  interval: [2m\n");
    tells(&output, &["exporter.yml", "line"]);
}

#[test]
fn an_unknown_key_is_an_error_that_names_it_and_the_right_one() {
    let text = config(NOBODY.parse().unwrap(), KEY_SECRET, &[]).replace("interval: 1s", "intreval: 1s");
    tells(&config_error(&text), &["poll.intreval", "interval"]);
}

#[test]
fn every_mistake_of_a_config_is_told_at_once() {
    let text = "
poll:
  interval: soon
  lookback: -1d
api:
  signature: md5
sources:
  - name: a
    region: cn-shanghai
    listing: sideways
  - name: a
    region: cn-shanghai
";
    tells(&config_error(text), &["poll.interval", "poll.lookback", "api.signature", "listing", "name"]);
}

#[test]
fn a_source_without_region_is_an_error_that_names_both_data_centres() {
    tells(&usage_error(&["serve"]), &["region", "cn-shanghai", "ap-southeast-1"]);
}

#[test]
fn an_unknown_variable_of_the_exporter_is_an_error_that_names_it() {
    let mut command = program(&["check-config"]);
    command.env("ALIBABA_CLOUD_REGION_ID", "cn-shanghai").env("AGENTLESS_EXPORTER__POLL__INTREVAL", "1m");
    let (status, output) = run(command);
    assert_eq!(status.code(), Some(2), "{output:?}");
    tells(&output, &["AGENTLESS_EXPORTER__POLL__INTREVAL"]);
}

#[test]
fn a_good_config_passes_the_check() {
    let (_folder, file) = config_file(&config(NOBODY.parse().unwrap(), KEY_SECRET, &[]));
    let (code, output) = end_of(&["check-config", &format!("--config.file={}", file.display())]);
    assert_eq!(code, 0, "{output:?}");
}

#[test]
fn a_wrong_proxy_in_the_environment_is_an_error_that_names_the_variable() {
    let (_folder, file) = config_file(&config(NOBODY.parse().unwrap(), KEY_SECRET, &[]));
    let file = format!("--config.file={}", file.display());
    for command in ["serve", "check-config"] {
        let mut command = program(&[command, &file]);
        command.env("HTTPS_PROXY", "socks5://user:hunter2@proxy:1080");
        let (status, output) = run(command);
        assert_eq!(status.code(), Some(2), "{output:?}");
        tells(&output, &["HTTPS_PROXY", "http://HOST:PORT"]);
        assert!(!format!("{output:?}").contains("hunter2"), "{output:?}");
    }
}

#[test]
fn what_the_start_would_refuse_the_check_refuses() {
    let good = config(NOBODY.parse().unwrap(), KEY_SECRET, &[]);
    let (folder, ca_file) = config_file("no certificate");
    let ca_file = format!("ca_file: {}", ca_file.display());
    for wrong in ["proxy: \"http://user:123#hunter2@proxy:3128\"", "proxy: \"http://:0\"", &ca_file] {
        let output = config_error(&good.replace("concurrency: 4", wrong));
        tells(&output, &[wrong.split(':').next().unwrap()]);
        assert!(!format!("{output:?}").contains("hunter2"), "{output:?}");
    }
    drop(folder);
    for endpoint in ["https://999.1.1.1", "https://1.2.3.456", "http://tds.example.com"] {
        let text = good.replace(&format!("http://{NOBODY}"), endpoint);
        tells(&config_error(&text), &["sources[0].endpoint"]);
    }
    tells(&usage_error(&["serve", "--web.telemetry-path=/-"]), &["--web.telemetry-path"]);
}

#[test]
fn an_address_in_use_ends_the_start_with_a_message_that_names_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (_folder, file) = config_file(&config(NOBODY.parse().unwrap(), KEY_SECRET, &[]));
    let file = format!("--config.file={}", file.display());
    let web = format!("--web.listen-address={address}");
    let listen = format!("--listen={address}");
    for arguments in [["serve", &web, &file].as_slice(), &["simulate", &listen], &["demo", &web]] {
        let (code, output) = end_of(arguments);
        assert_eq!(code, 1, "{arguments:?}: {output:?}");
        tells(&output, &[&address]);
    }
}

#[test]
fn the_simulator_refuses_a_key_that_looks_real() {
    let output = usage_error(&["simulate", "--access-key-id=LTAI5tLooksReal000", "--access-key-secret=x"]);
    tells(&output, &["access-key-id", "LTAI"]);
}

#[test]
fn a_termination_signal_ends_every_daemon_soon_and_well() {
    let (_folder, file) = config_file(&config(NOBODY.parse().unwrap(), KEY_SECRET, &[]));
    let file = format!("--config.file={}", file.display());
    let web = "--web.listen-address=127.0.0.1:0";
    for (arguments, message) in [
        (["serve", web, &file].as_slice(), "listening"),
        (&["demo", web], "listening"),
        (&["simulate", "--listen=127.0.0.1:0"], "simulated Security Center"),
    ] {
        let mut process = Process::start(program(arguments));
        process.address(message);
        let asked = Instant::now();
        process.terminate();
        let (status, output) = process.wait(SOON);
        assert_eq!(status.code(), Some(0), "{arguments:?} after {:?}: {output:?}", asked.elapsed());
    }
}

#[test]
fn a_second_signal_ends_what_still_drains_at_once_and_says_so() {
    let mut exporter = Exporter::start(&config(NOBODY.parse().unwrap(), KEY_SECRET, &[]), &[]);
    let unfinished = half_requests(exporter.address);
    exporter.process.terminate();
    wait_for("draining to begin", SOON, || {
        let log = exporter.process.output().stderr;
        if log.contains("draining") { Ok(()) } else { Err(log) }
    });
    assert!(exporter.process.is_running(), "it did not wait for the requests under way");
    exporter.process.terminate();
    let (status, output) = exporter.process.wait(AT_ONCE);
    assert_eq!(status.code(), Some(1), "{output:?}");
    tells(&output, &["ended at once by a second signal"]);
    drop(unfinished);
}

/// Connections on which half of a header has come, which a server that drains waits for.
fn half_requests(address: SocketAddr) -> Vec<TcpStream> {
    let begin = || {
        let mut stream = TcpStream::connect(address).expect("the exporter listens");
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost:").expect("the exporter reads");
        stream
    };
    let unfinished = (0..8).map(|_| begin()).collect();
    // Connections are accepted one after the other, so those above are when this is answered.
    assert_eq!(http::get(address, "/-/healthy").status, 200);
    unfinished
}

fn end_of(arguments: &[&str]) -> (i32, Output) {
    let (status, output) = run(program(arguments));
    (status.code().expect("no signal ended it"), output)
}

/// What is told of a command line that can't be understood.
fn usage_error(arguments: &[&str]) -> Output {
    let (code, output) = end_of(arguments);
    assert_eq!(code, 2, "{arguments:?}: {output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    output
}

/// What is told of a configuration that is wrong, by the daemon as by the check.
fn config_error(text: &str) -> Output {
    let (_folder, file) = config_file(text);
    let file = format!("--config.file={}", file.display());
    usage_error(&["serve", &file]);
    let (code, output) = end_of(&["check-config", &file]);
    assert_eq!(code, 2, "{output:?}");
    output
}

fn tells(output: &Output, words: &[&str]) {
    let said = format!("{}{}", output.stdout, output.stderr);
    for word in words {
        assert!(said.contains(word), "{word:?} is not in:\n{said}");
    }
}
