//! Which rows a request gets.

use std::collections::BTreeSet;

use agentless_exporter::simulator::{Config, Listing};
use serde_json::Value;

use crate::client::{NOW, list, list_all, small, start, world};

const SUBTASKS: (&str, &str) = ("RootTask", "false");

fn number(row: &Value, field: &str) -> u64 {
    row[field].as_u64().unwrap_or(0)
}

#[tokio::test]
async fn pages_show_every_task_once_newest_first() {
    let server = start(small()).await;
    let rows = list_all(&server, &[SUBTASKS]).await;
    let starts: Vec<_> = rows.iter().map(|row| number(row, "StartTime")).collect();
    assert!(starts.is_sorted_by(|one, next| one >= next));
    let ids: BTreeSet<_> = rows.iter().map(|row| row["TaskId"].as_str().unwrap().to_owned()).collect();
    assert_eq!((rows.len(), ids.len()), (137, 137));

    let told = world(&server, "GET", "tasks").await.json();
    let told: BTreeSet<String> = serde_json::from_value(told["scan_tasks"].clone()).unwrap();
    assert_eq!(told, ids);
    let last = list(&server, &[SUBTASKS, ("PageSize", "50"), ("CurrentPage", "3")]).await;
    assert_eq!((last.rows().len(), last.total()), (37, 137));
}

#[tokio::test]
async fn large_pages_are_clamped_and_say_so() {
    let server = start(Config { page_size_max: 30, ..small() }).await;
    let answer = list(&server, &[SUBTASKS, ("PageSize", "100"), ("CurrentPage", "2")]).await;
    let page = answer.json()["PageInfo"].clone();
    assert_eq!(answer.rows().len(), 30);
    assert_eq!((number(&page, "PageSize"), number(&page, "CurrentPage")), (30, 2));
}

#[tokio::test]
async fn status_type_and_times_filter() {
    let server = start(Config { tasks: 1000, ..small() }).await;
    let all = list_all(&server, &[SUBTASKS]).await;
    let since = (NOW - 7 * 86_400_000).to_string();
    let until = (NOW - 3_600_000).to_string();
    type Meets = fn(&Value) -> bool;
    let cases: [(&str, &str, Meets); 6] = [
        ("Status", "1", |row| row["Status"] == 1),
        ("Status", "3", |row| row["Status"] == 3),
        ("Status", "4", |row| row["Status"] == 4),
        ("TargetType", "2", |row| row["TargetType"] == 2),
        ("StartTime", &since, |row| number(row, "StartTime") >= NOW - 7 * 86_400_000),
        ("EndTime", &until, |row| (1..=NOW - 3_600_000).contains(&number(row, "EndTime"))),
    ];
    for (name, value, meets) in cases {
        let expected: Vec<_> = all.iter().filter(|row| meets(row)).cloned().collect();
        assert!((1..1000).contains(&expected.len()), "{name} {}", expected.len());
        assert_eq!(list_all(&server, &[SUBTASKS, (name, value)]).await, expected, "{name}={value}");
    }
    let both = list_all(&server, &[SUBTASKS, ("Status", "2"), ("StartTime", &since)]).await;
    assert!(both.iter().all(|row| row["Status"] == 2 && number(row, "StartTime") >= NOW - 7 * 86_400_000));
    assert!(!both.is_empty());
}

#[tokio::test]
async fn targets_filter_by_what_they_are_called() {
    let server = start(Config { tasks: 600, ..small() }).await;
    let all = list_all(&server, &[SUBTASKS]).await;
    let filled = |field| move |row: &&Value| !row[field].as_str().unwrap().is_empty();
    for (filter, field) in [
        ("Uuid", "Uuid"),
        ("InternetIp", "InternetIp"),
        ("IntranetIp", "IntranetIp"),
        ("MachineName", "InstanceName"),
        ("TargetName", "TargetName"),
    ] {
        let wanted = all.iter().find(filled(field)).unwrap()[field].clone();
        let expected: Vec<_> = all.iter().filter(|row| row[field] == wanted).cloned().collect();
        let got = list_all(&server, &[SUBTASKS, (filter, wanted.as_str().unwrap())]).await;
        assert_eq!(got, expected, "{filter}");
    }
}

