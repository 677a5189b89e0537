use super::*;
use crate::secret::Written;

const FILE: &str = r#"{"current": "ak", "meta_path": "", "profiles": [
  {"name": "ak", "mode": "AK", "access_key_id": "an-id", "access_key_secret": "hunter2", "region_id": "cn-hangzhou"},
  {"name": "ak", "mode": "AK", "access_key_id": "second", "access_key_secret": "hunter2"},
  {"name": "sts", "mode": "StsToken", "access_key_id": "an-id", "access_key_secret": "hunter2", "sts_token": "a-token"},
  {"name": "role", "mode": "RamRoleArn", "access_key_id": "an-id", "access_key_secret": "hunter2",
   "ram_role_arn": "acs:ram::1:role/r", "ram_session_name": "me", "expired_seconds": 900, "policy": "{}",
   "external_id": "hunter2", "sts_region": "cn-beijing", "enable_vpc": true},
  {"name": "plain-role", "mode": "RamRoleArn", "access_key_id": "an-id", "access_key_secret": "hunter2",
   "ram_role_arn": "acs:ram::1:role/r", "expired_seconds": 0, "policy": null},
  {"name": "ecs", "mode": "EcsRamRole", "ram_role_name": "machine"},
  {"name": "any-ecs", "mode": "EcsRamRole", "ram_role_name": ""},
  {"name": "oidc", "mode": "OIDC", "ram_role_arn": "acs:ram::1:role/r", "oidc_provider_arn": "acs:ram::1:oidc-provider/p",
   "oidc_token_file": "/var/run/token", "role_session_name": "me"},
  {"name": "cli-oidc", "mode": "OIDC", "ram_role_arn": "acs:ram::1:role/r", "oidc_provider_arn": "acs:ram::1:oidc-provider/p",
   "oidc_token_file": "/var/run/token", "ram_session_name": "me"},
  {"name": "chain", "mode": "ChainableRamRoleArn", "source_profile": "middle", "ram_role_arn": "acs:ram::1:role/end"},
  {"name": "middle", "mode": "ChainableRamRoleArn", "source_profile": "ecs", "ram_role_arn": "acs:ram::1:role/middle"},
  {"name": "program", "mode": "External", "process_command": "give-key hunter2"},
  {"name": "by-program", "mode": "ChainableRamRoleArn", "source_profile": "program", "ram_role_arn": "acs:ram::1:role/r"},
  {"name": "sso", "mode": "CloudSSO", "access_token": "hunter2"},
  {"name": "oauth", "mode": "OAuth", "oauth_refresh_token": "hunter2"},
  {"name": "by-sso", "mode": "ChainableRamRoleArn", "source_profile": "sso", "ram_role_arn": "acs:ram::1:role/r"},
  {"name": "with-ecs", "mode": "RamRoleArnWithRoleName"},
  {"name": "rsa", "mode": "RsaKeyPair"},
  {"name": "uri", "mode": "CredentialsURI"},
  {"name": "new", "mode": "Quantum\u202e"},
  {"name": "no-mode", "access_key_id": "an-id"},
  {"name": "a", "mode": "ChainableRamRoleArn", "source_profile": "b", "ram_role_arn": "x"},
  {"name": "b", "mode": "ChainableRamRoleArn", "source_profile": "c", "ram_role_arn": "x"},
  {"name": "c", "mode": "ChainableRamRoleArn", "source_profile": "b", "ram_role_arn": "x"},
  {"name": "self", "mode": "ChainableRamRoleArn", "source_profile": "self", "ram_role_arn": "x"},
  {"name": "lost", "mode": "ChainableRamRoleArn", "source_profile": "nobody", "ram_role_arn": "x"},
  {"name": "half", "mode": "AK", "access_key_id": "an-id", "access_key_secret": " "},
  {"name": "other-half", "mode": "AK", "access_key_secret": "hunter2"},
  {"name": "blank", "mode": "AK", "access_key_id": "", "access_key_secret": ""},
  {"name": "half-sts", "mode": "StsToken", "access_key_id": "an-id", "access_key_secret": "hunter2"},
  {"name": "no-base", "mode": "RamRoleArn", "ram_role_arn": "acs:ram::1:role/r"},
  {"name": "no-role", "mode": "RamRoleArn", "access_key_id": "an-id", "access_key_secret": "hunter2"},
  {"name": "no-source", "mode": "ChainableRamRoleArn", "ram_role_arn": "acs:ram::1:role/r"},
  {"name": "no-token", "mode": "OIDC", "ram_role_arn": "x", "oidc_provider_arn": "y"},
  {"name": "no-command", "mode": "External"},
  {"name": "number", "mode": "AK", "access_key_id": 17, "access_key_secret": "hunter2"},
  {"name": "soon", "mode": "RamRoleArn", "access_key_id": "an-id", "access_key_secret": "hunter2",
   "ram_role_arn": "x", "expired_seconds": 60},
  {"name": "yes", "mode": "RamRoleArn", "access_key_id": "an-id", "access_key_secret": "hunter2",
   "ram_role_arn": "x", "enable_vpc": "yes"}
]}"#;

