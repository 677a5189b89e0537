use super::*;
use crate::error::in_words;

/// A home with files.
struct Home(tempfile::TempDir);

impl Home {
    fn with(files: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = home.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(home)
    }

    fn path(&self, file: &str) -> String {
        self.0.path().join(file).display().to_string()
    }

    fn env(&self, more: &[(&str, &str)]) -> Env {
        let home = [("HOME", self.0.path().to_str().unwrap())];
        Env::from_iter(home.iter().chain(more).copied())
    }
}

/// The file, without the home, and the profile that is found; or why none is.
async fn find(search: &Search, home: &Home) -> Result<String, String> {
    let short = |text: String| text.replace(&home.path(""), "~/");
    match search.find().await {
        Ok(found) => Ok(short(format!("{} {}", found.name, found.file.display()))),
        Err(Miss::Absent(absent)) => Err(short(absent.reasons.join("; "))),
        Err(Miss::Failed(error)) => Err(short(format!("failed: {}", in_words(&error)))),
    }
}

const JSON: &str = r#"{"current":"one","profiles":[
  {"name":"one","mode":"AK","access_key_id":"a","access_key_secret":"hunter2"},
  {"name":"two","mode":"AK","access_key_id":"a","access_key_secret":"hunter2"},
  {"name":"half","mode":"AK","access_key_id":"a"}]}"#;
const CLI: &str = ".aliyun/config.json";
const INI: &str = "[default]\ntype=access_key\naccess_key_id=a\naccess_key_secret=hunter2\n";
const PYTHON: &str = INI_AT_HOME[0];
const GO: &str = INI_AT_HOME[1];

#[tokio::test]
async fn files_count_in_the_vendor_s_order_and_the_first_one_with_the_profile_is_used() {
    let ini = |name: &str| INI.replace("default", name);
    let home = Home::with(&[(CLI, JSON), (PYTHON, &ini("three")), (GO, &ini("four"))]);
    let found = async |name: Option<&str>| {
        let config = Profile { name: name.map(str::to_owned), ..Profile::default() };
        find(&Search::configured(&config, &home.env(&[])), &home).await
    };
    assert_eq!(found(None).await, Ok(format!("one ~/{CLI}")));
    assert_eq!(found(Some("two")).await, Ok(format!("two ~/{CLI}")));
    assert_eq!(found(Some("three")).await, Ok(format!("three ~/{PYTHON}")));
    assert_eq!(found(Some("four")).await, Ok(format!("four ~/{GO}")));
    let none = found(Some("five")).await.unwrap_err();
    let lacks = [CLI, PYTHON, GO].map(|file| format!("~/{file} has no profile five"));
    assert_eq!(none, lacks.join("; "));
}

#[tokio::test]
async fn variables_name_the_files_and_the_profile() {
    let home = Home::with(&[(CLI, JSON), (GO, INI), ("my.json", JSON), ("my.ini", INI)]);
    let (json, ini) = (home.path("my.json"), home.path("my.ini"));
    let found = async |more: &[(&str, &str)]| {
        let env = home.env(more);
        (find(&Search::cli(&env), &home).await, find(&Search::ini(&env), &home).await)
    };
    assert_eq!(found(&[]).await, (Ok(format!("one ~/{CLI}")), Ok(format!("default ~/{GO}"))));
    let named = found(&[(CLI_FILE, &json), (INI_FILE, &ini), (PROFILE, " ")]).await;
    assert_eq!(named, (Ok("one ~/my.json".to_owned()), Ok("default ~/my.ini".to_owned())));
    let (cli, ini) = found(&[(PROFILE, "two")]).await;
    assert_eq!(cli, Ok(format!("two ~/{CLI}")));
    assert_eq!(ini, Err(format!("there is no ~/{PYTHON}; ~/{GO} has no profile two")));
    let (cli, ini) = found(&[(CLI_DISABLED, "True")]).await;
    assert_eq!((cli, ini.is_ok()), (Err("ALIBABA_CLOUD_CLI_PROFILE_DISABLED is true".to_owned()), true));
}

