//! A body of the API becomes tasks, or an error, and nothing else.

use agentless_exporter::model::{Name, Status, Task};
use agentless_exporter::rpc::BodyError;
use agentless_exporter::sas::{DecodedPage, UnknownValues, decode_page as decode};
use serde_json::Value;

/// Decodes `body` as a page, with its tasks.
///
/// # Panics
/// If something comes out that the rest of the exporter relies on not to come.
pub fn decode_page(body: &[u8]) {
    match decode(body) {
        Ok(page) => check_page(&page, body),
        Err(BodyError::Malformed(what)) => {
            // Words of our own and a position: nothing that stood in the body.
            assert!(what.starts_with("the ") && what.len() < 120, "{what:?}");
            assert!(what.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{what:?}");
        }
        Err(BodyError::Refused { code, .. }) => assert!(code.is_none_or(|code| !code.trim().is_empty())),
    }
    // A second reader; it knows no lone surrogates, and of a field that stands twice only the last.
    if let Ok(Value::Object(fields)) = serde_json::from_slice(body)
        && !names_twice(body)
    {
        agrees(&fields, decode(body));
    }
}

fn check_page(page: &DecodedPage<'_>, body: &[u8]) {
    // The smallest row is `{}` with its comma.
    assert!(page.row_count() <= body.len() / 3 + 1);
    assert!(page.total <= 1_000_000_000_000);
    assert!(page.page_size.is_none_or(|size| (1..=u64::from(u32::MAX)).contains(&size)));
    let mut unknown = UnknownValues::default();
    let tasks: Vec<_> = page.tasks(&mut unknown).collect();
    assert_eq!(tasks.len(), page.row_count());
    tasks.iter().flatten().for_each(check_task);
    assert!(unknown.iter().all(|(_, count)| count <= body.len() as u64));
    let mut again = UnknownValues::default();
    assert!(page.tasks(&mut again).eq(tasks), "the same rows are read differently the second time");
    assert_eq!(again, unknown);
}

fn check_task(task: &Task<'_>) {
    assert!(!task.id.trim().is_empty());
    for time in [task.start, task.end].into_iter().flatten() {
        assert!((1..=253_402_300_799_999).contains(&time.as_millis()), "{time:?}");
    }
    assert!(task.progress.is_none_or(|progress| (0.0..=1.0).contains(&progress.ratio())));
    assert!(task.measured_bytes.is_none_or(|bytes| bytes < 1 << 53));
    assert!(task.status == Status::Running || task.checks.iter().next().is_none());
    assert!(task.checks.iter().all(|(_, progress)| (0.0..=1.0).contains(&progress.ratio())));
    if let Some(target) = &task.target {
        assert!(!target.trim().is_empty());
        if let Some(name) = Name::of(target) {
            check_name(name.as_str());
        }
    }
}

/// A name that is shown stays on its line, in its place and within its bounds.
fn check_name(name: &str) {
    assert!((1..=128).contains(&name.chars().count()), "{name:?}");
    let harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!name.contains(harmful), "{name:?}");
    assert_eq!(Name::of(name).map(|again| again.to_string()).as_deref(), Some(name));
}

/// Whether a name of the outermost level may stand twice.
fn names_twice(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    let names = ["\"List\"", "\"PageInfo\"", "\"TotalCount\"", "\"Code\"", "\"code\""];
    text.contains("\\u") || names.iter().any(|name| text.matches(name).count() > 1)
}

/// What the decoder made of `fields` must be what they plainly say.
fn agrees(fields: &serde_json::Map<String, Value>, decoded: Result<DecodedPage<'_>, BodyError>) {
    let stands = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(_) => true,
    };
    if stands("Code") || stands("code") {
        assert!(matches!(decoded, Err(BodyError::Refused { .. })), "an error became {decoded:?}");
        return;
    }
    let rows = fields.get("List").and_then(Value::as_array);
    let total = fields.get("PageInfo").and_then(|info| info.get("TotalCount"));
    let Some(rows) = rows else {
        assert!(matches!(decoded, Err(BodyError::Malformed(_))), "no list became {decoded:?}");
        return;
    };
    match total.and_then(Value::as_u64) {
        Some(total) if total <= 1_000_000_000_000 && rows.iter().all(Value::is_object) => {
            let page = decoded.expect("a good page");
            assert_eq!((page.row_count(), page.total), (rows.len(), total));
        }
        Some(_) => {}
        None if total.is_none_or(|total| !total.is_string() && !total.is_f64()) => {
            assert!(matches!(decoded, Err(BodyError::Malformed(_))), "no total became {decoded:?}");
        }
        None => {}
    }
}
