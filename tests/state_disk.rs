//! The state file on real disks that are full or read-only: what the exporter tells, that it goes on, and
//! that nothing is lost once they can be written again.

#![cfg(target_os = "linux")]

mod support;

use support::counted::{UP_WITHIN, counted, counted_at_all, finished, until_polled_after};
use support::process::run;
use support::programs::{
    Exporter, KEY_ID, KEY_SECRET, Simulator, config_file, config_polling, program, source,
};
use support::small_disk::SmallDisk;
use support::{gate, wait_for};

/// Told once for each time of trouble, however many polls meet it.
const FAILED: &str = "the state file can't be written; the exporter goes on from memory";
const RECOVERED: &str = "the state file is written again, with all that was missing";

#[test]
fn a_disk_too_small_for_the_first_listing_is_written_as_soon_as_there_is_room() {
    let world = World::of(20_000);
    let disk = SmallDisk::mount("256k");
    let exporter = world.exporter(&disk);
    until_persisted(&exporter, 0.0);
    assert_goes_on_counting(&world, &exporter);
    assert_eq!(told(&exporter), (1, 0));
    assert!(log(&exporter).contains("No space left on device"), "{}", log(&exporter));

    assert!(disk.remount("size=64m"));
    until_persisted(&exporter, 1.0);
    assert_eq!(told(&exporter), (1, 1));
    assert_killed_and_as_before(&world, &disk, exporter);
}

#[test]
fn a_disk_that_somebody_else_fills_costs_nothing_once_there_is_room() {
    let world = World::of(137);
    let disk = SmallDisk::mount("4m");
    let exporter = world.exporter(&disk);
    until_persisted(&exporter, 1.0);
    assert_goes_on_counting(&world, &exporter);
    assert_eq!(told(&exporter), (0, 0));

    disk.fill();
    until_persisted(&exporter, 0.0);
    assert_goes_on_counting(&world, &exporter);
    assert_eq!(told(&exporter), (1, 0));

    disk.make_room();
    until_persisted(&exporter, 1.0);
    assert_goes_on_counting(&world, &exporter);
    assert_eq!(told(&exporter), (1, 1));
    assert_killed_and_as_before(&world, &disk, exporter);
}

#[test]
fn what_a_full_disk_kept_out_is_counted_again_after_a_kill_and_nothing_else_is() {
    let world = World::of(137);
    let disk = SmallDisk::mount("4m");
    let exporter = world.exporter(&disk);
    until_persisted(&exporter, 1.0);
    assert_goes_on_counting(&world, &exporter);
    let stored = counted(&gate::scrape(exporter.address));
    disk.fill();
    until_persisted(&exporter, 0.0);
    assert_goes_on_counting(&world, &exporter);
    drop(exporter);

    // The file is whole, so a disk that is still full is no reason not to start.
    let exporter = world.exporter(&disk);
    assert_eq!(counted(&gate::scrape(exporter.address)), stored);
    until_persisted(&exporter, 0.0);
    assert_goes_on_counting(&world, &exporter);
    disk.make_room();
    until_persisted(&exporter, 1.0);
    assert_killed_and_as_before(&world, &disk, exporter);
}

#[test]
fn a_disk_without_room_for_a_new_file_is_told_at_the_start_and_does_no_harm() {
    let world = World::of(137);
    let disk = SmallDisk::mount("1m");
    disk.fill();
    assert_refused(&world, &disk, "its disk is full; make room, or change state.path");
    disk.make_room();
    until_persisted(&world.exporter(&disk), 1.0);
}

#[test]
fn a_read_only_disk_is_told_at_the_start_and_used_once_it_can_be_written() {
    let world = World::of(137);
    let disk = SmallDisk::mount("4m");
    let read_only = "its file system is read-only; mount it for writing, or change state.path";
    // Without a file, and with one.
    for _ in 0..2 {
        assert!(disk.remount("ro"));
        assert_refused(&world, &disk, read_only);
        assert!(disk.remount("rw"));
        let exporter = world.exporter(&disk);
        until_persisted(&exporter, 1.0);
        assert_eq!(told(&exporter), (0, 0));
    }
}

