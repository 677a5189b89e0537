//! Decoding a page of 100 rows, against what `serde_json` alone does with the same bytes.

use std::borrow::Cow;
use std::hint::black_box;

use agentless_exporter::sas::{UnknownValues, decode_page};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::Deserialize;
use serde_json::{Value, json};

/// A page as the API sends it: all documented fields, one row in fifty running.
fn page() -> Vec<u8> {
    let row = |n: i64| {
        let checks = r#"{"scaVul":100,"binary":100,"baseline":100,"vul":100,"webshell":100,"script":100,"sensitiveInfo":100}"#;
        json!({
            "TaskId": format!("d8a3a62aa7f8450db5a5{n:012}"), "TaskName": "SERVER_AGENTLESS_SCAN",
            "TargetType": 1, "Status": if n % 50 == 0 { 1 } else { 2 }, "Progress": 100,
            "StartTime": 1_700_000_000_000i64 + n, "EndTime": 1_700_000_600_000i64 + n, "Result": "True",
            "Uuid": format!("d2d94e8b-bb25-4744-8004-{n:012}"), "InternetIp": "203.0.113.7",
            "IntranetIp": "192.168.17.4", "InstanceName": format!("launch-advisor-{n}"),
            "InstanceId": format!("i-wz95{n:012}"), "TargetName": format!("source-test-obj-{n:06}"),
            "ProgressByProject": Value::String(checks.to_owned()).to_string(),
            "ReportStatus": "SUCCESS", "MeasureSpace": 154.11,
            "ReportDownloadUrl": format!("http://sas-reports.example/agentless/{n:012}/report.zip?Expires=1700000000"),
        })
    };
    let rows: Vec<Value> = (0..100).map(row).collect();
    let info = json!({"CurrentPage": 1, "PageSize": 100, "TotalCount": 100_000});
    json!({"RequestId": "7E0618A9-D5EF-4220-9471-C42B5E92719F", "PageInfo": info, "List": rows})
        .to_string()
        .into_bytes()
}

/// The documented shape, texts borrowed where the JSON allows.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "only parsing it is measured")]
struct Borrowed<'p> {
    #[serde(borrow)]
    list: Vec<BorrowedRow<'p>>,
    #[serde(borrow)]
    request_id: Cow<'p, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "only parsing it is measured")]
struct BorrowedRow<'p> {
    #[serde(borrow)]
    task_id: Cow<'p, str>,
    #[serde(borrow)]
    task_name: Cow<'p, str>,
    target_type: i64,
    status: i64,
    progress: i64,
    start_time: i64,
    end_time: i64,
    #[serde(borrow)]
    result: Cow<'p, str>,
    #[serde(borrow)]
    uuid: Cow<'p, str>,
    #[serde(borrow)]
    internet_ip: Cow<'p, str>,
    #[serde(borrow)]
    intranet_ip: Cow<'p, str>,
    #[serde(borrow)]
    instance_name: Cow<'p, str>,
    #[serde(borrow)]
    instance_id: Cow<'p, str>,
    #[serde(borrow)]
    target_name: Cow<'p, str>,
    #[serde(borrow)]
    progress_by_project: Cow<'p, str>,
    #[serde(borrow)]
    report_status: Cow<'p, str>,
    measure_space: f64,
    #[serde(borrow)]
    report_download_url: Cow<'p, str>,
}

fn decoding(criterion: &mut Criterion) {
    let page = page();
    let mut group = criterion.benchmark_group("page_of_100");
    group.throughput(Throughput::Bytes(page.len() as u64));
    group.bench_function("decoded_to_tasks", |bencher| {
        bencher.iter(|| {
            let decoded = decode_page(black_box(&page)).expect("the page is good");
            let mut unknown = UnknownValues::default();
            decoded
                .tasks(&mut unknown)
                .flatten()
                .map(|task| task.start.map_or(0, |at| at.as_millis()))
                .sum::<u64>()
        });
    });
    group.bench_function("serde_json_borrowed", |bencher| {
        bencher.iter(|| serde_json::from_slice::<Borrowed<'_>>(black_box(&page)).expect("the page is good"));
    });
    group.bench_function("serde_json_value", |bencher| {
        bencher.iter(|| serde_json::from_slice::<Value>(black_box(&page)).expect("the page is good"));
    });
    group.finish();
}

criterion_group!(benches, decoding);
criterion_main!(benches);