fn says_in(name: &str, env: &Env, allow_exec: bool) -> Result<Option<Says>, Flaw> {
    let setting = Setting { file: Path::new("/home/config.json"), env, allow_exec };
    CliFile::read(FILE).unwrap().says(name, setting)
}

fn config(name: &str) -> Config {
    says_in(name, &Env::default(), true).unwrap().unwrap().config
}

/// What is told of the profile `name`, which is no use.
fn flaw(name: &str) -> String {
    let flaw = says_in(name, &Env::default(), false).unwrap_err();
    let told = crate::error::in_words(&flaw);
    assert!(!told.contains("hunter2") && !told.contains("an-id"), "{told}");
    told
}

fn key() -> Config {
    Config::AccessKey { id: here("an-id".to_owned()), secret: here("hunter2".to_owned()) }
}

fn role(name: &str) -> Role {
    Role { arn: Some(format!("acs:ram::1:role/{name}")), ..Role::default() }
}

#[test]
fn a_profile_of_each_mode_is_what_a_configuration_of_its_own_would_be() {
    assert_eq!(config("ak"), key());
    let part = |text: &str| here(text.to_owned());
    let sts = Config::Sts { id: part("an-id"), secret: part("hunter2"), token: part("a-token") };
    assert_eq!(config("sts"), sts);
    let full = Role {
        session_name: Some("me".to_owned()),
        duration: Some(std::time::Duration::from_secs(900)),
        policy: Some("{}".to_owned()),
        external_id: Some(Written::Here(Secret::new("hunter2"))),
        sts: StsPlace { region: Some("cn-beijing".to_owned()), vpc: Some(true), endpoint: None },
        ..role("r")
    };
    assert_eq!(config("role"), Config::RamRoleArn { base: Box::new(key()), role: full });
    assert_eq!(config("plain-role"), Config::RamRoleArn { base: Box::new(key()), role: role("r") });
    let ecs = |name: Option<&str>| {
        Config::EcsRamRole(EcsRamRole { name: name.map(str::to_owned), disable_v1: false })
    };
    assert_eq!(config("ecs"), ecs(Some("machine")));
    assert_eq!(config("any-ecs"), ecs(None));
    let oidc = Config::Oidc(Oidc {
        role: Role { session_name: Some("me".to_owned()), ..role("r") },
        provider_arn: Some("acs:ram::1:oidc-provider/p".to_owned()),
        token_file: Some("/var/run/token".into()),
    });
    assert_eq!(config("oidc"), oidc);
    assert_eq!(config("cli-oidc"), oidc);
    let middle = Config::RamRoleArn { base: Box::new(ecs(Some("machine"))), role: role("middle") };
    assert_eq!(config("chain"), Config::RamRoleArn { base: Box::new(middle), role: role("end") });
}

#[test]
fn a_program_is_a_profile_of_its_own_also_below_a_role() {
    let itself = Config::Profile(Profile {
        name: Some("program".to_owned()),
        file: Some("/home/config.json".into()),
        allow_exec: true,
    });
    let command = Some(Secret::new("give-key hunter2"));
    let says = says_in("program", &Env::default(), true).unwrap().unwrap();
    assert_eq!(says, Says { mode: "External", config: itself.clone(), command: command.clone() });
    let says = says_in("by-program", &Env::default(), true).unwrap().unwrap();
    let config = Config::RamRoleArn { base: Box::new(itself), role: role("r") };
    assert_eq!(says, Says { mode: "ChainableRamRoleArn", config, command });
    assert!(flaw("program").starts_with("its `process_command` would be run, which is not allowed"));
    assert!(flaw("by-program").starts_with("its source profile program is no use: its `process_command`"));
}