/// Linux refuses to make a disk read-only by order while a file on it is open for writing; an error of
/// the disk does it all the same. Here the exporter has closed the file after another failure.
#[test]
fn a_disk_that_becomes_read_only_while_the_exporter_runs_costs_nothing_either() {
    let world = World::of(137);
    let disk = SmallDisk::mount("4m");
    let exporter = world.exporter(&disk);
    until_persisted(&exporter, 1.0);
    assert!(!disk.remount("ro"), "the file is open");
    disk.fill();
    until_persisted(&exporter, 0.0);
    wait_for("a moment in which the file is closed", UP_WITHIN, || {
        if disk.remount("ro") { Ok(()) } else { Err(log(&exporter)) }
    });
    wait_for("a poll that meets the read-only disk", UP_WITHIN, || {
        let log = log(&exporter);
        if log.contains("it cannot be opened: its file system is read-only") { Ok(()) } else { Err(log) }
    });
    assert_goes_on_counting(&world, &exporter);
    assert_eq!(told(&exporter), (1, 0));

    assert!(disk.remount("rw"));
    disk.make_room();
    until_persisted(&exporter, 1.0);
    assert_eq!(told(&exporter), (1, 1));
    assert_killed_and_as_before(&world, &disk, exporter);
}

/// A simulated account that moves by hand.
struct World {
    simulator: Simulator,
    /// When it began to stand still.
    since: u64,
}

impl World {
    fn of(tasks: usize) -> Self {
        let simulator = Simulator::start(&["--listing=flat", &format!("--tasks={tasks}")]);
        simulator.freeze();
        let since = simulator.world("tasks")["now"].as_u64().expect("a time");
        Self { simulator, since }
    }

    /// Starts an exporter of it that keeps its state on `disk`.
    fn exporter(&self, disk: &SmallDisk) -> Exporter {
        let arguments = ["--log.level=debug"];
        Exporter::start_by(|command| disk.inside(&command), &self.configuration(disk), &arguments)
    }

    fn configuration(&self, disk: &SmallDisk) -> String {
        let api = ["requests_per_second: 1000", "concurrency: 4", "page_size: 1000"];
        let source = source("sim", self.simulator.address, (KEY_ID, KEY_SECRET), &api);
        format!("{}state:\n  path: {}\n", config_polling(&[], &[source]), disk.path("state").display())
    }
}

/// Waits until the metric of the state file has this value, after a good poll.
fn until_persisted(exporter: &Exporter, value: f64) {
    wait_for("the metric of the state file", UP_WITHIN, || {
        let shown = gate::scrape(exporter.address);
        let found = shown.value("agentless_exporter_state_persisted");
        let is_up = shown.value("agentless_exporter_source_up") == Some(1.0);
        if is_up && found == Some(value) { Ok(()) } else { Err(log(exporter)) }
    });
}

/// Lets tasks finish, and waits for a poll that has counted them and all before.
fn assert_goes_on_counting(world: &World, exporter: &Exporter) {
    let before = finished(&world.simulator, world.since);
    world.simulator.step(600);
    let now = finished(&world.simulator, world.since);
    assert_ne!(now, before, "nothing has finished");
    wait_for("the counters of what has finished", UP_WITHIN, || {
        let shown = counted_at_all(&gate::scrape(exporter.address));
        if shown == now { Ok(()) } else { Err(format!("{shown:?}, not {now:?}; {}", log(exporter))) }
    });
}

/// Starts an exporter that ends at once and says why.
fn assert_refused(world: &World, disk: &SmallDisk, problem: &str) {
    let (_folder, file) = config_file(&world.configuration(disk));
    let file = format!("--config.file={}", file.display());
    let (status, output) =
        run(disk.inside(&program(&["serve", "--log.level=warn", "--web.listen-address=127.0.0.1:0", &file])));
    assert_eq!(status.code(), Some(1), "{output:?}");
    let path = disk.path("state");
    let told = format!("agentless-exporter: the state file {} cannot be used: {problem}\n", path.display());
    assert_eq!(output.stderr, told);
}

/// How often the log tells that the file can't be written, and that it is again.
fn told(exporter: &Exporter) -> (usize, usize) {
    let log = log(exporter);
    (log.matches(FAILED).count(), log.matches(RECOVERED).count())
}

fn log(exporter: &Exporter) -> String {
    exporter.process.output().stderr
}

/// Kills the exporter, and shows that the next one goes on where it stood.
fn assert_killed_and_as_before(world: &World, disk: &SmallDisk, exporter: Exporter) {
    let before = counted(&gate::scrape(exporter.address));
    // By SIGKILL.
    drop(exporter);
    let exporter = world.exporter(disk);
    let restored = gate::scrape(exporter.address);
    assert_eq!(counted(&restored), before);
    until_polled_after(&exporter, 0.0);
    assert_goes_on_counting(world, &exporter);
}