#[tokio::test]
async fn main_tasks_name_their_subtasks() {
    let server = start(small()).await;
    let roots = list_all(&server, &[("RootTask", "True")]).await;
    assert!(roots.len() > 20);
    let mut subtasks = 0;
    for root in &roots {
        let id = root["TaskId"].as_str().unwrap();
        let of_root = list(&server, &[SUBTASKS, ("TaskId", id)]).await;
        let same = list(&server, &[SUBTASKS, ("RootTaskId", id)]).await;
        assert_eq!(of_root.ids(), same.ids());
        assert!(of_root.rows().iter().all(|row| row["TargetType"] == root["TargetType"]));
        assert!(of_root.rows().iter().all(|row| number(row, "StartTime") >= number(root, "StartTime")));
        subtasks += of_root.rows().len();
    }
    assert_eq!(subtasks, 137);
    let own =
        list(&server, &[("RootTask", "true"), ("RootTaskId", roots[0]["TaskId"].as_str().unwrap())]).await;
    assert_eq!(own.rows(), roots[..1]);
    assert_eq!(list(&server, &[SUBTASKS, ("TaskId", "nonsense")]).await.total(), 0);
}

#[tokio::test]
async fn a_list_of_ids_gets_those() {
    let server = start(small()).await;
    let all = list(&server, &[SUBTASKS, ("PageSize", "100")]).await.ids();
    let wanted = serde_json::to_string(&[&all[3], &all[60], &"0".to_owned()]).unwrap();
    let got = list(&server, &[SUBTASKS, ("TaskIdList", &wanted)]).await.ids();
    assert_eq!(got, [all[3].clone(), all[60].clone()]);
    let as_roots = list(&server, &[("RootTask", "true"), ("TaskIdList", &wanted)]).await;
    assert_eq!(as_roots.total(), 0);
}

#[tokio::test]
async fn names_of_tasks_follow_the_language() {
    let server = start(small()).await;
    let name =
        async |lang| list(&server, &[SUBTASKS, ("Lang", lang)]).await.rows()[0]["TaskName"].to_string();
    assert!(name("en").await.contains("agentless"));
    assert!(name("zh").await.contains("检测"));
}

#[tokio::test]
async fn a_per_root_account_lists_subtasks_by_their_main_task_only() {
    let server = start(Config { listing: Listing::PerRoot, ..small() }).await;
    assert_eq!(list(&server, &[SUBTASKS]).await.total(), 0);
    let roots = list_all(&server, &[("RootTask", "true")]).await;
    let mut ids = BTreeSet::new();
    for root in &roots {
        ids.extend(list(&server, &[SUBTASKS, ("TaskId", root["TaskId"].as_str().unwrap())]).await.ids());
    }
    assert_eq!(ids.len(), 137);
}

#[tokio::test]
async fn a_root_account_has_main_tasks_only_and_they_name_targets() {
    let server = start(Config { listing: Listing::Root, ..small() }).await;
    let roots = list_all(&server, &[("RootTask", "true")]).await;
    assert_eq!(roots.len(), 137);
    assert!(roots.iter().all(|row| row["TargetName"].is_string()));
    assert_eq!(list(&server, &[SUBTASKS]).await.total(), 0);
    let id = roots[0]["TaskId"].as_str().unwrap();
    assert_eq!(list(&server, &[SUBTASKS, ("TaskId", id)]).await.total(), 0);
    let ids = serde_json::to_string(&[id]).unwrap();
    assert_eq!(list(&server, &[("RootTask", "true"), ("TaskIdList", &ids)]).await.ids(), [id]);
}
