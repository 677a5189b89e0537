use tokio::time::Instant;

use crate::credentials::fake::{KEY, Step, Wire, fetched, ok, parts, status};

use super::*;

fn named() -> EcsRamRole {
    EcsRamRole { name: Some("my-role".to_owned()), disable_v1: false }
}

/// What comes of the role `config` if the service does `steps`, and what it was asked.
async fn ask(config: &EcsRamRole, steps: impl IntoIterator<Item = Step>) -> (Result<String, String>, usize) {
    let wire = Wire::new(steps);
    let got = fetched(&MachineRole::new(config, &parts(&wire, &[]))).await;
    (got.map(|lease| lease.origin), wire.asked().len())
}

/// The same as a link of the chain, with the variables `env`.
async fn ask_link(env: &[(&str, &str)], steps: impl IntoIterator<Item = Step>) -> Result<String, String> {
    let wire = Wire::new(steps);
    fetched(&MachineRole::link(&parts(&wire, env))).await.map(|lease| lease.origin)
}

#[tokio::test]
async fn the_name_of_the_role_comes_from_the_configuration_then_the_environment_then_the_service() {
    let wire = Wire::new([ok("token"), ok(KEY)]);
    let variables = parts(&wire, &[(NAME, "role-of-the-environment")]);
    let lease = fetched(&MachineRole::new(&named(), &variables)).await.unwrap();
    assert_eq!(lease.origin, "ecs_ram_role my-role");
    assert_eq!(lease.expires.unwrap().to_string(), "2026-11-24T09:04:05Z");
    let lease = fetched(&MachineRole::new(&EcsRamRole::default(), &variables)).await;
    assert_eq!(lease.unwrap().origin, "ecs_ram_role role-of-the-environment");
    let steps = [ok("token"), ok("told-role\n"), ok(KEY)];
    assert_eq!(ask(&EcsRamRole::default(), steps).await, (Ok("ecs_ram_role told-role".to_owned()), 3));
}

#[tokio::test]
async fn a_read_that_fails_with_a_token_is_tried_without_one() {
    let wire = Wire::new([ok("token"), status(500, ""), ok(KEY)]);
    fetched(&MachineRole::new(&named(), &parts(&wire, &[]))).await.unwrap();
    let with_token: Vec<_> = wire.seen.lock().unwrap()[1..]
        .iter()
        .map(|request| request.headers.contains_key("x-aliyun-ecs-metadata-token"))
        .collect();
    assert_eq!(with_token, [true, false]);
}

#[tokio::test]
async fn where_version_1_is_forbidden_nothing_is_ever_asked_without_a_token() {
    let config = EcsRamRole { disable_v1: true, ..named() };
    for (steps, asked) in [
        (vec![status(404, "")], 1),
        (vec![ok("<html> <body>")], 1),
        (vec![ok("to\u{7f}ken")], 1),
        (vec![ok("token"), status(500, "")], 2),
    ] {
        let (got, count) = ask(&config, steps).await;
        assert_eq!((got.is_err(), count), (true, asked), "{got:?}");
    }
    let wire = Wire::new([status(404, "")]);
    let variables = parts(&wire, &[(V1_DISABLED, "True")]);
    assert_eq!(
        fetched(&MachineRole::new(&named(), &variables)).await.unwrap_err(),
        "the metadata service at 100.100.100.200 gave no token, and doing without one is forbidden: \
         the answer is HTTP 404"
    );
}

