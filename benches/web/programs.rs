//! The programs that take part, each in a process of its own.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

/// A server under measurement, which ends with this value.
pub(crate) struct Server {
    process: Child,
    /// Where it answers.
    pub(crate) address: SocketAddr,
    /// How it is told what to do, if it can be.
    orders: Option<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Server {
    /// Runs this program again with `--run` and `args`.
    pub(crate) fn of_this_program(args: &[&str]) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this program has a path"))
            .arg("--run")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts");
        let orders = process.stdin.take().expect("stdin is piped");
        let mut answers = BufReader::new(process.stdout.take().expect("stdout is piped"));
        let mut address = String::new();
        answers.read_line(&mut address).expect("the server tells its address");
        let address = address.trim().parse().expect("an address");
        Self { process, address, orders: Some((orders, answers)) }
    }

    /// node_exporter with its collectors as they come, but for the body of some 50 KB.
    pub(crate) fn node_exporter() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = free.local_addr().expect("it is bound");
        drop(free);
        let process = Command::new("prometheus-node-exporter")
            .arg(format!("--web.listen-address={address}"))
            .stderr(Stdio::null())
            .spawn()
            .expect("node_exporter starts; scripts/bench-web installs it");
        while TcpStream::connect(address).is_err() {
            thread::sleep(Duration::from_millis(50));
        }
        Self { process, address, orders: None }
    }

    /// Tells the server to do something, and waits until it is done.
    pub(crate) fn tell(&mut self, order: &str) {
        let (orders, answers) = self.orders.as_mut().expect("a server that takes orders");
        writeln!(orders, "{order}").expect("the server reads");
        let mut done = String::new();
        answers.read_line(&mut done).expect("the server answers");
        assert_eq!(done, "done\n");
    }

    /// CPU time of all its threads, to the nanosecond. None of them ends while it is measured.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        let tasks =
            fs::read_dir(format!("/proc/{}/task", self.process.id())).expect("Linux tells its threads");
        let nanoseconds = tasks.map(|task| {
            let path = task.expect("a thread").path().join("schedstat");
            let text = fs::read_to_string(path).expect("its CPU time");
            text.split_whitespace().next().expect("the first number").parse::<f64>().expect("in nanoseconds")
        });
        nanoseconds.sum::<f64>() / 1e9
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().expect("the server runs");
        self.process.wait().expect("the server ends");
    }
}

/// Requests a second that wrk gets answered.
pub(crate) fn wrk(address: SocketAddr, encoding: &str) -> f64 {
    let output = Command::new("wrk")
        .args(["--threads=1", "--connections=8", "--duration=2s"])
        .args(["--header", &format!("Accept-Encoding: {encoding}")])
        .arg(format!("http://{address}/metrics"))
        .output()
        .expect("wrk starts; scripts/bench-web installs it");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && !text.contains("Non-2xx") && !text.contains("Socket errors"),
        "{text}"
    );
    let figure = text.lines().find_map(|line| line.strip_prefix("Requests/sec:")).expect("wrk tells it");
    figure.trim().parse().expect("it is a number")
}
