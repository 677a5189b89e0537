//! The small languages of single values: durations, addresses, URLs, names. The command line
//! reads its flags with the same functions. What another module reads again is checked by that
//! module, so that the two can't differ.

use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

pub use crate::credentials::{
    PLACEHOLDER, check_key_id as key_id, check_secret as secret, check_uri as uri, is_placeholder,
};
use crate::error::nearest;
use crate::meters::table::SOURCE_INFO;
use crate::model::check_label_name;
use crate::net::Address;
use crate::rpc::{self, Endpoint};
use crate::text::controls;
use crate::web;

/// What is wrong with a text, without the text itself, which may hold a password.
pub type Problem = Cow<'static, str>;

/// Whether a text is what a key wants.
pub type Check = fn(&str) -> Result<(), Problem>;

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Reads `30s`, `5m`, `1h30m`, `7d`, `250ms`: whole numbers with units, the largest unit first.
///
/// # Errors
/// On anything else, and on more than fits 64 bits of milliseconds.
pub fn duration(text: &str) -> Result<Duration, Problem> {
    const FORM: Problem = Cow::Borrowed("expected a duration such as 30s, 5m, 1h30m or 7d");
    let mut rest = text.trim();
    let mut units = UNITS.iter();
    let mut millis = 0_u64;
    if rest.is_empty() {
        return Err(FORM);
    }
    while !rest.is_empty() {
        let (number, after) = split_while(rest, |c| c.is_ascii_digit());
        let (unit, after) = split_while(after, |c| c.is_ascii_alphabetic());
        let number: u64 = number.parse().map_err(|_| FORM)?;
        let (_, scale) = units.by_ref().find(|(name, _)| *name == unit).ok_or(FORM)?;
        millis = number.checked_mul(*scale).and_then(|part| millis.checked_add(part)).ok_or(FORM)?;
        rest = after;
    }
    Ok(Duration::from_millis(millis))
}

/// The shortest text that [`duration`] reads as `span`, to the millisecond.
pub fn show_duration(span: Duration) -> String {
    let mut left = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, scale) in UNITS {
        if left >= scale {
            text.push_str(&format!("{}{unit}", left / scale));
            left %= scale;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Checks an address to listen on.
///
/// # Errors
/// On what is no [`Address`].
pub fn listen_address(text: &str) -> Result<(), Problem> {
    text.parse::<Address>().map(drop).map_err(problem)
}

/// Checks the path of the exposition.
///
/// # Errors
/// If it is no plain path, or one that the exporter answers otherwise.
pub fn telemetry_path(text: &str) -> Result<(), Problem> {
    web::check_telemetry_path(text).map_err(problem)
}

/// Checks an endpoint but for its scheme, on which another key decides too.
///
/// # Errors
/// If it is no URL of a host alone.
pub fn endpoint(text: &str) -> Result<(), Problem> {
    Endpoint::parse(text, true).map(drop).map_err(problem)
}

/// Checks the URL of a proxy, which may carry a user and password; blank for none.
///
/// # Errors
/// If it is no `http://` or `https://` URL of a host.
pub fn proxy(text: &str) -> Result<(), Problem> {
    if text.is_empty() { Ok(()) } else { rpc::check_proxy(text).map_err(problem) }
}

/// Checks what the file of a proxy holds. A blank one is being written, or was forgotten: none is
/// said by leaving the file out.
///
/// # Errors
/// If it can't be the URL of a proxy.
pub fn proxy_of_file(text: &str) -> Result<(), Problem> {
    if text.trim().is_empty() { Err("is empty".into()) } else { proxy(text) }
}

/// Checks a name that becomes a label value.
///
/// # Errors
/// Unless it has 1 to 128 characters, none of which controls what shows it.
pub fn name(text: &str) -> Result<(), Problem> {
    let fits = (1..=128).contains(&text.chars().count()) && !text.chars().any(controls);
    if fits {
        Ok(())
    } else {
        Err("expected 1 to 128 characters without line breaks or other controls".into())
    }
}

/// Checks the form of a region id, known or not.
///
/// # Errors
/// Unless it looks like `cn-hangzhou`.
pub fn region(text: &str) -> Result<(), Problem> {
    let fits = (1..=64).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if fits { Ok(()) } else { Err("expected a region id such as cn-hangzhou or ap-southeast-1".into()) }
}

/// Checks the name of a RAM role.
///
/// # Errors
/// Unless it has 1 to 64 letters, digits or one of `. _ -`.
pub fn role_name(text: &str) -> Result<(), Problem> {
    let fits = (1..=64).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if fits { Ok(()) } else { Err("expected the name of a role, 1 to 64 letters, digits or . _ -".into()) }
}

/// Checks the name of a session of a role, as AssumeRole takes it.
///
/// # Errors
/// Unless it has 2 to 64 letters, digits or one of `. @ _ -`.
pub fn session_name(text: &str) -> Result<(), Problem> {
    let fits = (2..=64).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || ".@_-".contains(c));
    if fits { Ok(()) } else { Err("expected 2 to 64 letters, digits or . @ _ -".into()) }
}

/// Checks the name of a role across accounts.
///
/// # Errors
/// Unless it looks like `acs:ram::1234:role/reader`.
pub fn arn(text: &str) -> Result<(), Problem> {
    let mut parts = text.splitn(5, ':');
    let fits = parts.next() == Some("acs")
        && parts.next() == Some("ram")
        && parts.nth(2).is_some_and(|name| !name.is_empty())
        && text.chars().all(|c| c.is_ascii_graphic());
    if fits { Ok(()) } else { Err("expected an ARN such as acs:ram::123456789012****:role/reader".into()) }
}

/// Checks the name of an identity provider of OpenID Connect.
///
/// # Errors
/// Unless it looks like `acs:ram::1234:oidc-provider/ack-rrsa-c123`.
pub fn provider_arn(text: &str) -> Result<(), Problem> {
    let name = text.splitn(5, ':').nth(4).and_then(|name| name.strip_prefix("oidc-provider/"));
    if arn(text).is_ok() && name.is_some_and(|name| !name.is_empty()) {
        Ok(())
    } else {
        Err("expected an ARN such as acs:ram::123456789012****:oidc-provider/ack-rrsa-c123".into())
    }
}

/// Checks that a policy is a JSON object; what is in it is the cloud's to judge.
///
/// # Errors
/// If it is none.
pub fn policy(text: &str) -> Result<(), Problem> {
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text) {
        Ok(_) => Ok(()),
        Err(_) => Err("expected a policy as JSON, in quotes".into()),
    }
}