#[test]
fn a_mode_that_cannot_be_used_is_refused_with_the_reason_and_what_to_use() {
    for (name, mode) in [("sso", "CloudSSO"), ("oauth", "OAuth")] {
        let told = flaw(name);
        assert!(told.starts_with(&format!("{mode} is not supported: a person has to log in")), "{told}");
        assert!(told.ends_with("use a profile that needs nobody, such as EcsRamRole, OIDC or RamRoleArn"));
    }
    assert!(flaw("by-sso").starts_with("its source profile sso is no use: CloudSSO is not supported"));
    assert!(
        flaw("with-ecs").ends_with("use ChainableRamRoleArn with a source profile of the mode EcsRamRole")
    );
    assert!(flaw("rsa").ends_with("use RamRoleArn"));
    assert!(flaw("uri").ends_with("use credentials of the type uri"));
    assert!(flaw("new").starts_with("its `mode` is Quantum, which is not known; known are AK, StsToken,"));
}

#[test]
fn profiles_that_lead_to_themselves_are_told_by_the_way_they_go() {
    assert_eq!(flaw("a"), "its source profiles go round in a circle: a -> b -> c -> b");
    assert_eq!(flaw("self"), "its source profiles go round in a circle: self -> self");
    assert!(flaw("lost").starts_with("the profile nobody, which it names as its `source_profile`, is not"));
}

#[test]
fn a_half_filled_profile_is_told_by_the_field() {
    assert_eq!(flaw("half"), "it has no `access_key_secret`");
    assert_eq!(flaw("other-half"), "it has no `access_key_id`");
    assert_eq!(flaw("blank"), "it holds no access key");
    assert_eq!(flaw("half-sts"), "it has no `sts_token`");
    assert_eq!(flaw("no-base"), "it has no `access_key_id`");
    assert_eq!(flaw("no-role"), "it has no `ram_role_arn`, and ALIBABA_CLOUD_ROLE_ARN is not set");
    assert_eq!(flaw("no-source"), "it has no `source_profile`");
    assert_eq!(flaw("no-token"), "it has no `oidc_token_file`, and ALIBABA_CLOUD_OIDC_TOKEN_FILE is not set");
    assert_eq!(flaw("no-command"), "it has no `process_command`");
    assert_eq!(flaw("no-mode"), "it has no `mode`");
    assert_eq!(flaw("number"), "its `access_key_id` is not text in quotes");
    assert_eq!(flaw("soon"), "its `expired_seconds` is not a whole number of seconds from 900 to 43200");
    assert_eq!(flaw("yes"), "its `enable_vpc` is not true or false");
}

#[test]
fn what_a_profile_of_a_role_leaves_out_the_environment_may_have() {
    let env = Env::from_iter([(ROLE_ARN, "acs:ram::1:role/env")]);
    let says = says_in("no-role", &env, false).unwrap().unwrap();
    assert_eq!(says.config, Config::RamRoleArn { base: Box::new(key()), role: Role::default() });
}

#[test]
fn a_file_that_is_not_the_cli_s_is_told_without_its_content() {
    let wrong = |text| CliFile::read(text).unwrap_err().to_string();
    assert_eq!(
        wrong("{\"current\": \"ak\",\n \"hunter2\n"),
        "it is not JSON, or not all of it (line 3, column 0)"
    );
    assert_eq!(wrong(""), "it is not JSON, or not all of it (line 1, column 0)");
    assert_eq!(wrong("[]"), "it is JSON, but not a file of the CLI: it is no object");
    assert_eq!(
        wrong(r#"{"profiles": "hunter2"}"#),
        "it is JSON, but not a file of the CLI: its `profiles` is no list"
    );
    assert_eq!(
        wrong(r#"{"profiles": [1]}"#),
        "it is JSON, but not a file of the CLI: a profile of it is no object"
    );
    let file = CliFile::read("{}").unwrap();
    assert_eq!((file.current, file.profiles.len()), (None, 0));
}