#[tokio::test]
async fn an_answer_that_is_no_key_is_told_by_what_is_wrong_with_it() {
    let begin = "the metadata service at 100.100.100.200 gave no key of the RAM role my-role: ";
    for (answer, end) in [
        (status(302, ""), "the answer is HTTP 302, a redirect, which is never followed"),
        (status(503, ""), "the answer is HTTP 503"),
        (ok("<html>hunter2</html>"), "the answer is not JSON, or not all of it"),
        (ok(&KEY[..60]), "the answer is not JSON, or not all of it"),
        (ok(&KEY.replace("Success", "Failed")), "the Code of the answer is Failed and not Success"),
        (ok(&KEY.replace(r#""Code":"Success","#, "")), "the answer has no Code"),
        (ok(r#"{"Code":"Success"}"#), "the answer has no AccessKeyId"),
        (Step::Break, "the connection broke: connection reset"),
    ] {
        let (got, _) = ask(&named(), [ok("token"), answer]).await;
        assert_eq!(got.unwrap_err(), format!("{begin}{end}"));
    }
    let (got, _) = ask(&named(), [ok("token"), status(404, "")]).await;
    assert!(got.unwrap_err().starts_with("this machine does not have the RAM role my-role"));
}

#[tokio::test]
async fn a_name_that_would_lead_elsewhere_is_refused_and_any_other_is_encoded() {
    for name in ["a/b", "..", ".", "a b", "a\nb", "\\", &"x".repeat(129)] {
        let config = EcsRamRole { name: Some(name.to_owned()), disable_v1: false };
        let (got, asked) = ask(&config, [ok("token"), ok(KEY)]).await;
        assert!(got.unwrap_err().starts_with("the name of the RAM role holds"), "{name}");
        assert_eq!(asked, 1, "no key was asked for");
        let (got, _) = ask(&EcsRamRole::default(), [ok("token"), ok(name)]).await;
        assert!(got.unwrap_err().contains("did not tell the RAM role"), "{name}");
    }
    let wire = Wire::new([ok("token"), ok(KEY)]);
    let config = EcsRamRole { name: Some("a?b#c%2f".to_owned()), disable_v1: false };
    fetched(&MachineRole::new(&config, &parts(&wire, &[]))).await.unwrap();
    assert_eq!(wire.asked()[1], format!("GET {ROLES_PATH}a%3Fb%23c%252f"));
}

#[tokio::test(start_paused = true)]
async fn where_nothing_answers_that_is_known_within_two_seconds() {
    for config in [named(), EcsRamRole::default()] {
        let start = Instant::now();
        let (got, asked) = ask(&config, [Step::Hang]).await;
        let error = got.unwrap_err();
        assert!(error.starts_with("no metadata service answers at 100.100.100.200"), "{error}");
        assert_eq!((start.elapsed(), asked), (2 * LIMIT, 2));
    }
    let start = Instant::now();
    let (got, _) = ask(&named(), [ok("token"), Step::Hang]).await;
    let error = got.unwrap_err();
    assert!(error.ends_with("gave no key of the RAM role my-role: the answer took too long"), "{error}");
    assert_eq!(start.elapsed(), 2 * LIMIT);
}

#[tokio::test(start_paused = true)]
async fn a_link_is_not_configured_on_a_machine_without_a_role_unless_one_is_named() {
    let no_role = [ok("token"), status(404, "")];
    for steps in [vec![Step::Hang], vec![Step::Refuse], no_role.to_vec()] {
        let got = ask_link(&[], steps.clone()).await.unwrap_err();
        assert!(got.starts_with("not configured: "), "{got}");
        let got = ask_link(&[(NAME, "my-role")], steps.clone()).await.unwrap_err();
        assert!(!got.starts_with("not configured: "), "{got}");
        let (got, _) = ask(&EcsRamRole::default(), steps).await;
        assert!(!got.unwrap_err().starts_with("not configured: "));
    }
    let got = ask_link(&[], [ok("token"), status(500, "")]).await.unwrap_err();
    assert!(!got.starts_with("not configured: "), "{got}");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_has_answered_anything_and_then_falls_silent_is_there_and_fails() {
    let absent = [
        [Step::Refuse, Step::Refuse],
        [Step::Hang, Step::Hang],
        [Step::Hang, Step::Refuse],
        [Step::Refuse, Step::Hang],
    ];
    for steps in absent {
        let got = ask_link(&[], steps).await.unwrap_err();
        assert!(got.starts_with("not configured: no metadata service answers"), "{got}");
    }
    for answer in [status(404, ""), status(500, ""), status(302, ""), ok("<html> <body>"), Step::Break] {
        for silence in [Step::Hang, Step::Refuse] {
            let got = ask_link(&[], [answer.clone(), silence]).await.unwrap_err();
            let told = "the metadata service at 100.100.100.200 did not tell the RAM role of this machine: ";
            assert!(got.starts_with(told), "{got}");
        }
    }
    // The name of the role is an answer too.
    let got = ask_link(&[], [Step::Hang, ok("told-role"), Step::Hang]).await.unwrap_err();
    let told = "the metadata service at 100.100.100.200 gave no key of the RAM role told-role: ";
    assert!(got.starts_with(told), "{got}");
}

#[tokio::test]
async fn a_service_that_is_switched_off_is_not_asked() {
    let wire = Wire::new([ok(KEY)]);
    let variables = parts(&wire, &[(DISABLED, "TRUE"), (NAME, "my-role")]);
    let got = fetched(&MachineRole::link(&variables)).await;
    assert_eq!(got.unwrap_err(), format!("not configured: {DISABLED} is true"));
    let got = fetched(&MachineRole::new(&named(), &variables)).await;
    assert!(got.unwrap_err().starts_with("the metadata service is switched off by"));
    assert_eq!(wire.asked().len(), 0);
}
