//! A real Prometheus that scrapes by TLS.

use super::passwords::{NAME, PASSWORD, users};
use super::support::prometheus::Prometheus;
use super::support::tls::{Authority, Client, WebConfig};
use super::support::wait_for;
use super::{SOON, start, until_ready};

#[test]
fn a_real_prometheus_scrapes_with_the_right_password_or_certificate_and_not_without() {
    let authority = Authority::named("ours");
    let by_password = WebConfig::with_tls(&authority.server(), &[], &users().0);
    let tls = [
        "client_auth_type: RequireAndVerifyClientCert",
        "client_ca_file: clients.crt",
        "client_allowed_sans: [prometheus.example]",
    ];
    let by_certificate = WebConfig::with_tls(&authority.server(), &tls, "");
    let clients = Authority::named("clients");
    by_certificate.write("clients.crt", &clients.certificate);
    let (_first_simulator, first) = start(&by_password, &[]);
    let (_second_simulator, second) = start(&by_certificate, &[]);
    until_ready(&Client::of(&authority), &first);

    let folder = by_password.folder();
    by_password.write("ca.crt", &authority.certificate);
    clients.sign(&["prometheus.example"]).write(folder, "right");
    clients.sign(&["grafana.example"]).write(folder, "wrong");
    let job = |name: &str, target, tls: &str, more: &str| {
        let ca = folder.join("ca.crt");
        format!(
            "  - job_name: {name}
    scheme: https
    tls_config: {{ca_file: {}{tls}}}
    static_configs: [{{targets: ['{target}']}}]
{more}",
            ca.display()
        )
    };
    let password = |text| format!("    basic_auth: {{username: {NAME}, password: {text}}}\n");
    let certificate = |name: &str| {
        let path = folder.join(name);
        format!(", cert_file: {0}.crt, key_file: {0}.key", path.display())
    };
    let jobs = [
        job("password", first.address, "", &password(PASSWORD)),
        job("wrong-password", first.address, "", &password("hunter2-is-wrong")),
        job("no-password", first.address, "", ""),
        job("certificate", second.address, &certificate("right"), ""),
        job("wrong-certificate", second.address, &certificate("wrong"), ""),
        job("no-certificate", second.address, "", ""),
    ];
    let prometheus = Prometheus::start(&jobs.concat());

    let value = |expression: &str| {
        let rows = prometheus.query(expression)?;
        let value = rows[0]["value"][1].as_str().and_then(|value| value.parse::<f64>().ok());
        value.ok_or_else(|| format!("{rows:?}"))
    };
    for name in ["password", "certificate"] {
        let tasks = wait_for(&format!("tasks by {name}"), 2 * SOON, || {
            let tasks = value(&format!("sum(agentless_scan_tasks{{job=\"{name}\"}})"))?;
            if tasks > 0.0 { Ok(tasks) } else { Err(tasks.to_string()) }
        });
        assert!(tasks > 0.0);
        assert_eq!(value(&format!("up{{job=\"{name}\"}}")), Ok(1.0));
    }
    for (name, reason) in [
        ("wrong-password", "401 Unauthorized"),
        ("no-password", "401 Unauthorized"),
        ("wrong-certificate", "tls: "),
        ("no-certificate", "tls: "),
    ] {
        let error = wait_for(&format!("a scrape by {name}"), 2 * SOON, || {
            let error = prometheus.last_error(name)?;
            if error.is_empty() { Err(error) } else { Ok(error) }
        });
        assert!(error.contains(reason), "{name}: {error}");
        let up = wait_for(&format!("{name} to be down"), SOON, || value(&format!("up{{job=\"{name}\"}}")));
        assert_eq!(up, 0.0, "{name}");
        assert!(value(&format!("{{job=\"{name}\",__name__=~\"agentless.+\"}}")).is_err(), "{name}");
    }
}
