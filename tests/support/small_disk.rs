//! A real file system that can be filled and made read-only, and that nobody else sees: a tmpfs in
//! a mount namespace of its own. It goes with its processes, so nothing is ever left mounted.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// Why there is none, for who runs the tests.
const NEEDED: &str = "the tests of full and read-only disks mount a tmpfs in a namespace of their own. They need \
    `unshare`, `nsenter` and `mount` of util-linux, and a kernel that lets this user make user and mount namespaces: in a \
    container without its seccomp filter (such as --security-opt seccomp=unconfined), on some systems after \
    sysctl kernel.unprivileged_userns_clone=1 or kernel.apparmor_restrict_unprivileged_userns=0";

/// Mounts on its first argument with the options of the second, and ends with its input.
const HOLD: &str = "mount -t tmpfs -o \"$2\" tmpfs \"$1\" && echo mounted && exec cat";

/// A mounted file system. It ends with this, and with the test however that ends.
pub(crate) struct SmallDisk {
    /// Holds the namespace for as long as its input is open.
    holder: Child,
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// Mounts one that takes `size`, such as `3m`.
    ///
    /// # Panics
    /// If that is not possible here.
    pub(crate) fn mount(size: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", HOLD, "sh"]);
        command.arg(folder.path()).arg(format!("mode=0700,size={size}"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut holder =
            command.spawn().unwrap_or_else(|error| panic!("`unshare` does not start: {error}; {NEEDED}"));
        let mut told = String::new();
        let stdout = holder.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut told).expect("the pipe can be read");
        if told != "mounted\n" {
            let mut reason = String::new();
            let mut stderr = holder.stderr.take().expect("stderr is piped");
            stderr.read_to_string(&mut reason).expect("the pipe can be read");
            holder.wait().expect("the process is ours");
            panic!("no file system can be mounted here ({}); {NEEDED}", reason.trim_end());
        }
        Self { holder, folder }
    }

    /// A path on it, for processes that are [`Self::inside`].
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The same path for this process.
    pub(crate) fn seen_here(&self, name: &str) -> PathBuf {
        let inside = self.path(name);
        let relative = inside.strip_prefix("/").expect("folders for temporary files are absolute");
        PathBuf::from(format!("/proc/{}/root", self.holder.id())).join(relative)
    }

    /// `command` as a process that sees it, with an empty environment as [`super::programs::program`] gives.
    pub(crate) fn inside(&self, command: &Command) -> Command {
        let mut inside = self.entering();
        inside.args(["env", "-i"]).arg(command.get_program()).args(command.get_args());
        inside
    }

    /// Changes its options, such as `size=64m` or `ro`; false if the system refuses that.
    pub(crate) fn remount(&self, options: &str) -> bool {
        let mut mount = self.entering();
        // Without the owner among the options that it has, whom the namespace may not know.
        mount.args(["mount", "--options-mode=ignore", "-o", &format!("remount,{options}")]);
        let output = mount.arg(self.folder.path()).output().expect("`nsenter` can be started");
        output.status.success()
    }

    /// Fills it to the last byte, as somebody else who writes to it.
    pub(crate) fn fill(&self) {
        let mut file = File::create(self.seen_here("filler")).expect("a file can be made");
        let block = vec![1; 4096];
        let error = std::iter::repeat_with(|| file.write_all(&block)).find_map(Result::err);
        assert_eq!(error.map(|error| error.kind()), Some(std::io::ErrorKind::StorageFull));
    }

    /// Takes away what filled it.
    pub(crate) fn make_room(&self) {
        fs::remove_file(self.seen_here("filler")).expect("it was filled");
    }

    /// Enters the namespace; what to run there is to follow.
    fn entering(&self) -> Command {
        let mut entering = Command::new("nsenter");
        entering.args(["--preserve-credentials", "--user", "--mount", "--target"]);
        entering.arg(self.holder.id().to_string()).arg("--");
        entering
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Its end is not under test here.
        let _ended = self.holder.kill();
        let _status = self.holder.wait();
    }
}
