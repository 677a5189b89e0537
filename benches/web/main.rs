//! How fast `/metrics` is answered: side by side with a bare hyper server that has the bytes ready, and
//! in CPU time beside node_exporter, which is written in Go. `scripts/bench-web` installs what it needs.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod client;
mod programs;
mod servers;
mod state;

use client::Client;
use programs::{Server, wrk};

/// Bodies, as long as they are before compression.
const SIZES: [(&str, usize); 3] = [("5 KB", 5_000), ("50 KB", 50_000), ("1 MB", 1_000_000)];
/// The one of which CPU time is compared.
const COMPARED: usize = 50_000;
const ROUNDS: usize = 5;

fn main() {
    let mut args = std::env::args().skip_while(|arg| arg != "--run").skip(1);
    match args.next() {
        Some(server) => servers::run(&server, &args.collect::<Vec<_>>()),
        None => {
            throughput();
            cpu_per_scrape();
        }
    }
}

/// Requests a second of both servers, one after the other in each round, so that what else the
/// machine does meets both.
fn throughput() {
    println!("Requests a second over 8 kept connections, medians of {ROUNDS} rounds\n");
    println!("| body | encoding | bytes sent | bare hyper | exporter | ratio |");
    println!("| --- | --- | ---: | ---: | ---: | ---: |");
    for (label, size) in SIZES {
        for encoding in ["identity", "gzip"] {
            let ours = Server::of_this_program(&["exporter", &size.to_string(), "running"]);
            let body = Client::connect(ours.address).get(encoding);
            let file = tempfile::NamedTempFile::new().expect("a file");
            std::fs::write(file.path(), &body).expect("a file can be written");
            let path = file.path().display().to_string();
            let bare = Server::of_this_program(&["bare", &path, encoding]);
            let (mut of_bare, mut of_ours, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                let (bare, ours) = (wrk(bare.address, encoding), wrk(ours.address, encoding));
                of_bare.push(bare);
                of_ours.push(ours);
                ratios.push(ours / bare);
            }
            let [bare, ours, ratio] = [of_bare, of_ours, ratios].map(median);
            println!("| {label} | {encoding} | {} | {bare:.0} | {ours:.0} | {ratio:.2} |", body.len());
        }
    }
}

/// CPU time of the server, user and system, by the scrape.
fn cpu_per_scrape() {
    let mut ours = Server::of_this_program(&["exporter", &COMPARED.to_string(), "standing"]);
    let mut go = Server::node_exporter();
    let mut kinds = [
        Kind { label: "exporter, answer shared", scrapes: 20_000, before: None, figures: Vec::new() },
        Kind {
            label: "exporter, a second later each",
            scrapes: 2000,
            before: Some("second"),
            figures: Vec::new(),
        },
        Kind {
            label: "exporter, after a poll each",
            scrapes: 2000,
            before: Some("poll"),
            figures: Vec::new(),
        },
    ];
    let mut of_go = Vec::new();
    for _ in 0..ROUNDS {
        for kind in &mut kinds {
            kind.figures.push(cpu(&mut ours, kind.scrapes, kind.before));
        }
        of_go.push(cpu(&mut go, 200, None));
    }
    let of_go = median(of_go);
    let length = |server: &Server| Client::connect(server.address).get("identity").len();
    println!("\nCPU time a scrape with gzip, medians of {ROUNDS} rounds\n");
    println!("| server | bytes before gzip | microseconds | part of node_exporter's |");
    println!("| --- | ---: | ---: | ---: |");
    for Kind { label, figures, .. } in kinds {
        let figure = median(figures);
        println!("| {label} | {} | {:.1} | 1/{:.0} |", length(&ours), figure * 1e6, of_go / figure);
    }
    println!("| node_exporter | {} | {:.1} | 1 |", length(&go), of_go * 1e6);
}

/// A kind of scrapes of the exporter.
struct Kind {
    label: &'static str,
    scrapes: u32,
    /// What the exporter is told before each.
    before: Option<&'static str>,
    figures: Vec<f64>,
}

/// Seconds of CPU that `server` needs for each of so many `scrapes`.
fn cpu(server: &mut Server, scrapes: u32, before: Option<&str>) -> f64 {
    let mut client = Client::connect(server.address);
    client.get("gzip");
    let start = server.cpu_seconds();
    for _ in 0..scrapes {
        if let Some(order) = before {
            server.tell(order);
        }
        client.get("gzip");
    }
    (server.cpu_seconds() - start) / f64::from(scrapes)
}

/// The figure in the middle.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
