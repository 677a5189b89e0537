//! Which requests go through a proxy.

use reqwest::{NoProxy, Proxy, Url};

use crate::env::Env;

use super::BuildError;

/// A text that is no proxy. It is not repeated: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected http://HOST:PORT or https://HOST:PORT, with USER:PASSWORD@ before the host if needed, \
     in which / ? # are written %2F %3F %23"
)]
pub struct ProxyError;

/// Whether `text` is the URL of a proxy.
///
/// # Errors
/// If it isn't.
pub fn check_proxy(text: &str) -> Result<(), ProxyError> {
    parse(text).map(drop)
}

/// The variable of `env` that names a proxy, and its value; `None` too if `NO_PROXY` spares every
/// host.
pub fn environment_proxy(env: &Env) -> Option<(&'static str, &str)> {
    either(env, ["https_proxy", "HTTPS_PROXY"]).filter(|_| exceptions(env).is_some())
}

/// Never asked through a proxy, whatever is configured: loopback, and link-local addresses and
/// the metadata service of Alibaba Cloud, which would answer with the proxy machine's identity.
const DIRECT: &str = "localhost,127.0.0.0/8,::1,100.100.100.200,169.254.0.0/16,fe80::/10";

/// The proxy to use: `configured` for every request, else `HTTPS_PROXY` of `env` for requests
/// by https to hosts that `NO_PROXY` does not name. Lower-case names of both are known too.
pub(super) fn choose(configured: Option<&str>, env: &Env) -> Result<Option<Proxy>, BuildError> {
    if let Some(text) = configured.map(str::trim).filter(|text| !text.is_empty()) {
        let wrong = |source| BuildError::Proxy { name: "api.proxy", source };
        return for_all(text).map(Some).map_err(wrong);
    }
    let Some((name, text)) = environment_proxy(env) else { return Ok(None) };
    let Some(except) = exceptions(env) else { return Ok(None) };
    let wrong = |source| BuildError::Proxy { name, source };
    let proxy = Proxy::https(parse(text).map_err(wrong)?).map_err(|_| wrong(ProxyError))?;
    Ok(Some(proxy.no_proxy(NoProxy::from_string(&except))))
}

/// The proxy `text`, for every request.
pub(super) fn for_all(text: &str) -> Result<Proxy, ProxyError> {
    let proxy = Proxy::all(parse(text)?).map_err(|_| ProxyError)?;
    Ok(proxy.no_proxy(NoProxy::from_string(DIRECT)))
}

/// The hosts that the environment's proxy is not for; `None` if it is for none.
fn exceptions(env: &Env) -> Option<String> {
    let listed = either(env, ["no_proxy", "NO_PROXY"]).map_or("", |(_, list)| list);
    // The library's own `*` spares names but not addresses.
    let all = listed.split(',').any(|entry| entry.trim() == "*");
    (!all).then(|| format!("{DIRECT},{listed}"))
}

/// The first variable that is set, the lower-case one before the other, as curl does.
fn either<'e>(env: &'e Env, names: [&'static str; 2]) -> Option<(&'static str, &'e str)> {
    names.into_iter().find_map(|name| Some((name, env.get(name)?)))
}

/// `http://[USER:PASSWORD@]HOST[:PORT]` or the same with https; `http://` may be left out.
fn parse(text: &str) -> Result<Url, ProxyError> {
    let text = text.trim();
    // The library leaves line breaks out, and would join two lines to one host.
    if text.chars().any(char::is_control) {
        return Err(ProxyError);
    }
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&with_scheme).map_err(|_| ProxyError)?;
    let is_proxy = matches!(url.scheme(), "http" | "https") && url.has_host() && url.port() != Some(0);
    // What is left over is a password with one of these signs in it, and the host is not the host.
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if is_proxy && is_bare { Ok(url) } else { Err(ProxyError) }
}

#[cfg(test)]
mod tests {
    use hyper_util::client::proxy::matcher::Matcher;

    use super::*;

    /// Whether the matcher that the library uses would take a proxy for `url`.
    fn is_proxied(url: &str, except: &str) -> bool {
        let matcher = Matcher::builder().all("http://proxy:3128").no(except).build();
        matcher.intercept(&url.parse().unwrap()).is_some()
    }

    #[test]
    fn own_and_metadata_addresses_are_never_asked_through_a_proxy() {
        let proxied = |url: &str| is_proxied(url, DIRECT);
        for host in [
            "localhost",
            "127.0.0.1",
            "127.9.9.9",
            "[::1]",
            "100.100.100.200",
            "169.254.169.254",
            "[fe80::1]",
        ] {
            assert!(!proxied(&format!("http://{host}/")), "{host}");
            assert!(!proxied(&format!("https://{host}:8642/")), "{host}");
        }
        assert!(proxied("https://tds.cn-shanghai.aliyuncs.com/"));
        assert!(proxied("https://10.0.0.1/"));
    }

    #[test]
    fn a_proxy_may_be_written_with_or_without_scheme() {
        assert_eq!(parse("proxy:3128").unwrap().as_str(), "http://proxy:3128/");
        assert_eq!(parse("http://me:hunter2@proxy:3128").unwrap().host_str(), Some("proxy"));
        assert_eq!(parse("http://me:p@ss@proxy:3128/").unwrap().host_str(), Some("proxy"));
        for wrong in
            ["", " ", "socks5://proxy", "http://", "http://proxy/path", "http://proxy:0", "proxy:31\n28"]
        {
            assert_eq!(parse(wrong), Err(ProxyError), "{wrong}");
        }
    }

    #[test]
    fn a_password_that_would_make_another_host_of_it_is_refused() {
        for wrong in ["user:pa#ss", "user:123#x", "user:1/x", "user:1?x", "user:pa/ss"] {
            assert_eq!(check_proxy(&format!("http://{wrong}@proxy:3128")), Err(ProxyError), "{wrong}");
        }
        assert_eq!(parse("http://user:123%23x@proxy:3128").unwrap().host_str(), Some("proxy"));
    }

    #[test]
    fn a_wrong_proxy_is_named_by_its_key_and_not_by_its_value() {
        let error = choose(Some("socks5://me:hunter2@proxy"), &Env::default()).unwrap_err();
        assert_eq!(error.to_string(), "api.proxy is not the URL of a proxy");
        let env = Env::from_iter([("HTTPS_PROXY", "ftp://me:hunter2@proxy")]);
        let error = choose(None, &env).unwrap_err();
        assert!(error.to_string().starts_with("HTTPS_PROXY is not"), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"));
    }

    #[test]
    fn no_proxy_spares_hosts_and_their_subdomains_and_adds_to_what_is_always_spared() {
        let except = exceptions(&Env::from_iter([("NO_PROXY", "example.com, 10.0.0.0/8")])).unwrap();
        for host in ["example.com", "tds.example.com", "10.1.2.3", "127.0.0.1", "100.100.100.200"] {
            assert!(!is_proxied(&format!("https://{host}/"), &except), "{host}");
        }
        assert!(is_proxied("https://anexample.com/", &except));
    }

    #[test]
    fn no_proxy_for_everything_means_none() {
        let env = Env::from_iter([("https_proxy", "http://proxy:3128"), ("NO_PROXY", "a, *")]);
        assert!(choose(None, &env).unwrap().is_none());
        assert!(choose(None, &Env::default()).unwrap().is_none());
    }
}
