use tokio::time::Instant;

use crate::credentials::fake::{CREDENTIALS, KEY, Step, Wire, fetched, ok, parts, status};
use crate::credentials::{EcsRamRole, Parts};
use crate::meters::{Meters, table};

use super::*;

const ARN: &str = "acs:ram::1:role/r";
const EXTERNAL_ID: &str = "s3cr3t-id";

fn here(text: &str) -> Written {
    Written::Here(Secret::new(text))
}

fn key() -> Config {
    Config::AccessKey { id: here("AK"), secret: here("hunter2") }
}

fn role() -> Role {
    let external_id = Some(here(EXTERNAL_ID));
    Role { arn: Some(ARN.to_owned()), external_id, ..Role::default() }
}

async fn ask(base: &Config, steps: impl IntoIterator<Item = Step>) -> Result<String, String> {
    let wire = Wire::new(steps);
    let provider = AssumedRole::new(base, &role(), &parts(&wire, &[]));
    assert!(!format!("{provider:?}").contains(EXTERNAL_ID));
    let got = fetched(&provider).await.map(|lease| lease.origin);
    if let Err(error) = &got {
        assert!(!error.contains(EXTERNAL_ID), "{error}");
    }
    got
}

#[tokio::test]
async fn a_role_tells_the_key_that_assumes_it() {
    let got = ask(&key(), [ok(CREDENTIALS)]).await;
    assert_eq!(got, Ok(format!("ram_role_arn {ARN} by access_key")));
}

#[tokio::test]
async fn a_role_may_assume_a_role_by_the_key_of_a_machine() {
    let machine = Config::EcsRamRole(EcsRamRole { name: Some("m".to_owned()), disable_v1: false });
    let first = Role { arn: Some("acs:ram::1:role/first".to_owned()), ..Role::default() };
    let base = Config::RamRoleArn { base: Box::new(machine), role: first };
    let got = ask(&base, [ok("token"), ok(KEY), ok(CREDENTIALS)]).await;
    let by = "ram_role_arn acs:ram::1:role/first by ecs_ram_role m";
    assert_eq!(got, Ok(format!("ram_role_arn {ARN} by {by}")));
}

#[tokio::test(start_paused = true)]
async fn the_key_that_assumes_is_kept_as_long_as_it_is_good_and_then_renewed() {
    let machine = Config::EcsRamRole(EcsRamRole { name: Some("m".to_owned()), disable_v1: false });
    let key_of_an_hour = KEY.replace("09:04:05", "04:04:05");
    let wire = Wire::new([
        ok("token"),
        ok(&key_of_an_hour),
        ok(CREDENTIALS),
        ok(CREDENTIALS),
        ok(CREDENTIALS),
        ok("token"),
        ok(KEY),
        ok(CREDENTIALS),
    ]);
    let provider = AssumedRole::new(&machine, &role(), &parts(&wire, &[]));
    for _ in 0..4 {
        fetched(&provider).await.unwrap();
        // Long enough for a renewal to end, which the third fetch starts.
        tokio::time::sleep(Duration::from_secs(25 * 60)).await;
    }
    let of_sts = |asked: &String| asked == "POST /";
    assert_eq!(
        wire.asked().iter().map(of_sts).collect::<Vec<_>>(),
        [false, false, true, true, true, false, false, true]
    );
}

