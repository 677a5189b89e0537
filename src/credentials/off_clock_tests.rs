//! Temporary keys on a machine whose clock is off, wherever they come from.

use std::time::Duration;

use crate::secret::Secret;

use super::fake::{CREDENTIALS, KEY, Step, Wire, ok, parts};
use super::{Config, EcsRamRole, Oidc, Role, Written};

/// The keys of the wire expire at 09:04:05 by the cloud, and this machine believes that it is 03:04:05.
const FIVE_HOURS_AHEAD: &str = "Mon, 23 Nov 2026 22:04:05 GMT";
const FIVE_HOURS_BEHIND: &str = "Tue, 24 Nov 2026 08:04:05 GMT";

fn places(token: &std::path::Path) -> Vec<(Config, Vec<Step>)> {
    let here = |text: &str| Written::Here(Secret::new(text));
    let role = || Role { arn: Some("acs:ram::1:role/r".to_owned()), ..Role::default() };
    let oidc = Oidc {
        role: role(),
        provider_arn: Some("acs:ram::1:oidc-provider/p".to_owned()),
        token_file: Some(token.to_owned()),
    };
    let base = Box::new(Config::AccessKey { id: here("a"), secret: here("b") });
    let machine = EcsRamRole { name: Some("r".to_owned()), disable_v1: false };
    vec![
        (Config::Uri(Some(here("http://127.0.0.1:8080/"))), vec![ok(KEY)]),
        (Config::EcsRamRole(machine), (0..10).flat_map(|_| [ok("TOKEN"), ok(KEY)]).collect()),
        (Config::Oidc(oidc), vec![ok(CREDENTIALS)]),
        (Config::RamRoleArn { base, role: role() }, vec![ok(CREDENTIALS)]),
    ]
}

/// After how many hours another key is fetched from each place.
async fn renewed_after(date: &'static str, expires: &str) -> Vec<u32> {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "a.b.c").unwrap();
    let mut renewed = Vec::new();
    for (config, steps) in places(token.path()) {
        let at = |step| match step {
            Step::Answer(status, body) => Step::Answer(status, body.replace("2026-11-24T09:04:05Z", expires)),
            step => step,
        };
        let wire = Wire::dated(date, steps.into_iter().map(at));
        let keys = super::build(&config, &parts(&wire, &[]));
        keys.key().await.unwrap();
        assert_eq!(
            keys.in_use().unwrap().expires.unwrap().to_string(),
            expires,
            "what is shown is the truth"
        );
        let first = wire.asked().len();
        let mut hours = 0;
        while wire.asked().len() == first {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            hours += 1;
            keys.key().await.unwrap();
        }
        renewed.push(hours);
    }
    renewed
}

#[tokio::test(start_paused = true)]
async fn a_clock_ahead_of_the_cloud_makes_no_key_expired() {
    let expires = "2026-11-24T01:04:05Z";
    assert_eq!(renewed_after(FIVE_HOURS_AHEAD, expires).await, [3; 4], "3 hours of life by the cloud");
}

#[tokio::test(start_paused = true)]
async fn a_clock_behind_the_cloud_makes_no_renewal_late() {
    let expires = "2026-11-24T10:04:05Z";
    assert_eq!(renewed_after(FIVE_HOURS_BEHIND, expires).await, [2; 4], "2 hours of life by the cloud");
}
