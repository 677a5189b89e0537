//! Every kind of answer to a scrape, as it comes over the socket, by who asks how.

mod support;

use std::collections::BTreeSet;
use std::io::Read as _;
use std::net::SocketAddr;
use std::time::Duration;

use flate2::read::GzDecoder;
use support::exposition::Exposition;
use support::http::{self, Answer};
use support::programs::{Exporter, KEY_SECRET, Simulator, config};
use support::{gate, tools, wait_for};

const SOON: Duration = Duration::from_secs(60);

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Who asks, by which `Accept`, and what comes.
const ACCEPTS: [(&str, Option<&str>, &str); 7] = [
    ("nobody in particular", None, TEXT),
    ("anybody", Some("text/plain"), TEXT),
    (
        "Prometheus 2.42",
        Some(
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
             text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        ),
        OPENMETRICS,
    ),
    (
        "Prometheus 3",
        Some(
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        ),
        OPENMETRICS,
    ),
    ("an old OpenMetrics", Some("application/openmetrics-text; version=0.0.1"), TEXT),
    ("another format", Some("application/json"), TEXT),
    ("junk", Some(",;q=;=,\"text/plain;;q=7"), TEXT),
];

/// What is asked for, and the families that come, counters by their name in the text format; `None` is all.
const QUERIES: [(&str, Option<&[&str]>); 6] = [
    ("", None),
    ("?other=x", None),
    ("?name[]=agentless_scan_tasks", Some(&["agentless_scan_tasks"])),
    (
        "?name%5B%5D=agentless_scan_tasks_finished&name[]=agentless_exporter_build_info",
        Some(&["agentless_exporter_build_info", "agentless_scan_tasks_finished_total"]),
    ),
    ("?name[]=agentless_exporter_polls_total&name[]=no_such_name", Some(&["agentless_exporter_polls_total"])),
    ("?name[]=no_such_name", Some(&[])),
];

/// Answers of one instant.
struct Answers {
    plain: Answer,
    packed: Answer<Vec<u8>>,
    plain_head: Answer<Vec<u8>>,
    packed_head: Answer<Vec<u8>>,
}

/// Asks in all ways, until nothing has changed meanwhile. Meters are shared for up to a second, so that this
/// comes soon.
fn ask(address: SocketAddr, query: &str, accept: Option<&str>) -> Answers {
    let path = format!("/metrics{query}");
    let mut connection = http::connect(address).expect("the exporter listens");
    let mut exchange = |method: &str, encoding: Option<&str>| {
        let accept = accept.map(|accept| ("Accept", accept));
        let encoding = encoding.map(|encoding| ("Accept-Encoding", encoding));
        let headers: Vec<_> = accept.into_iter().chain(encoding).collect();
        http::exchange(&mut connection, method, &path, &headers).expect("a scrape is answered")
    };
    wait_for("answers of one instant", SOON, || {
        let plain = exchange("GET", None).text();
        let packed = exchange("GET", Some("gzip"));
        let plain_head = exchange("HEAD", None);
        let packed_head = exchange("HEAD", Some("gzip"));
        if exchange("GET", Some("identity")).text().body == plain.body {
            Ok(Answers { plain, packed, plain_head, packed_head })
        } else {
            Err("they differ".to_owned())
        }
    })
}

fn unpacked(packed: &[u8]) -> String {
    let mut decoder = GzDecoder::new(packed);
    let mut text = String::new();
    decoder.read_to_string(&mut text).expect("it is gzip of text");
    assert!(decoder.into_inner().is_empty(), "something comes after the end");
    text
}

/// Has the body read by the strictest reader of its format.
fn assert_read(content_type: &str, body: &str) {
    let reader = if content_type == TEXT { tools::promtool() } else { tools::python("check_openmetrics.py") };
    let verdict = tools::feed(reader, body);
    let is_silent = verdict.stdout.is_empty() && verdict.stderr.is_empty();
    assert!(verdict.status.success() && is_silent, "{verdict:?} of {body}");
}

#[test]
fn whoever_asks_gets_the_format_agreed_packed_or_not_and_every_reader_accepts_it() {
    let simulator = Simulator::start(&[]);
    let exporter = Exporter::start(&config(simulator.address, KEY_SECRET, &[]), &[]);
    wait_for("tasks", SOON, || {
        let tasks = gate::scrape(exporter.address).sum("agentless_scan_tasks");
        if tasks > 0.0 { Ok(()) } else { Err(tasks.to_string()) }
    });
    for (who, accept, content_type) in ACCEPTS {
        for (query, families) in QUERIES {
            let what = format!("{query:?} of {who}");
            let Answers { plain, packed, plain_head, packed_head } = ask(exporter.address, query, accept);
            assert_alike(&what, &plain, &plain_head, content_type, None);
            assert_alike(&what, &packed, &packed_head, content_type, Some("gzip"));
            assert_eq!(unpacked(&packed.body), plain.body, "{what}");
            assert_eq!(plain.body.ends_with("# EOF\n"), content_type == OPENMETRICS, "{what}");

            let read = Exposition::parse(&plain.body).unwrap_or_else(|error| panic!("{what}: {error}"));
            let of_text = |(name, kind): (&String, &String)| match kind.as_str() {
                "counter" if content_type == OPENMETRICS => format!("{name}_total"),
                _ => name.clone(),
            };
            let names: BTreeSet<String> = read.types.iter().map(of_text).collect();
            match families {
                None => {
                    assert!(names.len() > 20, "{what}: {names:?}");
                    assert_read(content_type, &plain.body);
                }
                Some([]) => assert!(names.is_empty(), "{what}: {names:?}"),
                Some(families) => {
                    assert_eq!(names, families.iter().map(|&name| name.to_owned()).collect(), "{what}");
                    assert_read(content_type, &plain.body);
                }
            }
        }
    }
}

/// Checks that both are answers of this type and encoding, and that the one to HEAD is as that to GET.
fn assert_alike<B: std::fmt::Debug>(
    what: &str,
    get: &Answer<B>,
    head: &Answer<Vec<u8>>,
    content_type: &str,
    encoding: Option<&str>,
) {
    assert_eq!((get.status, head.status), (200, 200), "{what}");
    assert!(head.body.is_empty(), "{what}");
    for (name, expected) in [
        ("Content-Type", Some(content_type)),
        ("Content-Encoding", encoding),
        ("Vary", Some("Accept, Accept-Encoding")),
        ("Cache-Control", Some("no-store")),
        ("X-Content-Type-Options", Some("nosniff")),
    ] {
        assert_eq!((get.header(name), head.header(name)), (expected, expected), "{what}: {name}");
    }
    // HEAD need not tell it, and does not where it is 0.
    let length = head.header("Content-Length").or(Some("0"));
    assert_eq!(length, get.header("Content-Length"), "{what}");
}
