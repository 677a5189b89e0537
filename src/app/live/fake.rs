//! A cloud of both data centres that answers as told, without sockets.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _};
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, HeaderValue};
use serde_json::{Value, json};

use crate::clock::{Clock, UnixMillis};
use crate::config::{self, Inputs};
use crate::env::Env;
use crate::rpc::{HttpRequest, HttpResponse, Limits, Transport, TransportError};

use super::probe::{self, Parts};
use super::report::SourceReport;

/// What one endpoint holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Centre {
    pub(super) main_tasks: u64,
    pub(super) subtasks: u64,
    pub(super) unsaid: u64,
    /// Subtasks of each main task that is asked for them.
    pub(super) of_each: u64,
}

/// What an endpoint answers instead of a listing.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    /// This status and code to every request.
    Refuses(u16, &'static str),
    /// `InvalidPageSize` to more rows than this.
    RefusesPagesAbove(u64),
    /// `InvalidParameter` to `RootTask=false` without `TaskId`.
    WantsTaskId,
    /// Nothing, ever.
    Hangs,
}

#[derive(Default)]
pub(super) struct Cloud {
    pub(super) centres: BTreeMap<&'static str, Centre>,
    pub(super) troubles: BTreeMap<&'static str, Trouble>,
    /// `host?parameters` of each listing that was asked for.
    pub(super) asked: Mutex<Vec<String>>,
}

impl Cloud {
    fn answer(&self, request: &HttpRequest) -> Option<(u16, Value)> {
        let host = request.url.host_str().unwrap_or_default();
        let refusal = |status, code: &str| Some((status, json!({"Code": code, "Message": ""})));
        let trouble = self.troubles.iter().find(|(of, _)| **of == host).map(|(_, trouble)| trouble);
        match trouble {
            Some(Trouble::Hangs) => return None,
            Some(Trouble::Refuses(status, code)) => return refusal(*status, code),
            _ => {}
        }
        if host.starts_with("sts.") {
            assert!(request.body.contains("Action=GetCallerIdentity") && request.body.contains("Signature="));
            return Some((
                200,
                json!({"Arn": "acs:ram::1:user/a", "AccountId": "1", "IdentityType": "RAMUser"}),
            ));
        }
        let params: BTreeMap<String, String> = request.url.query_pairs().into_owned().collect();
        let listed: Vec<_> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.asked.lock().unwrap().push(format!("{host}?{}", listed.join("&")));
        let centre = self.centres.iter().find(|(of, _)| **of == host).expect("a centre that exists").1;
        let size: u64 = params["PageSize"].parse().unwrap();
        let total = match (params.get("RootTask").map(String::as_str), params.get("TaskId")) {
            (Some("false"), Some(_)) => centre.of_each,
            (Some("false"), None) if matches!(trouble, Some(Trouble::WantsTaskId)) => {
                return refusal(400, "MissingTaskId");
            }
            (Some("false"), None) => centre.subtasks,
            (Some("true"), _) => centre.main_tasks,
            (None, _) => centre.unsaid,
            other => panic!("{other:?}"),
        };
        if matches!(trouble, Some(Trouble::RefusesPagesAbove(most)) if size > *most) {
            return refusal(400, "InvalidPageSize");
        }
        // Oldest first, so that who takes the first ones for the newest is wrong.
        let row =
            |number: u64| json!({"TaskId": format!("t{number}"), "StartTime": 1_795_000_000_000 + number});
        let rows: Vec<_> = (0..total.min(size)).map(row).collect();
        let page = json!({"CurrentPage": 1, "PageSize": size, "TotalCount": total});
        Some((200, json!({"PageInfo": page, "List": rows})))
    }
}

impl Transport for Cloud {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
        async move {
            let Some((status, body)) = self.answer(&request) else { return std::future::pending().await };
            let date = (DATE, HeaderValue::from_static("Tue, 24 Nov 2026 03:06:05 GMT"));
            Ok(HttpResponse {
                status: StatusCode::from_u16(status).unwrap(),
                headers: HeaderMap::from_iter([date]),
                body: Bytes::from(body.to_string()),
            })
        }
        .boxed()
    }
}

/// What is learnt of `cloud` by a source with the keys `yaml` beside its name and credentials, in
/// the region `cn-hangzhou` unless they say otherwise. The clock is 2 minutes behind.
pub(super) async fn ask(cloud: Arc<Cloud>, yaml: &str) -> SourceReport {
    ask_with("LTAIa-long-key-id", cloud, yaml).await
}

/// The same with the access key `id`.
pub(super) async fn ask_with(id: &str, cloud: Arc<Cloud>, yaml: &str) -> SourceReport {
    let region = if yaml.contains("endpoint:") { "" } else { "region: cn-hangzhou, " };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("exporter.yaml");
    let credentials = format!("{{type: access_key, access_key_id: {id}, access_key_secret: \"hunter2\"}}");
    let text = format!("sources:\n  - {{name: prod, {region}{yaml} credentials: {credentials}}}\n");
    std::fs::write(&file, text).unwrap();
    let env = Env::default();
    let inputs = Inputs { file: Some(file), env: env.clone(), ..Inputs::default() };
    let source = config::load(&inputs).unwrap_or_else(|mistakes| panic!("{mistakes}")).sources.remove(0);
    let (clock, _hand) = Clock::manual(UnixMillis::new(1_795_489_445_000).unwrap());
    let limits = Arc::new(Limits::new(source.rpc.requests_per_second, source.rpc.concurrency));
    probe::ask(source, Parts { env, clock, transport: cloud, limits, sources: 1 }).await
}
