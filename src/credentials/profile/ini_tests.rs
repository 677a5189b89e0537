use super::*;
use crate::credentials::profile::says::here;

fn says(text: &str, name: &str) -> Result<Option<Says>, Flaw> {
    IniFile::read(text).unwrap().says(name, &Env::default())
}

fn key() -> Config {
    Config::AccessKey { id: here("an-id".to_owned()), secret: here("hunter2".to_owned()) }
}

const KEY: &str = "access_key_id = an-id\naccess_key_secret = hunter2\n";

#[test]
fn a_section_of_each_type_is_what_a_configuration_of_its_own_would_be() {
    let config = |text: &str| says(&format!("[p]\n{text}"), "p").unwrap().unwrap().config;
    assert_eq!(config(&format!("type = access_key\n{KEY}")), key());
    let role = Role {
        arn: Some("acs:ram::1:role/r".to_owned()),
        session_name: Some("me".to_owned()),
        policy: Some("{}".to_owned()),
        ..Role::default()
    };
    let of_role = "role_arn = acs:ram::1:role/r\nrole_session_name = me\npolicy = {}\n";
    let base = Box::new(key());
    assert_eq!(
        config(&format!("type = ram_role_arn\n{KEY}{of_role}")),
        Config::RamRoleArn { base, role: role.clone() }
    );
    let oidc = Oidc {
        role,
        provider_arn: Some("acs:ram::1:oidc-provider/p".to_owned()),
        token_file: Some("/var/run/token".into()),
    };
    let of_oidc = "oidc_provider_arn = acs:ram::1:oidc-provider/p\noidc_token_file_path = /var/run/token\n";
    assert_eq!(config(&format!("type = oidc_role_arn\n{of_role}{of_oidc}")), Config::Oidc(oidc));
    let ecs = |name| Config::EcsRamRole(EcsRamRole { name, disable_v1: false });
    assert_eq!(config("type = ecs_ram_role\nrole_name = machine"), ecs(Some("machine".to_owned())));
    assert_eq!(config("type = ecs_ram_role\nrole_name ="), ecs(None));
}

#[test]
fn it_is_read_by_the_rules_of_the_vendor_s_reader() {
    let file = "\
# a comment\r
; another one\r
[DEFAULT]\r
access_key_secret = hunter2\r
\r
[default]             \r
  enable = false        # not heeded\r
  Type: access_key # a type
  access_key_id=an-id#of somebody\r
[other]
type = ecs_ram_role
role_name = machine
  with more
";
    assert_eq!(says(file, "default").unwrap().unwrap().config, key());
    let more = EcsRamRole { name: Some("machine\nwith more".to_owned()), disable_v1: false };
    assert_eq!(says(file, "other").unwrap().unwrap().config, Config::EcsRamRole(more));
    assert_eq!(says(file, "DEFAULT"), Ok(None));
    assert_eq!(says(file, "none"), Ok(None));
    assert_eq!(says("", "default"), Ok(None));
}

#[test]
fn a_section_that_is_no_use_is_told_by_the_field() {
    let flaw = |text: &str| {
        let told = says(&format!("[p]\n{text}"), "p").unwrap_err().to_string();
        assert!(!told.contains("hunter2"), "{told}");
        told
    };
    assert_eq!(flaw(""), "it has no `type`");
    assert_eq!(flaw("type = access_key\naccess_key_secret = hunter2"), "it has no `access_key_id`");
    assert_eq!(flaw("type = access_key\naccess_key_secret = #"), "it holds no access key");
    assert_eq!(
        flaw(&format!("type = ram_role_arn\n{KEY}")),
        "it has no `role_arn`, and ALIBABA_CLOUD_ROLE_ARN is not set"
    );
    assert_eq!(
        flaw("type = rsa_key_pair\npublic_key_id = x\nprivate_key_file = /hunter2"),
        "rsa_key_pair is not supported: this program makes no sessions from a pair of RSA keys; use ram_role_arn"
    );
    assert!(flaw("type = sts").starts_with("its `type` is sts, which is not known; known are access_key,"));
}

#[test]
fn a_line_that_cannot_be_read_is_told_by_its_number() {
    let wrong = |text| IniFile::read(text).unwrap_err().to_string();
    assert_eq!(wrong("\nhunter2 = x"), "line 2 of it stands before the first [section]");
    assert_eq!(wrong("[p]\nhunter2"), "line 2 of it is not of the form `key = value`");
    assert_eq!(wrong("[p\n"), "line 1 of it has no ] after its [");
    assert_eq!(wrong("[p]\n[q]\n[p]"), "line 3 of it starts a section that was there before");
    assert_eq!(wrong("[p]\na = 1\nA = 2"), "line 3 of it sets again what was set before in its section");
}
