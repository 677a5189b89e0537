//! Which encoding a reader gets, by its `Accept-Encoding` header (RFC 9110, section 12.5.3).

use hyper::HeaderMap;
use hyper::header::ACCEPT_ENCODING;

use super::negotiate::{quality, split};

/// How a body is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As it is.
    Identity,
    /// `Content-Encoding: gzip`.
    Gzip,
}

/// Gzip if `headers` take it and do not like the body as it is better. Entries that can't be read
/// are passed over; who takes neither gets the body as it is, which is more use than a refusal.
pub(super) fn encoding(headers: &HeaderMap) -> Encoding {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    negotiate(values.flat_map(|value| split(value, ',')))
}

fn negotiate<'h>(entries: impl Iterator<Item = &'h str>) -> Encoding {
    let (mut gzip, mut identity, mut others) = (None, None, None);
    for entry in entries {
        let Some((coding, quality)) = parse(entry) else { continue };
        let is = |name: &str| coding.eq_ignore_ascii_case(name);
        let place = match coding {
            "*" => &mut others,
            _ if is("gzip") || is("x-gzip") => &mut gzip,
            _ if is("identity") => &mut identity,
            _ => continue,
        };
        *place = (*place).max(Some(quality));
    }
    // The body as it is is never refused by silence, and what is named goes before it.
    let gzip = gzip.or(others).unwrap_or(0);
    if gzip > 0 && gzip >= identity.unwrap_or(0) { Encoding::Gzip } else { Encoding::Identity }
}

/// A coding and its quality in thousandths.
fn parse(entry: &str) -> Option<(&str, u16)> {
    let mut parts = entry.split(';').map(str::trim);
    let coding = parts.next()?;
    let mut weight = 1000;
    for parameter in parts {
        let Some((name, value)) = parameter.split_once('=') else { continue };
        if name.trim().eq_ignore_ascii_case("q") {
            weight = quality(value.trim())?;
        }
    }
    Some((coding, weight))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[&str]) -> Encoding {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT_ENCODING, value.parse().unwrap());
        }
        encoding(&headers)
    }

    #[test]
    fn gzip_goes_to_who_takes_it() {
        for taken in [
            "gzip",
            "GZip",
            "x-gzip",
            "deflate, gzip, br, zstd",
            "gzip;q=0.001",
            "gzip ; q = 0.5 , deflate",
            "*",
            "*;q=0.5",
            "br;q=1.0, *;q=0.1",
            "gzip, identity",
            "gzip;q=0.5, identity;q=0.5",
            "gzip;q=0.5, identity;q=0.1",
            "gzip;q=0.5, *;q=0",
            "identity;q=0, gzip;q=0.1",
            "gzip;q=0, x-gzip",
            "gzip;level=9;q=0.3",
            ",,gzip,",
        ] {
            assert_eq!(of(&[taken]), Encoding::Gzip, "{taken}");
        }
        assert_eq!(of(&["br", "gzip"]), Encoding::Gzip);
    }

    #[test]
    fn everybody_else_gets_the_body_as_it_is() {
        for refused in [
            "",
            "identity",
            "br, deflate",
            "gzip;q=0",
            "gzip;q=0.000",
            "*;q=0",
            "gzip;q=0, *",
            "identity, gzip;q=0.9",
            "identity, *;q=0.5",
            "identity;q=0.6, gzip;q=0.5",
            "gzip;q=2",
            "gzip;q=x",
            "gzip;q=-1",
            "gzipped",
            "g zip",
            "gzip;q=0, identity;q=0",
        ] {
            assert_eq!(of(&[refused]), Encoding::Identity, "{refused}");
        }
        assert_eq!(of(&[]), Encoding::Identity);
    }

    proptest! {
        #[test]
        fn any_header_gets_an_answer(value in ".{0,200}") {
            negotiate(split(&value, ',').into_iter());
        }
    }
}
