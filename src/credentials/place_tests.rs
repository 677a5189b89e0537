//! Where roles are assumed that the configuration does not name itself: those of profiles, of the
//! default chain, and of the key that assumes another role.

use std::path::Path;

use crate::rpc::Endpoint;
use crate::secret::Secret;

use super::fake::{CREDENTIALS, Wire, fetched, ok, parts};
use super::{Config, Parts, Profile, Role, StsPlace, Written, provider};

const HERE: &str = "http://127.0.0.1:8642";

const CLI: &str = r#"{"current":"role","profiles":[
    {"name":"role","mode":"RamRoleArn","access_key_id":"a","access_key_secret":"b",
     "ram_role_arn":"acs:ram::1:role/r","sts_region":"cn-beijing"},
    {"name":"chain","mode":"ChainableRamRoleArn","source_profile":"role","ram_role_arn":"acs:ram::2:role/r"},
    {"name":"oidc","mode":"OIDC","ram_role_arn":"acs:ram::1:role/r","oidc_provider_arn":"acs:ram::1:oidc-provider/p",
     "oidc_token_file":"TOKEN","sts_region":"cn-beijing","enable_vpc":true}]}"#;

const INI: &str =
    "[role]\ntype=ram_role_arn\naccess_key_id=a\naccess_key_secret=b\nrole_arn=acs:ram::1:role/r\n";

fn profile(name: &str, file: &Path) -> Config {
    Config::Profile(Profile { name: Some(name.to_owned()), file: Some(file.to_owned()), allow_exec: false })
}

fn endpoint(url: &str) -> StsPlace {
    StsPlace { endpoint: Some(Endpoint::parse(url, false).unwrap()), ..StsPlace::default() }
}

/// The origins that are asked for a key of `config`, in order, if the configuration says `sts`.
async fn asked(config: &Config, sts: StsPlace, env: &[(&str, &str)]) -> Vec<String> {
    let wire = Wire::new([ok(CREDENTIALS)]);
    let parts = Parts { sts, ..parts(&wire, env) };
    fetched(&*provider(config, &parts)).await.unwrap();
    let seen = wire.seen.lock().unwrap();
    seen.iter().map(|request| request.url.origin().ascii_serialization()).collect()
}

#[tokio::test]
async fn every_role_is_assumed_at_the_endpoint_of_the_configuration_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let [cli, ini, token] = ["config.json", "credentials.ini", "token"].map(|name| folder.path().join(name));
    std::fs::write(&cli, CLI.replace("TOKEN", token.to_str().unwrap())).unwrap();
    std::fs::write(&ini, INI).unwrap();
    std::fs::write(&token, "a.b.c").unwrap();
    let env = [
        ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/r"),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/p"),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", token.to_str().unwrap()),
        ("ALIBABA_CLOUD_STS_REGION", "cn-hangzhou"),
    ];
    let of_cli = [("ALIBABA_CLOUD_CONFIG_FILE", cli.to_str().unwrap())];
    let over = |base: Config| Config::RamRoleArn {
        base: Box::new(base),
        role: Role { arn: Some("acs:ram::3:role/r".to_owned()), sts: endpoint(HERE), ..Role::default() },
    };
    for (config, env, times) in [
        (profile("role", &cli), &[][..], 1),
        (profile("chain", &cli), &[], 2),
        (profile("oidc", &cli), &[], 1),
        (profile("role", &ini), &[], 1),
        (Config::Default, &env, 1),
        (Config::Default, &of_cli, 1),
        (over(profile("role", &cli)), &[], 2),
        (over(Config::Default), &env, 2),
    ] {
        assert_eq!(asked(&config, endpoint(HERE), env).await, vec![HERE; times], "{config:?}");
    }
}

#[tokio::test]
async fn the_region_of_a_profile_stays_unless_the_configuration_says_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    std::fs::write(&file, CLI).unwrap();
    let config = profile("role", &file);
    let region = StsPlace { region: Some("cn-hangzhou".to_owned()), ..StsPlace::default() };
    let vpc = StsPlace { vpc: Some(true), ..StsPlace::default() };
    for (sts, expected) in [
        (StsPlace::default(), "https://sts.cn-beijing.aliyuncs.com"),
        (vpc, "https://sts-vpc.cn-beijing.aliyuncs.com"),
        (region, "https://sts.cn-hangzhou.aliyuncs.com"),
    ] {
        assert_eq!(asked(&config, sts, &[("ALIBABA_CLOUD_STS_REGION", "cn-other")]).await, [expected]);
    }
}

#[tokio::test]
async fn a_role_of_a_base_is_assumed_where_that_says() {
    let here = |text: &str| Written::Here(Secret::new(text));
    let role =
        |url: &str| Role { arn: Some("acs:ram::1:role/r".to_owned()), sts: endpoint(url), ..Role::default() };
    let key = Config::AccessKey { id: here("a"), secret: here("b") };
    let base = Config::RamRoleArn { base: Box::new(key), role: role("https://sts.example") };
    let config = Config::RamRoleArn { base: Box::new(base), role: role(HERE) };
    assert_eq!(asked(&config, endpoint(HERE), &[]).await, ["https://sts.example", HERE]);
}
