//! What systemd hears, by a socket that takes its place.

use std::sync::Mutex;

use super::*;
use crate::lifecycle::Supervisor;

const SECOND: Duration = Duration::from_secs(1);

/// A notifier and the other end of its socket.
fn fake(watchdog: Option<Duration>) -> (Notifier, UnixDatagram) {
    let (ours, theirs) = UnixDatagram::pair().unwrap();
    theirs.set_nonblocking(true).unwrap();
    (Notifier::over(ours, watchdog), theirs)
}

/// All that has come so far.
fn heard(socket: &UnixDatagram) -> Vec<String> {
    let mut buffer = [0; 1000];
    let mut messages = Vec::new();
    while let Ok(length) = socket.recv(&mut buffer) {
        messages.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
    }
    messages
}

#[test]
fn a_socket_with_a_path_and_an_abstract_one_are_reached() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let by_path = UnixDatagram::bind(&path).unwrap();
    let name = format!("@agentless-exporter-test-{}", std::process::id());
    let by_name = UnixDatagram::bind_addr(&address(&name).unwrap()).unwrap();
    for (socket, name) in [(by_path, path.to_str().unwrap()), (by_name, name.as_str())] {
        socket.set_nonblocking(true).unwrap();
        let notifier = Notifier::from_env(&Env::from_iter([("NOTIFY_SOCKET", name)]));
        assert!(notifier.is_heard());
        notifier.ready();
        assert_eq!(heard(&socket), ["READY=1"]);
    }
}

#[test]
fn without_systemd_nothing_happens() {
    for env in [Env::default(), Env::from_iter([("NOTIFY_SOCKET", "/no/such/socket")])] {
        let notifier = Notifier::from_env(&env);
        assert!(!notifier.is_heard());
        notifier.ready();
        notifier.reloading();
    }
}

#[test]
fn a_reload_tells_its_time() {
    let (notifier, systemd) = fake(None);
    notifier.reloading();
    let told = heard(&systemd).concat();
    let micros: u64 = told.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap().parse().unwrap();
    let now = clock_gettime(ClockId::Monotonic).tv_sec as u64;
    assert!((micros / 1_000_000).abs_diff(now) <= 1, "{micros} is not about {now} s");
}

#[test]
fn a_status_is_one_line() {
    let (notifier, systemd) = fake(None);
    notifier.status("two\nREADY=1");
    assert_eq!(heard(&systemd), ["STATUS=twoREADY=1"]);
}

#[test]
fn the_watchdog_is_that_of_this_process() {
    let own = std::process::id().to_string();
    for (vars, expected) in [
        (vec![("WATCHDOG_USEC", "30000000")], Some(30 * SECOND)),
        (vec![("WATCHDOG_USEC", "30000000"), ("WATCHDOG_PID", own.as_str())], Some(30 * SECOND)),
        (vec![("WATCHDOG_USEC", "30000000"), ("WATCHDOG_PID", "1")], None),
        (vec![("WATCHDOG_USEC", "soon")], None),
        (vec![("WATCHDOG_USEC", "0")], None),
        (vec![], None),
    ] {
        assert_eq!(watchdog(&Env::from_iter(vars.clone())), expected, "{vars:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn systemd_hears_of_the_start_each_change_and_the_end() {
    let (notifier, systemd) = fake(None);
    let shutdown = CancellationToken::new();
    let status = Arc::new(Mutex::new("1 source, 0 good"));
    let told = Arc::clone(&status);
    let health = Supervisor::new(shutdown.clone()).health();
    let read = move || told.lock().unwrap().to_string();
    let attending = tokio::spawn(notifier.attend(health, read, shutdown.clone()));
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(heard(&systemd), ["READY=1", "STATUS=1 source, 0 good"]);
    *status.lock().unwrap() = "1 source, 1 good";
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(heard(&systemd), ["STATUS=1 source, 1 good"]);
    shutdown.cancel();
    attending.await.unwrap();
    assert_eq!(heard(&systemd), ["STOPPING=1"]);
}

#[tokio::test(start_paused = true)]
async fn the_watchdog_is_fed_while_health_is_good_and_no_longer() {
    let (notifier, systemd) = fake(Some(30 * SECOND));
    let shutdown = CancellationToken::new();
    let mut supervisor = Supervisor::new(shutdown.clone());
    let _attending = tokio::spawn(notifier.attend(supervisor.health(), String::new, shutdown.clone()));
    tokio::time::sleep(SECOND).await;
    assert_eq!(heard(&systemd), ["READY=1", "STATUS=", "WATCHDOG=1"]);
    for _ in 0..3 {
        tokio::time::sleep(15 * SECOND).await;
        assert_eq!(heard(&systemd), ["WATCHDOG=1"]);
    }
    supervisor.spawn("short", async {});
    supervisor.run().await;
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(heard(&systemd), [""; 0]);
}
