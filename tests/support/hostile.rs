//! A Security Center whose texts are written by an enemy.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use agentless_exporter::clock::Clock;
use serde_json::{Value, json};

/// Names as an enemy, or an odd customer, gives them to machines.
pub(crate) fn names() -> Vec<String> {
    [
        "<script>alert(1)</script><img src=x onerror=alert(2)>",
        "\"'`&amp;</p></section><style>*{display:none}</style>",
        "a\\b{x=\"1\"} 1\n# TYPE evil counter",
        "\u{1b}[31mred\u{1b}]0;title\u{7}\u{9b}2J\u{0}\r\n\t",
        "\u{202e}gpj.exe\u{2066}\u{200f}\u{feff}",
        "\u{ad}soft\u{61c}\u{200b}\u{fff9}\u{e0041}\u{2065}",
        "שרת-ראשי 生产-数据库 🚀",
        "level=error msg=\"forged\" ts=1",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain(["<b>".repeat(1365)])
    .collect()
}

/// Serves main tasks with these names, half of them running and half failed, for as long as the
/// test lasts; `refusal` is what it answers instead.
pub(crate) fn cloud(refusal: Option<Value>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let refusal = refusal.clone();
            std::thread::spawn(move || {
                if let Ok(mut stream) = stream {
                    let mut request = vec![0; 16 * 1024];
                    let length = stream.read(&mut request).unwrap_or(0);
                    let request = String::from_utf8_lossy(&request[..length]).into_owned();
                    let (status, body) = match &refusal {
                        Some(refusal) => ("400 Bad Request", refusal.to_string()),
                        None => ("200 OK", page(&request).to_string()),
                    };
                    let head = format!(
                        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                        body.len()
                    );
                    let _gone = stream.write_all((head + &body).as_bytes());
                }
            });
        }
    });
    address
}

fn page(request: &str) -> Value {
    let is_running = request.contains("Status=1");
    let names = names();
    let rows = names.iter().enumerate().map(|(number, name)| {
        let failed = number % 2 == 0;
        json!({
            "TaskId": format!("task-{number}"), "TargetType": 1, "Status": if failed { 3 } else { 1 }, "Progress": 40,
            "StartTime": start(), "EndTime": start() + 1000, "Uuid": format!("{number}{name}"),
            "InstanceId": name, "InstanceName": name, "TargetName": name, "ReportStatus": name,
        })
    });
    let rows: Vec<Value> = rows.filter(|row| !is_running || row["Status"] == 1).collect();
    json!({"List": rows, "PageInfo": {"TotalCount": rows.len(), "PageSize": 50, "CurrentPage": 1, "Count": rows.len()}})
}

/// An hour ago, in milliseconds.
fn start() -> u64 {
    Clock::system().now().as_millis() - 3_600_000
}
