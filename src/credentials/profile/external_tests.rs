use super::*;
use crate::error::in_words;

const GOOD: &str =
    r#"{"mode":"StsToken","access_key_id":"an-id","access_key_secret":"hunter2","sts_token":"a-token"}"#;

fn program(command: impl Into<String>) -> External {
    External::new(Secret::new(command))
}

/// What is told of a program that gives no key.
async fn failure(program: External) -> String {
    let told = in_words(&program.run().await.unwrap_err());
    assert!(!told.contains("hunter2"), "{told}");
    told
}

fn writes(output: &str) -> String {
    format!("printf %s '{output}'")
}

#[tokio::test]
async fn the_key_that_a_program_writes_is_used_until_its_end() {
    let lease = program(writes(GOOD)).run().await.unwrap();
    let token = Some(Secret::new("a-token"));
    assert_eq!(lease.key, AccessKey { id: "an-id".to_owned(), secret: Secret::new("hunter2"), token });
    assert_eq!((lease.expires, lease.look_again), (None, Some(AGAIN)));
    let ends = GOOD.replace('}', r#","expiration":"2026-11-24T03:04:05Z"}"#);
    let lease = program(writes(&ends)).run().await.unwrap();
    assert_eq!(lease.expires.map(|at| at.as_millis()), Some(1_795_489_445_000));
    assert_eq!(lease.look_again, None);
    let long_term = r#"{"mode":"AK","access_key_id":"an-id","access_key_secret":"hunter2","sts_token":"","expiration":""}"#;
    let lease = program(writes(long_term)).run().await.unwrap();
    assert_eq!((lease.key.token, lease.expires), (None, None));
}

#[tokio::test]
async fn words_are_split_as_a_shell_does_and_no_shell_reads_them() {
    let told = failure(program("printf %s '$(touch hunter2)' ; true")).await;
    assert_eq!(
        told,
        "the output of its `process_command` is no key: the answer is not JSON, or not all of it"
    );
    // printf repeats its form for each argument, and each one is one word.
    let pieces =
        r#"printf '%s' '{"mode":"AK","access_key_id":"an id",' "\"access_key_secret\":\"hunter2\"}""#;
    assert_eq!(program(pieces).run().await.unwrap().key.id, "an id");
    for command in ["printf 'hunter2", " ", "printf hunter2\\"] {
        assert!(
            failure(program(command)).await.starts_with("its `process_command` is no command"),
            "{command}"
        );
    }
}

#[tokio::test]
async fn a_program_that_fails_is_told_without_what_it_wrote() {
    let told = failure(program("/nowhere/hunter2")).await;
    assert!(told.starts_with("the program of its `process_command` can't be started: "), "{told}");
    let told = failure(program(r#"sh -c 'echo hunter2; echo hunter2 >&2; exit 3'"#)).await;
    assert!(
        told.starts_with("the program of its `process_command` failed (exit status: 3); run it"),
        "{told}"
    );
    let told = failure(program("cat")).await;
    assert!(told.ends_with("is not JSON, or not all of it"), "its input is empty: {told}");
}

#[tokio::test]
async fn an_output_that_is_no_key_is_told_by_what_is_wrong() {
    for (output, wrong) in [
        ("<html>", "the answer is not JSON, or not all of it"),
        (r#"{"access_key_id":"an-id"}"#, "the answer has no access_key_secret"),
        (r#"{"access_key_secret":"hunter2"}"#, "the answer has no access_key_id"),
        (&GOOD.replace("a-token", " "), "the answer has no sts_token"),
        (&GOOD.replace("StsToken", "RamRoleArn"), "is neither AK nor StsToken"),
        (&GOOD.replace('}', r#","expiration":"soon"}"#), "is not a time like 2026-11-24T03:04:05Z"),
    ] {
        let told = failure(program(writes(output))).await;
        assert!(told.ends_with(wrong), "{told}");
    }
}

#[tokio::test]
async fn a_program_that_never_stops_writing_is_ended() {
    let told = failure(program("cat /dev/zero")).await;
    assert!(told.ends_with("for it wrote more than 65536 bytes"), "{told}");
}

#[tokio::test]
async fn a_program_that_is_late_or_not_waited_for_any_more_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let sleeper = || format!("sh -c 'echo $$ >{0}.new; mv {0}.new {0}; exec sleep 600'", pid.display());
    let late = External { command: Secret::new(sleeper()), limit: Duration::from_millis(500) };
    let told = failure(late).await;
    assert!(told.ends_with("was ended, for it took longer than 0.5 s"), "{told}");
    until_gone(&pid).await;

    let given_up = program(sleeper());
    tokio::select! {
        _ = given_up.run() => panic!("it sleeps"),
        () = until(|| pid.exists()) => {}
    }
    until_gone(&pid).await;
}

/// Waits until the process whose id is in the file `pid` has ended, and removes the file.
async fn until_gone(pid: &std::path::Path) {
    until(|| pid.exists()).await;
    let process = std::path::Path::new("/proc").join(std::fs::read_to_string(pid).unwrap().trim());
    until(|| !process.exists()).await;
    std::fs::remove_file(pid).unwrap();
}

async fn until(condition: impl Fn() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("it comes true");
}