/// The one of `words` that was probably meant. Only a word that is known is ever given back, so
/// that it can be shown whatever `text` is.
pub(super) fn meant(text: &str, words: &[&'static str]) -> Option<&'static str> {
    let text = text.trim().to_ascii_lowercase();
    let joined = |word: &str| word.replace(['-', ' '], "_");
    // What the cloud's own documents call it.
    if let Some(oidc) = words.iter().find(|word| text == "rrsa" && **word == "oidc") {
        return Some(oidc);
    }
    let alike = words.iter().find(|word| joined(word) == joined(&text));
    let mut longer = words.iter().filter(|word| text.len() >= 4 && word.ends_with(&text));
    // `hmac-sha256` has fewer letters to change for `hmac-sha1`, and means `acs3-hmac-sha256`.
    let only = longer.next().filter(|_| longer.next().is_none());
    alike.or(only).copied().or_else(|| nearest(&text, words.iter().copied()))
}

/// Checks the name of a label that joins those of the info metric.
///
/// # Errors
/// If it is no label name, or one that is taken.
pub fn label_name(text: &str) -> Result<(), Problem> {
    check_label_name(text).map_err(problem)?;
    if SOURCE_INFO.labels.contains(&text) {
        return Err("is a label that the metric has already; choose another name".into());
    }
    Ok(())
}

/// What the owner of a rule says of a text. It must not repeat the text.
fn problem(error: impl Error) -> Problem {
    error.to_string().into()
}

fn split_while(text: &str, keep: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !keep(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_written_and_shown_as_read() {
        for (text, millis) in [
            ("30s", 30_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("7d", 604_800_000),
            ("250ms", 250),
            ("0s", 0),
        ] {
            let span = duration(text).unwrap();
            assert_eq!(span, Duration::from_millis(millis), "{text}");
            assert_eq!(show_duration(span), text);
        }
        assert_eq!(show_duration(duration("90m").unwrap()), "1h30m");
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            " ",
            "30",
            "s",
            "1.5h",
            "-5s",
            "5 m",
            "30m1h",
            "1s1s",
            "1y",
            "1M",
            "99999999999999999d",
            "5m!",
        ] {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_blank_proxy_is_none_and_no_mistake() {
        assert_eq!(proxy(""), Ok(()));
        assert!(proxy(" ").is_err());
    }

    #[test]
    fn a_word_is_meant_if_it_is_near_in_any_case_and_join() {
        let words = ["access_key", "sts", "env"];
        for text in ["acces_key", "access-key", "Access Key", "accessKey", "ACCESS_KEY"] {
            assert_eq!(meant(text, &words), Some("access_key"), "{text}");
        }
        assert_eq!(meant("LTAI5tSecret", &words), None);
        assert_eq!((meant("RRSA", &["env", "oidc"]), meant("rrsa", &words)), (Some("oidc"), None));
        let signatures = ["acs3-hmac-sha256", "hmac-sha1"];
        assert_eq!(meant("hmac-sha256", &signatures), Some("acs3-hmac-sha256"));
        assert_eq!(meant("hmac_sha1", &signatures), Some("hmac-sha1"));
    }

    #[test]
    fn label_names_do_not_clash_with_those_of_the_metric() {
        assert_eq!(label_name("team_a"), Ok(()));
        for bad in ["", "__name__", "source", "region", "endpoint", "listing"] {
            assert!(label_name(bad).is_err(), "{bad:?}");
        }
    }
}
