//! What systemd does for a service: sockets that it passes, and what it is told in turn.

#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::Command;
use std::time::Duration;

use support::process::{Process, run};
use support::programs::{KEY_SECRET, Simulator, config, config_file, program};
use support::{http, tools};

const SOON: Duration = Duration::from_secs(20);

/// Nobody listens there; polls don't matter here.
const NOBODY: &str = "127.0.0.1:9";

/// The program `command`, with sockets of these kinds passed to it.
fn activated(kinds: &[&str], command: &Command) -> Command {
    let mut systemd = tools::python("pass_sockets.py");
    systemd.env_clear().args(kinds).arg("--").arg(command.get_program()).args(command.get_args());
    systemd
}

fn scrape_by_unix(path: &str) -> String {
    let mut stream = UnixStream::connect(path).expect("somebody listens");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

#[test]
fn passed_sockets_are_served_and_closed_to_children() {
    let (folder, file) = config_file(&config(NOBODY.parse().unwrap(), KEY_SECRET, &[]));
    let path = folder.path().join("web.sock");
    let path = path.to_str().expect("a plain path");
    let serve = program(&["serve", "--web.systemd-socket", &format!("--config.file={}", file.display())]);
    let mut process = Process::start(activated(&[&format!("unix:{path}"), "tcp"], &serve));
    let address = process.address("listening");
    assert_eq!(http::get(address, "/metrics").status, 200);
    assert!(scrape_by_unix(path).contains("agentless_exporter_build_info"));
    let log = process.output().stderr;
    assert!(log.contains(&format!("address=unix:{path}")), "{log}");
    for descriptor in [3, 4] {
        let info =
            fs::read_to_string(format!("/proc/{}/fdinfo/{descriptor}", process.id())).expect("it is open");
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).expect("Linux tells them");
        let flags = u32::from_str_radix(flags.trim(), 8).expect("an octal number");
        assert_ne!(flags & 0o2_000_000, 0, "{descriptor} is open to children: {info}");
    }
    process.terminate();
    assert_eq!(process.wait(SOON).0.code(), Some(0));
    assert!(fs::exists(path).unwrap(), "the socket belongs to systemd");
}

#[test]
fn what_can_not_be_served_ends_the_start() {
    let (_folder, file) = config_file(&config(NOBODY.parse().unwrap(), KEY_SECRET, &[]));
    let serve = program(&["serve", "--web.systemd-socket", &format!("--config.file={}", file.display())]);
    for (kinds, told) in [
        (&[][..], "no socket was passed by systemd; start the .socket unit"),
        (&["tcp", "udp"], "socket 2 of those passed by systemd is none that can be served"),
        (&["connected"], "socket 1 of those passed by systemd is none that can be served"),
    ] {
        let (status, output) = run(activated(kinds, &serve));
        assert_eq!(status.code(), Some(1), "{kinds:?}: {output:?}");
        assert!(output.stderr.contains(told), "{kinds:?}: {output:?}");
    }
    let (status, output) =
        run(program(&["serve", "--web.systemd-socket", &format!("--config.file={}", file.display())]));
    assert_eq!(status.code(), Some(1));
    assert!(output.stderr.contains("no socket was passed"), "{output:?}");
}

#[test]
fn systemd_hears_when_it_is_ready_how_it_is_when_it_reloads_and_when_it_ends() {
    let simulator = Simulator::start(&[]);
    let (folder, file) = config_file(&config(simulator.address, KEY_SECRET, &[]));
    let path = folder.path().join("notify");
    let systemd = UnixDatagram::bind(&path).expect("a folder of ours");
    systemd.set_read_timeout(Some(SOON)).expect("a time-out");
    let hear = || {
        let mut buffer = [0; 1000];
        let length = systemd.recv(&mut buffer).expect("it tells something");
        String::from_utf8(buffer[..length].to_vec()).expect("it tells text")
    };
    let mut serve = program(&["serve", "--web.listen-address=127.0.0.1:0"]);
    serve.arg(format!("--config.file={}", file.display()));
    serve.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "600000");
    let mut process = Process::start(serve);
    let address: SocketAddr = process.address("listening");
    assert_eq!(hear(), "READY=1");
    assert_eq!(http::get(address, "/-/healthy").status, 200);
    let mut heard = vec![hear()];
    while !heard.contains(&"STATUS=serving; sources up: 1 of 1".to_owned()) {
        heard.push(hear());
    }
    assert!(heard[0].starts_with("STATUS=serving; sources up: "), "{heard:?}");
    while hear() != "WATCHDOG=1" {}
    process.hang_up();
    while !hear().starts_with("RELOADING=1\nMONOTONIC_USEC=") {}
    while hear() != "READY=1" {}
    process.terminate();
    while hear() != "STOPPING=1" {}
    assert_eq!(process.wait(SOON).0.code(), Some(0));
}
