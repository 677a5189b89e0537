//! Whole configurations and what becomes of them: one folder each in `tests/config/cases/`, with
//! `expected.txt` and, where the case has them, `config.yaml`, `env` and `flags` (a `NAME=VALUE`
//! a line) and further files. `UPDATE_CONFIG_CASES=1` writes what came as `expected.txt`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use agentless_exporter::config::{self, Inputs, KEYS, Settings, SourceSettings, parse::show_duration};
use agentless_exporter::credentials::{self, Written};
use agentless_exporter::env::Env;
use agentless_exporter::ledger::TargetsShown;

const CASES: &str = "tests/config/cases";
const UPDATE: &str = "UPDATE_CONFIG_CASES";

#[test]
fn every_case_gives_what_is_expected() {
    let update = Env::process().get(UPDATE).is_some();
    let mut cases: Vec<PathBuf> = fs::read_dir(CASES).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    let mut wrong = String::new();
    for case in &cases {
        let came = run(case);
        let expected = fs::read_to_string(case.join("expected.txt")).unwrap_or_default();
        if came == expected {
            continue;
        }
        if update {
            fs::write(case.join("expected.txt"), &came).unwrap();
        }
        let _ = write!(wrong, "\n{}:\n--- expected\n{expected}--- came\n{came}", case.display());
    }
    assert!(cases.len() >= 30, "{} cases", cases.len());
    assert!(wrong.is_empty() || update, "{wrong}");
}

fn run(case: &Path) -> String {
    let file = Some(case.join("config.yaml")).filter(|file| file.exists() || case.join("no_file").exists());
    let env = Env::from_iter(pairs(&case.join("env")));
    let key = |name: String| KEYS.iter().map(|key| key.path).find(|path| *path == name).expect("a key");
    let flags = pairs(&case.join("flags")).into_iter().map(|(name, value)| (key(name), value)).collect();
    let came = match config::load(&Inputs { file, env, flags }) {
        Ok(settings) => dump(&settings),
        Err(mistakes) => format!("{mistakes}\n"),
    };
    came.replace(&format!("{}/", case.display()), "")
}

fn pairs(file: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let pair = |line: &str| {
        let (name, value) = line.split_once('=').expect("NAME=VALUE");
        (name.to_owned(), value.to_owned())
    };
    text.lines().map(pair).collect()
}

fn dump(settings: &Settings) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "log {} {:?}", settings.logging.level, settings.logging.format);
    let _ = writeln!(out, "web {:?} {}", settings.web.listen_addresses, settings.web.telemetry_path);
    if let Some(state) = &settings.state {
        let _ = writeln!(out, "state {} patience {}", state.path.display(), show_duration(state.patience));
    }
    for source in &settings.sources {
        dump_source(&mut out, source);
    }
    for warning in &settings.warnings {
        let _ = writeln!(out, "warning: {warning}");
    }
    out
}

fn dump_source(out: &mut String, source: &SourceSettings) {
    let SourceSettings { name, region, endpoint, labels, rpc, credentials, sts, poller } = source;
    let _ = writeln!(out, "source {name:?} region {region:?}");
    let _ = writeln!(out, "  endpoint {endpoint}");
    let _ = writeln!(out, "  labels {labels:?}");
    let _ = match credentials {
        credentials::Config::AccessKey { id, secret } => {
            writeln!(out, "  credentials access_key {} {}", told(id), told(secret))
        }
        credentials::Config::Sts { id, secret, token } => {
            writeln!(out, "  credentials sts {} {} {}", told(id), told(secret), told(token))
        }
        credentials::Config::Uri(Some(uri)) => writeln!(out, "  credentials uri {}", told(uri)),
        other => writeln!(out, "  credentials {other:?}"),
    };
    if *sts != credentials::StsPlace::default() {
        let _ = writeln!(out, "  whose key {sts:?}");
    }
    let _ = writeln!(
        out,
        "  poll interval {} stall_timeout {} lookback {} full_every {} stale_after {} keep {}",
        show_duration(poller.interval),
        show_duration(poller.stall_timeout),
        show_duration(poller.lookback),
        show_duration(poller.full_every),
        show_duration(poller.stale_after),
        show_duration(poller.keep_targets),
    );
    let types: Vec<_> = poller.target_types.iter().map(|kind| kind.as_str()).collect();
    let _ = writeln!(
        out,
        "  pages of {} rows, {} at a time, listing {}, target_types {types:?}",
        poller.page_size, poller.concurrency, poller.listing,
    );
    let TargetsShown { which, names, limit } = poller.targets;
    let _ = writeln!(out, "  targets {which:?} limit {limit} names {names}");
    let _ = writeln!(
        out,
        "  api {:?} {} requests/s, {} at a time, {} attempts, connect {} request {}",
        rpc.signature,
        rpc.requests_per_second,
        rpc.concurrency,
        rpc.max_attempts,
        show_duration(rpc.connect_timeout),
        show_duration(rpc.request_timeout),
    );
    let _ = writeln!(out, "  proxy {:?} ca_file {:?}", rpc.proxy.as_ref().map(told), rpc.ca_file);
}

/// A value of the configuration, or the file that it is in.
fn told(written: &Written) -> String {
    match written {
        Written::Here(secret) => secret.expose().to_owned(),
        Written::In(file) => format!("in {}", file.display()),
    }
}
