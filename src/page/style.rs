//! The style sheet, and the policy that lets a browser use it and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The whole style sheet. Colours keep a contrast of 4.5 to 1 and more on both grounds, and no
/// state is told by colour alone.
pub(super) const STYLE: &str = "\
:root{color-scheme:light dark;--ground:#fff;--card:#f6f7f9;--line:#d5d9e0;--text:#1c2330;--soft:#535c6b;\
--good:#12692f;--warn:#8a5200;--bad:#b3141f;--link:#0b57c2}\
@media(prefers-color-scheme:dark){:root{--ground:#12151b;--card:#1b2029;--line:#363e4c;--text:#e6e9ef;\
--soft:#a3adbd;--good:#6fd08c;--warn:#f0b45a;--bad:#ff8f8f;--link:#8ab8ff}}\
*{box-sizing:border-box}\
body{margin:0 auto;padding:1rem;max-width:56rem;background:var(--ground);color:var(--text);\
font:1rem/1.5 system-ui,sans-serif}\
h1{margin:0;font-size:1.4rem}h2{margin:0;font-size:1.15rem;overflow-wrap:anywhere}\
a{color:var(--link)}nav{margin:.25rem 0 1rem;display:flex;flex-wrap:wrap;gap:.25rem 1.25rem}\
section{margin:0 0 1rem;padding:.9rem 1rem;background:var(--card);border:1px solid var(--line);\
border-radius:.5rem}\
.state{margin:.1rem 0 .6rem;font-weight:600}.state::before{content:'\\25CF\\00A0'}\
.good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}.idle,footer{color:var(--soft)}\
.failure{margin:0 0 .6rem;padding:.4rem .75rem;border-left:.25rem solid var(--bad);overflow-wrap:anywhere}\
.failure p{margin:.2rem 0}\
dl{margin:0;display:flex;flex-wrap:wrap;gap:.4rem 2rem}\
dt{color:var(--soft);font-size:.85rem}dd{margin:0;overflow-wrap:anywhere}\
.wide{overflow-x:auto}\
table{margin-top:.8rem;width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}\
caption{text-align:left;color:var(--soft);font-size:.85rem}\
th,td{padding:.25rem .6rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}\
th:first-child{padding-left:0;text-align:left}thead th{font-size:.85rem}tbody th{font-weight:400}";

/// The value of `Content-Security-Policy` for the page.
pub fn content_security_policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::super::samples::now;
    use super::*;

    #[test]
    fn the_policy_allows_the_style_of_the_page_as_it_stands_there() {
        let page = super::super::render(&[], "/metrics", now());
        let (_, rest) = page.split_once("<style>").unwrap();
        let (style, _) = rest.split_once("</style>").unwrap();
        let hash = STANDARD.encode(Sha256::digest(style));
        assert!(content_security_policy().contains(&format!("'sha256-{hash}'")));
        assert!(!page.contains("style="), "the policy forbids style attributes: {page}");
    }
}
