//! A delta poll when nothing has changed, of accounts with 1,000 to 1,000,000 main tasks, after a full
//! listing of each: its requests, the rows that come, CPU time and time with all that it does in
//! memory, and how much memory the tasks take.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use agentless_exporter::model::Status;
use agentless_exporter::poller::Source;
use agentless_exporter::rpc::{HttpRequest, HttpResponse, HttpTransport, Transport, TransportError};
use common::{Simulator, cpu_seconds, figures_of, median, memory_mib, run_args, runtime, source, transport};
use futures_util::future::BoxFuture;

/// Tasks of each account. Each target has ten.
const HISTORIES: [u32; 3] = [1_000, 100_000, 1_000_000];
/// Rows a page, many because the full listing is not what is measured.
const PAGE_SIZE: u32 = 1000;
/// Polls of which the median is taken.
const POLLS: usize = 15;
/// Requests for the counts of finished tasks.
const COUNTS: u64 = 3;

fn main() {
    match run_args() {
        Some(args) => one_run(&args[0]),
        None => HISTORIES.into_iter().for_each(measure),
    }
}

fn measure(tasks: u32) {
    let simulator = Simulator::start(&[
        format!("--tasks={tasks}"),
        format!("--targets={}", tasks / 10),
        format!("--page-size-max={PAGE_SIZE}"),
    ]);
    let figures = figures_of(&[&simulator.endpoint]);
    let [requests, rows, cpu, wall, held, grown] = figures[..] else { panic!("six figures: {figures:?}") };
    println!("quiet delta poll with {tasks} tasks, median of {POLLS}");
    println!("  {requests} requests, {rows} rows, {:.2} ms CPU, {:.2} ms wall", cpu * 1e3, wall * 1e3);
    let bytes = grown * 1024.0 * 1024.0 / held;
    println!("  {held} tasks known, {grown:.1} MiB resident for them, {bytes:.0} bytes a task");
}

fn one_run(endpoint: &str) {
    let runtime = runtime();
    let traffic =
        Arc::new(Traffic { http: transport(), requests: AtomicU64::new(0), rows: AtomicU64::new(0) });
    let before = memory_mib("VmRSS");
    let mut source = runtime.block_on(async { source(endpoint, PAGE_SIZE, Arc::clone(&traffic) as _) });
    runtime.block_on(source.poll_full());
    // The first one asks for recent tasks once more, because a full listing counts otherwise.
    runtime.block_on(source.poll());
    let (running, held) = known(&source);
    let expected = COUNTS + running.div_ceil(u64::from(PAGE_SIZE)).max(1);
    let (mut cpu, mut wall) = (Vec::new(), Vec::new());
    let mut seen = (0, 0);
    for _ in 0..POLLS {
        traffic.restart();
        let (began, used) = (Instant::now(), cpu_seconds());
        runtime.block_on(source.poll());
        cpu.push(cpu_seconds() - used);
        wall.push(began.elapsed().as_secs_f64());
        seen = traffic.seen();
        assert_eq!(seen, (expected, running + COUNTS), "requests and rows, with {running} running tasks");
        assert_eq!(known(&source), (running, held));
    }
    let grown = memory_mib("VmRSS") - before;
    println!("{} {} {} {} {held} {grown}", seen.0, seen.1, median(cpu), median(wall));
}

/// How many tasks run, and how many there are.
fn known(source: &Source) -> (u64, u64) {
    let published = source.subscribe().borrow().clone();
    assert!(published.status.failure.is_none(), "{:?}", published.status.failure);
    let snapshot = published.snapshot.as_ref().expect("the poll succeeded");
    (snapshot.types.values().map(|facts| facts.tasks[Status::Running.index()]).sum(), snapshot.tasks)
}

/// The exporter's way to HTTP, with a look at what passes.
struct Traffic {
    http: HttpTransport,
    requests: AtomicU64,
    rows: AtomicU64,
}

impl Traffic {
    fn restart(&self) {
        self.requests.store(0, Ordering::Relaxed);
        self.rows.store(0, Ordering::Relaxed);
    }

    /// Requests and rows.
    fn seen(&self) -> (u64, u64) {
        (self.requests.load(Ordering::Relaxed), self.rows.load(Ordering::Relaxed))
    }
}

impl Transport for Traffic {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        Box::pin(async move {
            self.requests.fetch_add(1, Ordering::Relaxed);
            let response = self.http.send(request).await?;
            const FIELD: &[u8] = b"\"TaskId\":";
            let rows = response.body.windows(FIELD.len()).filter(|part| *part == FIELD).count();
            self.rows.fetch_add(rows as u64, Ordering::Relaxed);
            Ok(response)
        })
    }
}
