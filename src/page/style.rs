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
th:first-child{padding-left:0;text-align:left}thead th{font-size:.85rem}tbody th{font-weight:400}\
h3{margin:1rem 0 .3rem;font-size:1rem}p{margin:.2rem 0}.ages,.id,.type{color:var(--soft)}\
.id,.type{font-size:.85rem}.id{font-family:ui-monospace,monospace}.what{overflow-wrap:anywhere}\
.overview{font-size:1.15rem;font-weight:600}.overview::first-letter{text-transform:uppercase}\
ul{margin:.3rem 0 1rem;padding-left:1.2rem;overflow-wrap:anywhere}\
.list,.legend{padding:0;list-style:none}.legend{display:flex;flex-wrap:wrap;gap:.2rem 1rem;margin-bottom:.3rem}\
.list li{padding:.35rem 0;border-bottom:1px solid var(--line)}\
.bar{display:block;width:100%;height:1.25rem;border-radius:.25rem}\
.key{width:.7rem;height:.7rem;margin-right:.35rem}\
.running{fill:#2f7de1}.completed{fill:#2e9d55}.failed{fill:#d3323e}.timed_out{fill:#d98a1f}.unknown{fill:#8a93a3}\
progress{width:9rem;max-width:50%;height:.8rem;vertical-align:middle;accent-color:#2f7de1}\
a:focus-visible,[tabindex]:focus-visible{outline:2px solid var(--link);outline-offset:2px}\
dl{margin-top:1rem}";

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
        let page = super::super::render(&[], "/metrics", None, now());
        let (_, rest) = page.split_once("<style>").unwrap();
        let (style, _) = rest.split_once("</style>").unwrap();
        let hash = STANDARD.encode(Sha256::digest(style));
        assert!(content_security_policy().contains(&format!("'sha256-{hash}'")));
        assert!(!page.contains("style="), "the policy forbids style attributes: {page}");
    }
}
