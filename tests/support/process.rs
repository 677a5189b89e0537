//! Processes under test: started, listened to, and always ended.

use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::{leaks, wait_for};

/// Debug builds on a busy machine are slow; a healthy process is far below it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running process whose output is kept. It is ended when this goes out of scope.
pub(crate) struct Process {
    name: String,
    child: Child,
    output: Arc<Mutex<Output>>,
    readers: Vec<thread::JoinHandle<()>>,
}

/// What a process wrote.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output {
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Process {
    /// Starts `command`, without standard input.
    pub(crate) fn start(mut command: Command) -> Self {
        let name = format!("{command:?}");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let output = Arc::new(Mutex::new(Output::default()));
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        let readers = vec![
            keep(stdout, Arc::clone(&output), |output| &mut output.stdout),
            keep(stderr, Arc::clone(&output), |output| &mut output.stderr),
        ];
        Self { name, child, output, readers }
    }

    /// What it wrote so far.
    pub(crate) fn output(&self) -> Output {
        self.output.lock().expect("readers don't panic").clone()
    }

    /// The field `address` of the first line of its log that contains `message`.
    ///
    /// # Panics
    /// If the process ends, or takes too long to write it.
    pub(crate) fn address(&mut self, message: &str) -> SocketAddr {
        let line = wait_for(&format!("a log line with {message:?} of {}", self.name), PATIENCE, || {
            let ended = self.child.try_wait().expect("the process is ours");
            let stderr = self.output().stderr;
            if let Some(line) = stderr.lines().find(|line| line.contains(message) && line.contains("address"))
            {
                return Ok(line.to_owned());
            }
            assert!(ended.is_none(), "{} ended before it listened: {stderr}", self.name);
            Err(stderr)
        });
        let in_json = || line.split_once("\"address\":\"")?.1.split('"').next();
        field(&line, "address")
            .or_else(in_json)
            .and_then(|address| address.parse().ok())
            .unwrap_or_else(|| panic!("no address in {line:?}"))
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("the process is ours").is_none()
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, as an init system does.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Asks it to read its configuration again, as an init system does.
    pub(crate) fn hang_up(&self) {
        self.signal("HUP");
    }

    fn signal(&self, signal: &str) {
        let kill = "kill -\"$1\" \"$2\"";
        let sent = Command::new("sh").args(["-c", kill, "sh", signal, &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "cannot send SIG{signal} to {}", self.name);
    }

    /// Waits until it has ended; gives how, and all that it wrote.
    ///
    /// # Panics
    /// If it still runs after `within`.
    pub(crate) fn wait(mut self, within: Duration) -> (ExitStatus, Output) {
        let status = wait_for(&format!("the end of {}", self.name), within, || {
            self.child.try_wait().expect("the process is ours").ok_or_else(|| self.output().stderr)
        });
        for reader in self.readers.drain(..) {
            reader.join().expect("readers don't panic");
        }
        (status, self.output())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if thread::panicking() {
            let Output { stdout, stderr } = self.output();
            #[expect(clippy::print_stderr, reason = "tells why a test failed")]
            {
                eprintln!("---- {}\n{stdout}{stderr}----", self.name);
            }
        }
        // Its end is not under test here, and it may have ended already.
        let _ended = self.child.kill();
        let _status = self.child.wait();
        if !thread::panicking() {
            leaks::none_in(&self.name, &self.output().stderr);
        }
    }
}

/// Runs `command` to its end, which must come soon.
pub(crate) fn run(command: Command) -> (ExitStatus, Output) {
    Process::start(command).wait(PATIENCE)
}

/// The value of `key=…` in a logfmt line, if it is there and not quoted.
pub(crate) fn field<'l>(line: &'l str, key: &str) -> Option<&'l str> {
    line.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
}

fn keep(
    pipe: impl Read + Send + 'static,
    output: Arc<Mutex<Output>>,
    which: fn(&mut Output) -> &mut String,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut lines = BufReader::new(pipe);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line);
            which(&mut output.lock().expect("readers don't panic")).push_str(&text);
            line.clear();
        }
    })
}
