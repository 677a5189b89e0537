//! Every message that a person can get from the command line, word by word, from the files in
//! `tests/cmd/`. `TRYCMD=overwrite cargo test --test cmd` writes them anew.

/// What would let the machine get into a message. A blank variable counts as absent.
const OF_THE_MACHINE: [&str; 8] = [
    "ALIBABA_CLOUD_ACCESS_KEY_ID",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    "ALIBABA_CLOUD_REGION_ID",
    "ALIBABA_CLOUD_SECURITY_TOKEN",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
];

#[test]
fn every_message_is_the_recorded_one() {
    let cases = trycmd::TestCases::new();
    cases.case("tests/cmd/*.trycmd").env("COLUMNS", "100");
    for variable in OF_THE_MACHINE {
        cases.env(variable, "");
    }
    cases.insert_var("[VERSION]", env!("CARGO_PKG_VERSION")).expect("the name is a placeholder");
}