#[tokio::test]
async fn a_configured_file_is_json_or_ini_by_its_content() {
    let home = Home::with(&[("a", JSON), ("b", INI), (CLI, JSON)]);
    let found = async |file: &str| {
        let config = Profile { file: Some(home.path(file).into()), ..Profile::default() };
        find(&Search::configured(&config, &home.env(&[(CLI_DISABLED, "true")])), &home).await
    };
    assert_eq!(found("a").await, Ok("one ~/a".to_owned()));
    assert_eq!(found("b").await, Ok("default ~/b".to_owned()));
    assert_eq!(found("c").await, Err("there is no ~/c".to_owned()));
}

#[tokio::test]
async fn without_a_home_there_are_only_the_files_that_are_named() {
    let home = Home::with(&[]);
    let search = Search::configured(&Profile::default(), &Env::default());
    let none = "neither ALIBABA_CLOUD_CONFIG_FILE nor HOME is set; \
                neither ALIBABA_CLOUD_CREDENTIALS_FILE nor HOME is set";
    assert_eq!(find(&search, &home).await, Err(none.to_owned()));
}

#[tokio::test]
async fn a_file_or_profile_that_is_there_and_no_use_ends_the_search() {
    let broken = "{\"current\":\n\"hunter2";
    let home = Home::with(&[(CLI, broken), (GO, INI), ("half.json", JSON), ("bad.ini", "[a]\nhunter2\n")]);
    let long = home.path("long");
    std::fs::write(&long, " ".repeat(1024 * 1024 + 1)).unwrap();
    let half = home.path("half.json");
    let failed = async |more: &[(&str, &str)], search: fn(&Env) -> Search| {
        let told = find(&search(&home.env(more)), &home).await.unwrap_err();
        assert!(!told.contains("hunter2"), "{told}");
        told
    };
    let told = failed(&[], Search::cli).await;
    assert_eq!(
        told,
        format!("failed: ~/{CLI} can't be used: it is not JSON, or not all of it (line 2, column 8)")
    );
    let told = failed(&[(CLI_FILE, &half), (PROFILE, "half")], Search::cli).await;
    assert_eq!(told, "failed: the profile half in ~/half.json can't be used: it has no `access_key_secret`");
    let told = failed(&[(INI_FILE, &home.path("bad.ini"))], Search::ini).await;
    assert_eq!(told, "failed: ~/bad.ini can't be used: line 2 of it is not of the form `key = value`");
    for (variable, search) in [(CLI_FILE, Search::cli as fn(&Env) -> Search), (INI_FILE, Search::ini)] {
        let told = failed(&[(variable, &long)], search).await;
        assert_eq!(told, "failed: ~/long is longer than 1048576 bytes");
        let told = failed(&[(variable, &home.path(".aliyun"))], search).await;
        assert_eq!(told, "failed: ~/.aliyun is no regular file");
    }
}

#[tokio::test]
async fn a_file_that_nobody_has_set_up_is_passed() {
    let blank = r#"{"current":"default","profiles":[{"name":"default","mode":"AK","access_key_id":""}]}"#;
    let home = Home::with(&[(CLI, blank), ("empty.json", "{}")]);
    let told = find(&Search::cli(&home.env(&[])), &home).await;
    assert_eq!(told, Err(format!("the profile default in ~/{CLI} holds no access key")));
    let told = find(&Search::cli(&home.env(&[(CLI_FILE, &home.path("empty.json"))])), &home).await;
    assert_eq!(told, Err("~/empty.json names no current profile".to_owned()));
    // Who names it wants it.
    let told = find(&Search::cli(&home.env(&[(PROFILE, "default")])), &home).await;
    assert!(told.is_err_and(|told| told.starts_with("failed: the profile default")));
}
