//! What is asked of the cloud, what follows from its answers, and how that is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::model::{FailureReason, Listing};
use crate::sas::endpoints::{CHINA, INTERNATIONAL};

use super::fake::{Centre, Cloud, Trouble, ask, ask_with};
use super::report::{Permission, SourceReport};
use super::{json, table};

const EMPTY: Centre = Centre { main_tasks: 0, subtasks: 0, unsaid: 0, of_each: 0 };
const FLAT: Centre = Centre { main_tasks: 12, subtasks: 137, unsaid: 137, of_each: 9 };

fn cloud(china: Centre, international: Centre, troubles: &[(&'static str, Trouble)]) -> Arc<Cloud> {
    let centres = BTreeMap::from([(CHINA, china), (INTERNATIONAL, international)]);
    Arc::new(Cloud { centres, troubles: troubles.iter().cloned().collect(), ..Cloud::default() })
}

async fn notes(china: Centre, international: Centre, yaml: &str) -> Vec<String> {
    let report = ask(cloud(china, international, &[]), yaml).await;
    assert_eq!(report.failure(), None);
    report.notes(std::slice::from_ref(&report))
}

fn plain(reports: &[SourceReport]) -> String {
    anstream::adapter::strip_str(&table::render(reports)).to_string()
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_listing_is_counted_by_small_requests_in_both_data_centres() {
    let cloud = cloud(FLAT, EMPTY, &[]);
    let report = ask(Arc::clone(&cloud), "").await;
    let mut asked = cloud.asked.lock().unwrap().clone();
    asked.sort();
    let lookback = "StartTime=1794884645000";
    let mut expected: Vec<String> = [
        (INTERNATIONAL, "PageSize=50&RootTask=true"),
        (INTERNATIONAL, "PageSize=1&RootTask=false"),
        (INTERNATIONAL, "PageSize=1"),
        (CHINA, "PageSize=50&RootTask=true"),
        (CHINA, "PageSize=1&RootTask=false"),
        (CHINA, "PageSize=1"),
        (CHINA, "PageSize=1&RootTask=false&TaskId=t11"),
        (CHINA, "PageSize=1&RootTask=false&TaskId=t10"),
        (CHINA, "PageSize=1&RootTask=false&TaskId=t9"),
        (CHINA, &format!("PageSize=1&RootTask=true&{lookback}")),
        (CHINA, &format!("PageSize=1&RootTask=false&{lookback}")),
    ]
    .map(|(host, rest)| format!("{host}?CurrentPage=1&Lang=en&{rest}"))
    .into();
    expected.sort();
    assert_eq!(asked, expected);
    assert_eq!(report.listing_seen(), Some(Listing::Flat));
}

#[tokio::test(start_paused = true)]
async fn who_chose_the_wrong_data_centre_is_told_where_the_tasks_are() {
    let [clock, note] = &notes(EMPTY, FLAT, "").await[..] else { panic!("two notes") };
    assert_eq!(clock, "the clock of this machine is 120 s off; set it, and keep it right with NTP");
    assert_eq!(
        note,
        "this account has no task here but some in the other data centre, tds.ap-southeast-1.aliyuncs.com: poll that \
         one instead, by a region such as ap-southeast-1"
    );
    let both = notes(FLAT, FLAT, "").await;
    assert!(both[1].starts_with("this account has tasks in the other data centre too"), "{both:?}");
    let neither = notes(EMPTY, EMPTY, "").await;
    assert_eq!(neither[1], "this account has no task in either data centre");
    assert_eq!(notes(FLAT, EMPTY, "").await.len(), 1, "all is well");
}

#[tokio::test(start_paused = true)]
async fn tasks_that_another_source_shows_are_no_reason_for_one_more() {
    let cloud = cloud(FLAT, FLAT, &[]);
    let here = ask(Arc::clone(&cloud), "").await;
    let there = ask(cloud, &format!("endpoint: \"https://{INTERNATIONAL}\",")).await;
    let all = [here, there];
    for source in &all {
        assert_eq!(source.notes(&all).len(), 1, "{:?}", source.notes(&all));
    }
}

#[tokio::test(start_paused = true)]
async fn of_unknown_accounts_only_those_with_the_same_key_are_the_same() {
    let unknown = cloud(FLAT, FLAT, &[("sts.aliyuncs.com", Trouble::Refuses(403, "Forbidden"))]);
    let known = cloud(FLAT, FLAT, &[]);
    let there = format!("endpoint: \"https://{INTERNATIONAL}\",");
    for (here_in, there_in) in
        [(&unknown, &unknown), (&unknown, &known), (&known, &unknown), (&known, &known)]
    {
        for (id, is_same) in [("LTAIa-long-key-id", true), ("LTAIa-other-key-id", false)] {
            let here = ask(Arc::clone(here_in), "").await;
            let all = [here, ask_with(id, Arc::clone(there_in), &there).await];
            // Two keys of one account are known for that by their identities alone.
            let is_seen = is_same || all.iter().all(|source| source.identity.good().is_some());
            for source in &all {
                let notes = source.notes(&all).concat();
                let is_told = notes.contains("this account has tasks in the other data centre too");
                assert_eq!(is_told, !is_seen, "{notes}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_counts_tell_how_scan_tasks_are_listed_and_a_wrong_choice_is_told() {
    let seen = async |centre: Centre| ask(cloud(centre, EMPTY, &[]), "").await.listing_seen();
    assert_eq!(seen(Centre { subtasks: 0, ..FLAT }).await, Some(Listing::PerRoot));
    assert_eq!(seen(Centre { subtasks: 26, ..FLAT }).await, Some(Listing::PerRoot), "27 are known");
    assert_eq!(seen(Centre { subtasks: 0, of_each: 0, ..FLAT }).await, Some(Listing::Root));
    assert_eq!(seen(Centre { of_each: 0, ..FLAT }).await, None, "older ones may have them");
    assert_eq!(seen(EMPTY).await, None);
    let wrong = notes(Centre { subtasks: 0, ..FLAT }, EMPTY, "listing: flat,").await;
    assert!(wrong[1].contains("flat is configured, but by these counts it is per_root"), "{wrong:?}");
}

#[tokio::test(start_paused = true)]
async fn an_api_that_lists_subtasks_by_main_task_alone_can_be_polled() {
    let troubles = [(CHINA, Trouble::WantsTaskId)];
    let report = ask(cloud(FLAT, EMPTY, &troubles), "").await;
    assert_eq!((report.failure(), report.listing_seen()), (None, Some(Listing::PerRoot)));
    let requests = report.requests().expect("main tasks are enough to reckon");
    assert_eq!(requests.of_a_full_listing, 15);
    let report = ask(cloud(FLAT, EMPTY, &troubles), "listing: flat,").await;
    assert_eq!(report.failure().and_then(|told| told.code.as_deref()), Some("MissingTaskId"));
}

#[tokio::test(start_paused = true)]
async fn a_page_size_that_is_refused_is_halved_as_polls_do() {
    let troubles = [(CHINA, Trouble::RefusesPagesAbove(20))];
    let report = ask(cloud(FLAT, EMPTY, &troubles), "api: {page_size: 80},").await;
    assert_eq!(report.own.page_size.map(|size| (size.taken, size.answered)), Some((20, Some(20))));
    let notes = report.notes(&[]);
    assert!(notes.iter().any(|note| note.starts_with("pages of 80 rows are refused; 20 rows")), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_once_and_asked_no_further() {
    let troubles = [(CHINA, Trouble::Refuses(403, "NoPermission"))];
    let cloud = cloud(FLAT, EMPTY, &troubles);
    let report = ask(Arc::clone(&cloud), "").await;
    let told = report.failure().expect("it can't be polled");
    assert_eq!((told.reason, told.code.as_deref()), (FailureReason::Permission, Some("NoPermission")));
    assert!(told.advice.contains("yundun-sas:ListAgentlessTask"), "{}", told.advice);
    assert_eq!(report.permission(), Permission::Refused);
    assert!(report.identity.good().is_some(), "whose key it is is known all the same");
    assert!(cloud.asked.lock().unwrap().iter().all(|url| url.starts_with(INTERNATIONAL)));
}

#[tokio::test(start_paused = true)]
async fn what_is_beside_the_source_may_fail() {
    let troubles =
        [(INTERNATIONAL, Trouble::Refuses(403, "Forbidden")), ("sts.aliyuncs.com", Trouble::Hangs)];
    let report = ask(cloud(FLAT, EMPTY, &troubles), "").await;
    assert_eq!((report.failure(), report.permission()), (None, Permission::Granted));
    let notes = report.notes(&[]).join("\n");
    assert!(
        notes.starts_with(
            "whose key it is is not known, which is no failure by itself: GetCallerIdentity got no"
        ),
        "{notes}"
    );
    assert!(
        notes.contains("in the other data centre is not known: ListAgentlessTask was refused: Forbidden")
    );
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_hangs_ends_in_time_and_leaves_the_rest_known() {
    let start = Instant::now();
    let troubles = [(CHINA, Trouble::Hangs)];
    let report = ask(cloud(FLAT, FLAT, &troubles), "").await;
    assert!(start.elapsed() <= Duration::from_secs(100), "{:?}", start.elapsed());
    assert_eq!(report.failure().map(|told| told.reason), Some(FailureReason::Timeout));
    assert_eq!(report.permission(), Permission::Unknown);
    assert_eq!(report.other.as_ref().and_then(|counts| counts.subtasks.good()), Some(&137));
    assert!(report.identity.good().is_some());
}

#[tokio::test(start_paused = true)]
async fn the_table_tells_all_of_a_source() {
    let good = ask(cloud(FLAT, EMPTY, &[]), "").await;
    let expected = "\
prod can be polled
  key         LTAI…y-id of access_key, no expiry known
  identity    acs:ram::1:user/a (RAMUser)
  permission  ListAgentlessTask is granted
  clock       120 s behind that of the cloud
  page size   50 rows configured, 50 answered
  listing     auto configured, flat by these counts
  requests    about 3624 a day while nothing runs: 3600 for polls of what changed, 6 for each of 4 full listings

  TASKS AT                         MAIN TASKS  SUBTASKS  ROOTTASK OMITTED  SUBTASKS OF THE NEWEST MAIN TASKS
  tds.cn-shanghai.aliyuncs.com             12       137               137  9, 9, 9
  tds.ap-southeast-1.aliyuncs.com           0         0                 0  none to ask for

  note: the clock of this machine is 120 s off; set it, and keep it right with NTP
";
    assert_eq!(plain(&[good]), expected);
    let troubles = [(CHINA, Trouble::Refuses(403, "NoPermission"))];
    let bad = plain(&[ask(cloud(FLAT, EMPTY, &troubles), "").await]);
    assert!(
        bad.starts_with(
            "prod can't be polled (permission): ListAgentlessTask was refused: NoPermission (HTTP 403)"
        ),
        "{bad}"
    );
    for line in ["  permission  ListAgentlessTask is refused\n", "  requests    not known\n"] {
        assert!(bad.contains(line), "{line}: {bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_json_has_the_documented_shape() {
    let troubles = [(CHINA, Trouble::Refuses(403, "NoPermission"))];
    let good = ask(cloud(Centre { main_tasks: 1, ..FLAT }, EMPTY, &[]), "").await;
    let bad = ask(cloud(FLAT, EMPTY, &troubles), "").await;
    let got: Value = serde_json::from_str(&json::render(&[good, bad], &["odd".to_owned()])).unwrap();
    let known = json!({
        "name": "prod", "region": "cn-hangzhou", "endpoint": CHINA, "ok": true, "credentials": "access_key",
        "key": {"provider": "access_key", "id": "LTAI…y-id", "expires": null},
        "identity": {"arn": "acs:ram::1:user/a", "account_id": "1", "identity_type": "RAMUser"},
        "permission": "granted", "clock_skew_seconds": 120.0,
        "page_size": {"configured": 50, "accepted": 50, "answered": 50},
        "listing": {"configured": "auto", "seen": "flat"},
        "counts": [
            {
                "endpoint": CHINA, "main_tasks": 1, "subtasks": 137, "root_task_omitted": 137,
                "newest_main_tasks": [{"task_id": "t0", "subtasks": 9}],
                "lookback_main_tasks": 1, "lookback_subtasks": 137, "failure": null,
            },
            {
                "endpoint": INTERNATIONAL, "main_tasks": 0, "subtasks": 0, "root_task_omitted": 0,
                "newest_main_tasks": [], "lookback_main_tasks": null, "lookback_subtasks": null, "failure": null,
            },
        ],
        "requests_a_day":
            {"total": 3624.0, "quiet_polls": 3600.0, "full_listings": 4.0, "of_a_full_listing": 6},
        "failure": null,
        "notes": ["the clock of this machine is 120 s off; set it, and keep it right with NTP"],
    });
    assert_eq!((&got["ok"], &got["warnings"]), (&false.into(), &json!(["odd"])));
    assert_eq!(got["sources"][0], known);
    let unknown = &got["sources"][1];
    assert_eq!((&unknown["permission"], &unknown["ok"]), (&"refused".into(), &false.into()));
    for field in ["main_tasks", "subtasks", "root_task_omitted"] {
        assert_eq!(unknown["counts"][0][field], Value::Null, "{field}");
    }
    assert_eq!(unknown["failure"]["code"], "NoPermission");

    let help = crate::cli::parse(["agentless-exporter", "check-config", "--help"]).unwrap_err().to_string();
    let mut names = Vec::new();
    names_in(&got, &mut names);
    assert!(names.len() > 40, "{names:?}");
    for name in names {
        assert!(help.contains(&name), "{name} is not in the help");
    }
}

fn names_in(value: &Value, all: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            all.push(name.clone());
            names_in(value, all);
        }),
        Value::Array(items) => items.iter().for_each(|item| names_in(item, all)),
        _ => {}
    }
}

#[test]
fn who_waits_is_told_for_whom_and_how_long() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("exporter.yaml");
    let text = "sources:\n  - {name: a, region: cn-hangzhou}\n  - {name: b, region: cn-hangzhou}\n";
    std::fs::write(&file, text).unwrap();
    let settings =
        crate::config::load(&crate::config::Inputs { file: Some(file), ..Default::default() }).unwrap();
    assert_eq!(super::under_way(&settings), "asking the cloud about a, b; this may take up to 110 s\n");
}