#[tokio::test]
async fn a_refusal_is_told_by_its_code_and_what_to_do() {
    let refuse =
        |code: &str, at| status(at, &format!(r#"{{"Code":"{code}","Message":"no","RequestId":"r"}}"#));
    let error = ask(&key(), [refuse("NoPermission", 403)]).await.unwrap_err();
    assert!(error.starts_with(&format!("the RAM role {ARN} was not assumed; grant the identity")), "{error}");
    assert!(error.contains(": AssumeRole was refused: NoPermission (HTTP 403)"), "{error}");
    let error = ask(&key(), [refuse("EntityNotExist.Role", 404)]).await.unwrap_err();
    assert!(error.contains("there is no such role; check its ARN: "), "{error}");
    assert!(error.contains("EntityNotExist.Role (HTTP 404)"), "{error}");
    let error = ask(&key(), [refuse("NoPermission", 200)]).await.unwrap_err();
    assert!(error.contains("NoPermission (HTTP 200)"), "an error in a good answer: {error}");
}

#[tokio::test]
async fn a_refusal_that_repeats_the_external_id_is_not_repeated() {
    for body in [
        format!(r#"{{"Code":"InvalidParameter","Message":"ExternalId {EXTERNAL_ID} is wrong"}}"#),
        format!(r#"{{"Code":"{EXTERNAL_ID}"}}"#),
    ] {
        let error = ask(&key(), [status(400, &body)]).await.unwrap_err();
        let begin =
            format!("the RAM role {ARN} was not assumed: AssumeRole was refused with words that hold");
        assert!(error.starts_with(&begin), "{error}");
    }
}

#[tokio::test]
async fn an_external_id_in_a_file_is_read_at_each_fetch() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let wire = Wire::new([ok(CREDENTIALS)]);
    let role = Role { external_id: Some(Written::In(file.path().to_owned())), ..role() };
    let provider = AssumedRole::new(&key(), &role, &parts(&wire, &[]));
    for id in ["one", "other"] {
        std::fs::write(file.path(), format!("{id}\n")).unwrap();
        fetched(&provider).await.unwrap();
        let seen = wire.seen.lock().unwrap();
        assert!(seen.last().unwrap().body.contains(&format!("&ExternalId={id}&")));
    }
    std::fs::write(file.path(), "").unwrap();
    let error = fetched(&provider).await.unwrap_err();
    assert!(error.contains("the external id can't be read from its file: "), "{error}");
    assert_eq!(wire.asked().len(), 2);
}

/// A role that is kept as a source keeps it.
struct Kept {
    wire: Arc<Wire>,
    keys: Arc<dyn rpc::KeySource>,
}

impl Kept {
    fn new(base: &Config, role: &Role, steps: impl IntoIterator<Item = Step>) -> Self {
        let wire = Wire::new(steps);
        let config = Config::RamRoleArn { base: Box::new(base.clone()), role: role.clone() };
        Self { keys: crate::credentials::build(&config, &parts(&wire, &[])), wire }
    }

    /// What was asked by the end of so many looks, the first of them a while from now.
    async fn looks(&self, looks: usize) -> Vec<String> {
        for _ in 0..looks {
            self.keys.key().await.unwrap();
            tokio::time::sleep(FILE_LOOK).await;
        }
        self.keys.key().await.unwrap();
        self.wire.asked()
    }

    /// The key and the external id that the last request was signed with and held.
    fn last(&self) -> String {
        let seen = self.wire.seen.lock().unwrap();
        let request = seen.last().unwrap();
        let url = reqwest::Url::parse(&format!("http://h/?{}", request.body)).unwrap();
        let told = url.query_pairs().filter(|(name, _)| name == "AccessKeyId" || name == "ExternalId");
        told.map(|(_, value)| value.into_owned()).collect::<Vec<_>>().join(" ")
    }
}

/// A folder of the files `id` and `secret` of a key and of an external id.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        for (name, text) in [("id", "first"), ("secret", "hunter2"), ("external", "one")] {
            files.write(name, text);
        }
        files
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    fn part(&self, name: &str) -> Written {
        Written::In(self.0.path().join(name))
    }

    fn key(&self) -> Config {
        Config::AccessKey { id: self.part("id"), secret: self.part("secret") }
    }

    fn role(&self) -> Role {
        Role { external_id: Some(self.part("external")), ..role() }
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_of_the_role_or_its_base_that_changes_is_used_at_the_next_look_and_else_nothing_is_asked() {
    let files = Files::new();
    let kept = Kept::new(&files.key(), &files.role(), [ok(CREDENTIALS)]);
    assert_eq!(kept.looks(20).await.len(), 1);
    files.write("external", "other");
    assert_eq!((kept.looks(1).await.len(), kept.last()), (2, "first other".to_owned()));
    assert_eq!(kept.looks(20).await.len(), 2);
    files.write("id", "second");
    assert_eq!((kept.looks(1).await.len(), kept.last()), (3, "second other".to_owned()));
    assert_eq!(kept.looks(20).await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_is_away_for_a_while_is_no_change() {
    let files = Files::new();
    let kept = Kept::new(&files.key(), &role(), [ok(CREDENTIALS)]);
    assert_eq!(kept.looks(1).await.len(), 1);
    files.write("secret", "");
    assert_eq!(kept.looks(30).await.len(), 1, "the key before is used");
    files.write("secret", "hunter2");
    assert_eq!(kept.looks(30).await.len(), 1);
    files.write("id", "second");
    assert_eq!((kept.looks(1).await.len(), kept.last()), (2, format!("second {EXTERNAL_ID}")));
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_base_is_seen_through_a_role_between_and_not_lost_by_a_failure() {
    let files = Files::new();
    let first = Role { arn: Some("acs:ram::1:role/first".to_owned()), ..Role::default() };
    let between = Config::RamRoleArn { base: Box::new(files.key()), role: first };
    let refused = status(403, r#"{"Code":"NoPermission","Message":"no"}"#);
    let other = CREDENTIALS.replace("STS.NX000", "STS.NY000");
    let steps = [ok(CREDENTIALS), ok(CREDENTIALS), refused.clone(), ok(&other), refused, ok(CREDENTIALS)];
    let kept = Kept::new(&between, &role(), steps);
    assert_eq!(kept.looks(20).await.len(), 2);
    files.write("id", "second");
    assert_eq!(kept.looks(1).await.len(), 3, "the first role refuses");
    assert_eq!(kept.looks(2).await.len(), 6, "it gives a key, with which the second refuses once");
    assert_eq!(kept.last(), format!("STS.NY000 {EXTERNAL_ID}"));
    assert_eq!(kept.looks(20).await.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_was_seen_by_a_question_given_up_half_way_is_not_lost() {
    let files = Files::new();
    let wire = Wire::new([ok(CREDENTIALS), Step::Hang, ok(CREDENTIALS)]);
    let provider = AssumedRole::new(&files.key(), &role(), &parts(&wire, &[]));
    fetched(&provider).await.unwrap();
    files.write("id", "second");
    tokio::time::sleep(FILE_LOOK).await;
    assert!(provider.has_changed().await);
    assert!(tokio::time::timeout(LIMIT / 2, provider.fetch()).await.is_err());
    assert!(provider.has_changed().await, "the key of the base was seen and not used");
    fetched(&provider).await.unwrap();
    assert!(!provider.has_changed().await);
}

#[tokio::test(start_paused = true)]
async fn a_base_whose_key_is_renewed_has_not_changed() {
    let files = Files::new();
    files.write("uri", "http://127.0.0.1:1/one");
    let base = Config::Uri(Some(files.part("uri")));
    let other = KEY.replace("STS.NX000", "STS.NY000");
    let short = KEY.replace("09:04:05", "03:10:05");
    let kept = Kept::new(&base, &role(), [ok(&short), ok(CREDENTIALS), ok(&other), ok(CREDENTIALS)]);
    assert_eq!(kept.looks(60).await, ["GET /one", "POST /"], "its key has expired and is not needed");
    files.write("uri", "http://127.0.0.1:1/other");
    assert_eq!(kept.looks(1).await[2..], ["GET /other", "POST /"]);
    assert_eq!(kept.last(), format!("STS.NY000 {EXTERNAL_ID}"));
}

#[tokio::test]
async fn without_a_key_there_is_no_role_and_the_key_is_to_blame() {
    let error = ask(&Config::Env, [ok(CREDENTIALS)]).await.unwrap_err();
    assert!(error.contains("there is no access key to sign AssumeRole with: ALIBABA_CLOUD_"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn whatever_comes_instead_of_a_key_is_told_within_half_a_minute() {
    for (step, what) in [
        (Step::Refuse, "cannot connect to sts.aliyuncs.com:443: connection refused"),
        (Step::Hang, "AssumeRole got no whole answer: the answer took too long"),
        (status(302, ""), "HTTP 302 without an error code"),
        (status(502, "<html>"), "HTTP 502 without an error code"),
        (ok("<html>"), "the answer is not JSON, or not all of it"),
        (ok(&CREDENTIALS[..120]), "the answer is not JSON, or not all of it"),
        (ok("{}"), "the answer has no Credentials"),
        (ok(&CREDENTIALS.replace("Expiration", "End")), "the answer has no Expiration"),
    ] {
        let start = Instant::now();
        let error = ask(&key(), [step]).await.unwrap_err();
        assert!(error.contains(what), "{error}");
        assert!(start.elapsed() <= Duration::from_secs(35), "{:?} for {what}", start.elapsed());
    }
}

#[tokio::test]
async fn a_role_that_can_not_be_asked_for_is_told_without_asking() {
    let wire = Wire::new([ok(CREDENTIALS)]);
    let provider = AssumedRole::new(&key(), &Role::default(), &parts(&wire, &[]));
    assert!(fetched(&provider).await.unwrap_err().starts_with("no RAM role is named"));
    assert_eq!(wire.asked().len(), 0);
}

#[tokio::test]
async fn its_requests_are_counted_under_its_action() {
    let (wire, meters) = (Wire::new([ok(CREDENTIALS)]), Meters::new());
    let parts = Parts { meters: meters.source("prod"), ..parts(&wire, &[]) };
    let provider = AssumedRole::new(&key(), &role(), &parts);
    let counted = || {
        let families = meters.gather();
        let requests = families.iter().find(|family| family.name() == table::API_REQUESTS.name).unwrap();
        let series = &requests.get_metric()[0];
        let labels: Vec<_> = series.get_label().iter().map(|label| label.value().to_owned()).collect();
        (labels.join(" "), series.get_counter().get_value())
    };
    assert_eq!(counted(), ("AssumeRole OK prod".to_owned(), 0.0));
    fetched(&provider).await.unwrap();
    assert_eq!(counted().1, 1.0);
}
