//! Every fault can be seen, and comes again the same way.

use std::collections::BTreeSet;
use std::time::Duration;

use agentless_exporter::simulator::{Config, FaultRate};
use serde_json::Value;

use crate::client::{Server, V3, list, list_all, params, small, start, try_list};

const SUBTASKS: (&str, &str) = ("RootTask", "false");
const FIFTY: [(&str, &str); 2] = [SUBTASKS, ("PageSize", "50")];

fn with(fault: &str) -> Config {
    let rate: FaultRate = fault.parse().unwrap();
    Config { faults: [rate].into_iter().collect(), ..small() }
}

async fn faulty(fault: &str) -> Server {
    start(with(fault)).await
}

#[tokio::test]
async fn throttling_bears_the_vendors_code_and_at_times_how_long_to_wait() {
    let server = faulty("throttle=1").await;
    let mut waits = 0;
    for _ in 0..20 {
        let answer = list(&server, &[SUBTASKS]).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, "Throttling.User"));
        waits += answer.header("x-acs-retry-after").map_or(0, |wait| {
            assert!((20..=200).contains(&wait.parse::<u64>().unwrap()));
            1
        });
    }
    assert!((1..20).contains(&waits), "{waits}");
}

#[tokio::test]
async fn server_errors_html_and_errors_in_200_are_told_apart() {
    let answer = list(&faulty("server-error=1").await, &[SUBTASKS]).await;
    assert_eq!((answer.status, answer.code().as_str()), (500, "ServerError"));
    let answer = list(&faulty("html-502=1").await, &[SUBTASKS]).await;
    assert!(answer.status == 502 && answer.body.starts_with("<html>"));
    assert_eq!(answer.header("content-type"), Some("text/html"));
    let answer = list(&faulty("error-in-200=1").await, &[SUBTASKS]).await;
    assert_eq!((answer.status, answer.code().as_str()), (200, "ServerError"));
    assert!(answer.json().get("List").is_none());
    let answer = list(&faulty("no-list=1").await, &[SUBTASKS]).await;
    assert_eq!((answer.status, answer.total()), (200, 137));
    assert!(answer.json().get("List").is_none() && answer.json().get("Code").is_none());
}

#[tokio::test]
async fn a_reset_connection_gives_no_answer() {
    assert!(try_list(&faulty("reset=1").await, &[SUBTASKS]).await.is_err());
}

#[tokio::test]
async fn a_stalled_request_is_answered_never_and_ends_with_the_simulator() {
    let server = faulty("stall=1").await;
    let mut request = Box::pin(try_list(&server, &[SUBTASKS]));
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut request).await.is_err());
    server.shutdown.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(10), request).await;
    assert!(ended.expect("it ends with the simulator").is_err());
}

#[tokio::test]
async fn a_truncated_body_is_shorter_than_promised() {
    let answer = list(&faulty("truncate=1").await, &FIFTY).await;
    let promised: usize = answer.header("content-length").unwrap().parse().unwrap();
    assert_eq!((answer.status, answer.body.is_empty()), (200, false));
    assert!(answer.body.len() < promised, "{} of {promised}", answer.body.len());
}

#[tokio::test]
async fn drifting_pages_repeat_and_lose_rows_by_one_or_two() {
    let all: Vec<_> = list_all(&start(small()).await, &[SUBTASKS]).await;
    let position = |row: &Value| all.iter().position(|other| other["TaskId"] == row["TaskId"]).unwrap();
    let server = faulty("drift=1").await;
    let mut shifts = BTreeSet::new();
    for _ in 0..30 {
        let answer = list(&server, &[SUBTASKS, ("PageSize", "10"), ("CurrentPage", "4")]).await;
        assert_eq!((answer.rows().len(), answer.total()), (10, 137));
        shifts.insert(position(&answer.rows()[0]) as i64 - 30);
    }
    assert_eq!(shifts, [-2, -1, 1, 2].into());
}

#[tokio::test]
async fn lost_fields_are_a_property_of_the_row_and_never_the_id() {
    let server = faulty("null-fields=0.3").await;
    let rows = list_all(&server, &[SUBTASKS]).await;
    assert_eq!(rows, list_all(&faulty("null-fields=0.3").await, &[SUBTASKS]).await);
    for field in
        ["Status", "TargetType", "StartTime", "Uuid", "Progress", "MeasureSpace", "ProgressByProject"]
    {
        let null = rows.iter().filter(|row| row.get(field).is_some_and(Value::is_null)).count();
        let missing = rows.iter().filter(|row| row.get(field).is_none()).count();
        assert!(null > 0 && missing > 0, "{field}: {null} null, {missing} missing");
        assert!((20..70).contains(&(null + missing)), "{field}: {null} null, {missing} missing");
    }
    assert!(rows.iter().all(|row| row["TaskId"].is_string()));
    // Filters act on what is: a row whose status is lost is found by it all the same.
    let completed = list_all(&server, &[SUBTASKS, ("Status", "2")]).await;
    assert!(completed.iter().any(|row| row.get("Status").is_none_or(Value::is_null)));
}

#[tokio::test]
async fn unknown_words_are_a_property_of_the_row() {
    let rows = list_all(&faulty("unknown-status=1").await, &[SUBTASKS]).await;
    let strange = |row: &Value| [row["Status"] == 9, row["TargetType"] == 99, row["ReportStatus"] == "LOST"];
    assert!(rows.iter().all(|row| strange(row).iter().filter(|is| **is).count() == 1));
    assert!((0..3).all(|kind| rows.iter().any(|row| strange(row)[kind])));
}

#[tokio::test]
async fn ignored_filters_leave_the_kind_of_listing() {
    let server = faulty("ignore-filter=1").await;
    assert_eq!(list(&server, &[SUBTASKS, ("Status", "3"), ("PageSize", "10")]).await.total(), 137);
    let root = list(&server, &[("RootTask", "true"), ("Status", "3")]).await.ids()[0].clone();
    assert!(list(&server, &[SUBTASKS, ("TaskId", &root)]).await.total() < 10);
}

#[tokio::test]
async fn faults_are_drawn_by_seed_request_and_attempt() {
    let outcomes = async |seed| {
        let server = start(Config { seed, ..with("server-error=0.5") }).await;
        let mut seen = Vec::new();
        for _ in 0..3 {
            for page in ["1", "2", "3", "4", "5", "6"] {
                seen.push(list(&server, &[SUBTASKS, ("CurrentPage", page)]).await.status);
            }
        }
        seen
    };
    let first = outcomes(1).await;
    assert_eq!(first, outcomes(1).await);
    assert_ne!(first, outcomes(2).await);
    assert!(first.contains(&200) && first.contains(&500));
    assert_ne!(first[..6], first[6..12], "another attempt has lots of its own");
}

#[tokio::test]
async fn a_bad_signature_is_told_whatever_else_goes_wrong() {
    let server = faulty("server-error=1").await;
    let mut request = V3::new(&server, params([]));
    request.secret = "wrong".to_owned();
    assert_eq!(request.send(&server).await.code(), "SignatureDoesNotMatch");
}
