//! Every trap of the API's data, one directory each: `tests/decode/NAME/body.json` is what
//! comes, `expected.txt` what is understood. With `UPDATE_EXPECTED=1` the expectations are
//! written anew, to be read before they are committed.

use std::fs;
use std::path::Path;

use agentless_exporter::model::Task;
use agentless_exporter::rpc::BodyError;
use agentless_exporter::sas::{UnknownValues, decode_page};

#[test]
fn every_data_trap_is_understood_as_its_case_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/decode");
    let update = option_env!("UPDATE_EXPECTED").is_some();
    let mut cases = 0;
    let mut wrong = String::new();
    for entry in fs::read_dir(root).unwrap() {
        let case = entry.unwrap().path();
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let body = fs::read(case.join("body.json")).unwrap();
        let understood = describe(&body);
        let expectation = case.join("expected.txt");
        if update {
            fs::write(&expectation, &understood).unwrap();
        }
        let expected = fs::read_to_string(&expectation).unwrap_or_default();
        if understood != expected {
            wrong += &format!("--- {name}\nexpected:\n{expected}\nunderstood:\n{understood}\n");
        }
        cases += 1;
    }
    assert!(cases >= 70, "only {cases} cases found");
    assert!(wrong.is_empty(), "{wrong}");
}

fn describe(body: &[u8]) -> String {
    let page = match decode_page(body) {
        Ok(page) => page,
        Err(BodyError::Refused { code: Some(code), message }) => {
            return format!("refused: {code}: {message}\n");
        }
        Err(BodyError::Refused { code: None, message }) => {
            return format!("refused without a code: {message}\n");
        }
        Err(BodyError::Malformed(what)) => return format!("malformed: {what}\n"),
    };
    let mut unknown = UnknownValues::default();
    let mut text = format!("total {} page_size {:?}\n", page.total, page.page_size);
    for task in page.tasks(&mut unknown) {
        let line = task.map_or("skipped".to_owned(), |task| describe_task(&task));
        text += &format!("{line}\n");
    }
    for (field, count) in unknown.iter() {
        text += &format!("unknown {field}: {count}\n");
    }
    text
}

fn describe_task(task: &Task<'_>) -> String {
    let checks: Vec<_> =
        task.checks.iter().map(|(check, progress)| format!("{check}={}", progress.ratio())).collect();
    format!(
        "{:?} {} {} target {:?} instance {:?} {:?} name {:?} start {:?} end {:?} progress {:?} bytes {:?} report {} checks [{}]",
        task.id,
        task.target_type,
        task.status,
        task.target,
        task.instance_id,
        task.instance_name,
        task.target_name,
        task.start.map(|time| time.as_millis()),
        task.end.map(|time| time.as_millis()),
        task.progress.map(|progress| progress.ratio()),
        task.measured_bytes,
        task.report,
        checks.join(" "),
    )
}
