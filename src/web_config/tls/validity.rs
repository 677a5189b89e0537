//! From when to when the exporter's own certificate holds.

use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use crate::clock::UnixMillis;

const DAY: i64 = 86_400;

/// Days before its end from which on a certificate is warned of.
const SOON: i64 = 14;

/// First and last second of a certificate, since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    from: i64,
    to: i64,
}

impl Validity {
    /// That of `certificate`, unless it can't be read.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let validity = certificate.validity();
        Some(Self { from: validity.not_before.timestamp(), to: validity.not_after.timestamp() })
    }

    /// What to know of it at `now`.
    pub(in super::super) fn warning(self, now: UnixMillis) -> Option<String> {
        let now = i64::try_from(now.as_millis() / 1000).unwrap_or(i64::MAX);
        let date = |second: i64| {
            let time = UnixMillis::new(second.saturating_mul(1000));
            time.map_or_else(|| "a day before 1970".to_owned(), |time| time.to_string())
        };
        let told = if self.to < now {
            format!("expired on {}; clients refuse it, renew it", date(self.to))
        } else if now < self.from {
            format!(
                "is not valid before {}; clients refuse it until then, check the clock of this machine",
                date(self.from)
            )
        } else {
            match (self.to - now) / DAY {
                0 => format!("expires within a day, on {}; renew it", date(self.to)),
                days if days < SOON => format!("expires in {days} days, on {}; renew it", date(self.to)),
                _ => return None,
            }
        };
        Some(format!("tls_server_config: the certificate {told}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_warned_of_before_after_and_near_the_end_of_its_time() {
        let validity = Validity { from: 100 * DAY, to: 200 * DAY };
        let at = |second: i64| validity.warning(UnixMillis::new(second * 1000).unwrap()).unwrap_or_default();
        for (second, expected) in [
            (100 * DAY - 1, "is not valid before 1970-04-11T00:00:00Z"),
            (200 * DAY + 1, "expired on 1970-07-20T00:00:00Z"),
            (200 * DAY, "expires within a day"),
            (198 * DAY, "expires in 2 days, on 1970-07-20T00:00:00Z"),
            (186 * DAY + 1, "expires in 13 days"),
        ] {
            assert!(at(second).contains(expected), "{second}: {}", at(second));
        }
        assert_eq!((at(100 * DAY), at(186 * DAY)), (String::new(), String::new()));
    }
}
