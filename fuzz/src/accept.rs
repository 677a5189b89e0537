//! Any `Accept` header gets one of the two formats, OpenMetrics only if it was asked for.

use agentless_exporter::exposition::Format;
use agentless_exporter::web::format_for;
use hyper::HeaderMap;
use hyper::header::{ACCEPT, HeaderValue};

/// Negotiates the format for a request with `header` as its `Accept`, one header for each line.
///
/// # Panics
/// If the answer can't be explained by what was asked.
pub fn accept(header: &[u8]) {
    let lines: Vec<&[u8]> = header.split(|&byte| byte == b'\n').collect();
    let Some(format) = answer(&lines) else { return };
    if format == Format::OpenMetrics {
        let asked = header.to_ascii_lowercase();
        let names = |range: &[u8]| asked.windows(range.len()).any(|window| window == range);
        let ranges: [&[u8]; 3] = [b"application/openmetrics-text", b"application/*", b"*/*"];
        assert!(ranges.into_iter().any(names), "not asked for");
    }
    // Several headers are one, joined by commas, whatever stands in each.
    assert_eq!(answer(&[&lines.join(&b',')]), Some(format), "joined");
    // What is no media range is passed over.
    let with_junk: Vec<&[u8]> = [b"junk;q=1".as_slice()].into_iter().chain(lines.iter().copied()).collect();
    assert_eq!(answer(&with_junk), Some(format), "after what is no media range");
    // Quality 0 refuses; what is refused adds nothing.
    let refused: Vec<&[u8]> = [b"image/png;q=0".as_slice()].into_iter().chain(lines).collect();
    assert_eq!(answer(&refused), Some(format), "after a refusal of something else");
}

/// `None` if a line could not have come in a request.
fn answer(lines: &[&[u8]]) -> Option<Format> {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(ACCEPT, HeaderValue::from_bytes(line).ok()?);
    }
    Some(format_for(&headers))
}
