//! The demo under `slowhttptest`, and with hardly any file descriptors: each scrape is answered meanwhile.

mod support;

use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use support::http;
use support::process::{Process, run};
use support::programs::program;

/// What no scrape may take, also of a debug build on a busy machine.
const BOUND: Duration = Duration::from_secs(1);

fn demo(wrap: impl FnOnce(Command) -> Command) -> (Process, SocketAddr) {
    let mut process =
        Process::start(wrap(program(&["demo", "--web.listen-address=127.0.0.1:0", "--targets=20"])));
    let address = process.address("listening");
    (process, address)
}

/// The time of one scrape on a new connection.
fn scrape(address: SocketAddr) -> Duration {
    let start = Instant::now();
    let answer = http::get(address, "/metrics");
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("agentless_exporter_build_info"), "{}", answer.body);
    start.elapsed()
}

/// Scrapes until `tester` has ended its work of about ten seconds.
fn survives(what: &str, mode: &[&str]) {
    let (_demo, address) = demo(|command| command);
    let mut command = Command::new("slowhttptest");
    // More connections than are let in at a time.
    command.args(["-c", "1000", "-l", "8", "-i", "2", "-p", "3", "-v", "1"]).args(mode);
    command.args(["-u", &format!("http://{address}/metrics")]);
    let mut tester = Process::start(command);
    let (mut worst, mut scrapes) = (Duration::ZERO, 0);
    while tester.is_running() {
        worst = worst.max(scrape(address));
        scrapes += 1;
        std::thread::sleep(Duration::from_millis(20));
    }
    let (_, output) = tester.wait(BOUND);
    // It ends early if all of its connections were closed, which takes it two seconds to open.
    assert!(scrapes > 10, "{scrapes} scrapes, the worst took {worst:?}: {output:?}");
    #[expect(clippy::print_stdout, reason = "a measurement")]
    {
        println!("{what}: {scrapes} scrapes, the worst took {worst:?}");
    }
    assert!(worst < BOUND, "{what}: a scrape took {worst:?}");
}

#[test]
fn slow_headers_delay_no_scrape() {
    survives("slow headers", &["-H", "-r", "500"]);
}

#[test]
fn slow_bodies_delay_no_scrape() {
    survives("slow bodies", &["-B", "-r", "500", "-s", "100000"]);
}

#[test]
fn slow_readers_delay_no_scrape() {
    // Each of these is a whole scrape, which is work for a debug build.
    survives("slow readers", &["-X", "-r", "100", "-w", "1", "-y", "4", "-n", "3", "-z", "1", "-k", "1"]);
}

#[test]
fn without_descriptors_left_waiting_connections_make_room_for_scrapes() {
    let (demo, address) = demo(|command| {
        let mut limited = Command::new("sh");
        limited.env_clear().args(["-c", "ulimit -n 60; exec \"$0\" \"$@\""]);
        limited.arg(command.get_program()).args(command.get_args());
        limited
    });
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(TcpStream::connect(address).expect("the backlog has room"));
    }
    let worst = (0..20).map(|_| scrape(address)).max();
    println!("60 descriptors: the worst scrape took {worst:?}");
    assert!(demo.output().stderr.contains("connections can't be accepted"), "{:?}", demo.output());
}

#[test]
fn the_tester_is_there() {
    let (status, _) = run(Command::new("slowhttptest"));
    assert!(status.code().is_some(), "run scripts/install-test-tools");
}
