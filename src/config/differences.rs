//! What differs between two configurations of one source, by the names of keys.

use crate::{poller, rpc};

use super::SourceSettings;

impl SourceSettings {
    /// The keys, without `sources[].`, that make this configuration of the source another one than
    /// `other`, for all sources or for this one. Never values, which may be secrets.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        // Taken apart, so that a new setting is not forgotten here.
        let Self { name: _, region, endpoint, labels, rpc, credentials, sts, poller } = self;
        let rpc::Config {
            signature,
            requests_per_second,
            concurrency,
            max_attempts,
            connect_timeout,
            request_timeout,
            proxy,
            ca_file,
        } = rpc;
        let poller::Config {
            interval,
            stall_timeout,
            lookback,
            full_every,
            stale_after,
            keep_targets,
            page_size,
            concurrency: pages_at_a_time,
            listing,
            target_types,
            targets,
        } = poller;
        let is_as_concurrent =
            *concurrency == other.rpc.concurrency && *pages_at_a_time == other.poller.concurrency;
        let (to, wanted) = (&other.rpc, &other.poller);
        let differs = [
            ("region", *region != other.region),
            ("endpoint", *endpoint != other.endpoint),
            ("labels", *labels != other.labels),
            ("listing", *listing != wanted.listing),
            ("target_types", *target_types != wanted.target_types),
            ("credentials", *credentials != other.credentials || *sts != other.sts),
            ("poll.interval", *interval != wanted.interval),
            ("poll.stall_timeout", *stall_timeout != wanted.stall_timeout),
            ("poll.lookback", *lookback != wanted.lookback),
            ("poll.full_every", *full_every != wanted.full_every),
            ("poll.stale_after", *stale_after != wanted.stale_after),
            ("api.page_size", *page_size != wanted.page_size),
            ("api.concurrency", !is_as_concurrent),
            ("api.requests_per_second", *requests_per_second != to.requests_per_second),
            ("api.max_attempts", *max_attempts != to.max_attempts),
            ("api.connect_timeout", *connect_timeout != to.connect_timeout),
            ("api.request_timeout", *request_timeout != to.request_timeout),
            ("api.signature", *signature != to.signature),
            ("api.proxy", *proxy != to.proxy),
            ("api.ca_file", *ca_file != to.ca_file),
            ("metrics.targets.keep", *keep_targets != wanted.keep_targets),
            ("metrics.targets.mode", targets.which != wanted.targets.which),
            ("metrics.targets.limit", targets.limit != wanted.targets.limit),
            ("metrics.targets.names", targets.names != wanted.targets.names),
        ];
        differs.into_iter().filter_map(|(key, differs)| differs.then_some(key)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Inputs, KEYS, load};
    use crate::env::Env;

    fn settings(source: &str) -> SourceSettings {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("exporter.yaml");
        std::fs::write(&file, format!("sources:\n  - name: a\n    region: cn-hangzhou\n{source}")).unwrap();
        load(&Inputs { file: Some(file), env: Env::default(), ..Inputs::default() })
            .unwrap()
            .sources
            .remove(0)
    }

    #[test]
    fn each_key_of_a_source_that_differs_is_named_as_it_is_configured() {
        let base = settings("");
        assert_eq!(base.differences(&base), [""; 0]);
        for (source, keys) in [
            ("    labels: {team: a}\n", &["labels"][..]),
            ("    target_types: [image]\n    listing: flat\n", &["listing", "target_types"]),
            (
                "    credentials: {type: access_key, access_key_id: a-key, access_key_secret: \"hunter2\"}\n",
                &["credentials"],
            ),
            (
                "    poll: {interval: 3m, stall_timeout: 3m, lookback: 8d}\n",
                &["poll.interval", "poll.stall_timeout", "poll.lookback"],
            ),
            ("    poll: {full_every: 7h, stale_after: 16m}\n", &["poll.full_every", "poll.stale_after"]),
            (
                "    api: {page_size: 20, concurrency: 3, requests_per_second: 3}\n",
                &["api.page_size", "api.concurrency", "api.requests_per_second"],
            ),
            (
                "    api: {max_attempts: 4, connect_timeout: 4s, request_timeout: 29s}\n",
                &["api.max_attempts", "api.connect_timeout", "api.request_timeout"],
            ),
            (
                "    api: {signature: hmac-sha1, proxy: \"http://user:hunter2@proxy:1\"}\n",
                &["api.signature", "api.proxy"],
            ),
            ("    endpoint: https://tds.ap-southeast-1.aliyuncs.com\n", &["endpoint"]),
        ] {
            assert_eq!(settings(source).differences(&base), keys, "{source}");
            assert_eq!(base.differences(&settings(source)), keys, "{source}");
        }
    }

    #[test]
    fn every_name_is_a_key_or_a_group_of_the_table() {
        let base = settings("");
        let mut other = settings("");
        other.region.push('x');
        other.endpoint = settings("    endpoint: https://tds.ap-southeast-1.aliyuncs.com\n").endpoint;
        other.labels.push(("a".to_owned(), "b".to_owned()));
        other.sts.region = Some("x".to_owned());
        other.rpc = rpc::Config {
            signature: rpc::Signature::HmacSha1,
            requests_per_second: 9.0,
            concurrency: 9,
            max_attempts: 9,
            connect_timeout: base.rpc.connect_timeout * 2,
            request_timeout: base.rpc.request_timeout * 2,
            proxy: Some(crate::secret::Written::Here(crate::secret::Secret::new("http://proxy"))),
            ca_file: Some("/ca.pem".into()),
        };
        let poller = &mut other.poller;
        for span in [
            &mut poller.interval,
            &mut poller.stall_timeout,
            &mut poller.lookback,
            &mut poller.full_every,
            &mut poller.stale_after,
            &mut poller.keep_targets,
        ] {
            *span *= 2;
        }
        poller.page_size += 1;
        poller.listing = crate::model::Listing::Root;
        poller.target_types.push(crate::model::TargetType::Image);
        poller.targets =
            crate::ledger::TargetsShown { which: crate::ledger::Which::All, names: false, limit: 1 };
        let keys = other.differences(&base);
        assert_eq!(keys.len(), 24, "{keys:?}");
        for name in keys {
            let is_known = KEYS.iter().any(|key| {
                let path = key.path.trim_start_matches("sources[].");
                path == name || path.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
            });
            assert!(is_known, "{name}");
        }
    }
}
