mod rig;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::future::{self, BoxFuture};
use reqwest::StatusCode;

use crate::model::FailureReason;
use crate::rpc::{HttpRequest, Signature, sign_v3};
use crate::secret::Secret;

use super::*;
use rig::*;

#[tokio::test(start_paused = true)]
async fn a_good_answer_is_read_and_counted() {
    let rig = rig([]);
    assert_eq!(rig.call().await.unwrap(), "good");
    assert_eq!(rig.count("agentless_exporter_api_requests_total", "OK"), 1);
    assert_eq!(rig.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_may_run_on_any_thread() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    assert_eq!(send(rig([]).call()).await.unwrap(), "good");
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_signed_anew_with_its_own_nonce_and_time() {
    let wait = vec![("retry-after", "2".to_owned())];
    let rig =
        rig([refuse_with(503, "ServiceUnavailable", wait.clone()), refuse_with(500, "ServerError", wait)]);
    rig.call().await.unwrap();
    let requests = rig.requests();
    let nonces: BTreeSet<_> = requests.iter().map(|r| header(r, "x-acs-signature-nonce")).collect();
    let dates: BTreeSet<_> = requests.iter().map(|r| header(r, "x-acs-date")).collect();
    assert_eq!((requests.len(), nonces.len(), dates.len()), (3, 3, 3));
    for request in &requests {
        let acs = request.headers.iter().filter(|(name, _)| name.as_str().starts_with("x-acs-"));
        let mut headers: BTreeMap<_, _> =
            acs.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        headers.insert("host".to_owned(), "tds.example.com".to_owned());
        let parts = sign_v3::Parts {
            method: "POST",
            path: "/",
            query: &BTreeMap::from([("CurrentPage".to_owned(), "1".to_owned())]),
            headers: &headers,
            payload_sha256: &sign_v3::sha256_hex(b""),
        };
        let expected = sign_v3::authorization(parts, KEY_ID, &Secret::new(KEY_SECRET));
        assert_eq!(header(request, "authorization"), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn passing_failures_are_retried_until_an_answer_comes() {
    let steps = [
        refuse(500, "ServerError"),
        Step::Answer(502, vec![], "<html>Bad Gateway</html>".to_owned()),
        Step::Break,
        refuse(400, "SignatureNonceUsed"),
    ];
    let rig = rig(steps);
    assert_eq!(rig.call().await.unwrap(), "good");
    for code in ["ServerError", "http_5xx", "network", "SignatureNonceUsed", "OK"] {
        assert_eq!(rig.count("agentless_exporter_api_requests_total", code), 1, "{code}");
    }
    for (reason, count) in [("server", 2), ("network", 1), ("auth", 1)] {
        assert_eq!(rig.count("agentless_exporter_api_retries_total", reason), count, "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn lasting_failures_are_told_at_once() {
    let cases = [
        ("NoPermission", 403, FailureReason::Permission),
        ("SignatureDoesNotMatch", 400, FailureReason::Auth),
        ("InvalidAccessKeyId.NotFound", 404, FailureReason::Auth),
        ("InvalidSecurityToken.Expired", 400, FailureReason::Auth),
        ("InvalidParameter", 400, FailureReason::Config),
        ("NeverHeardOf", 400, FailureReason::Config),
    ];
    for (code, status, reason) in cases {
        let rig = rig([refuse(status, code)]);
        let error = rig.call().await.unwrap_err();
        assert_eq!((error.code(), error.reason()), (Some(code), reason));
        assert_eq!(error.request_id(), Some("r-1"));
        assert_eq!(rig.requests().len(), 1, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_refused_is_replaced_once_if_there_is_another_one() {
    for code in ["InvalidSecurityToken.Expired", "InvalidAccessKeyId.NotFound"] {
        let rig_of = |more: u32, refusals: usize| {
            rig_with((0..refusals).map(|_| refuse(400, code)), |parts| {
                parts.keys = Arc::new(Keys { more: more.into(), ..Keys::default() });
            })
        };
        let renewed = rig_of(1, 1);
        assert_eq!(renewed.call().await.unwrap(), "good");
        assert_eq!((renewed.requests().len(), renewed.times()[1]), (2, Duration::ZERO), "{code}");
        let without = rig_of(0, 1);
        assert_eq!(without.call().await.unwrap_err().code(), Some(code));
        assert_eq!(without.requests().len(), 1, "{code}");
        let again = rig_of(9, 9);
        assert_eq!(again.call().await.unwrap_err().code(), Some(code));
        assert_eq!(again.requests().len(), 2, "{code}: a second key was refused too");
    }
}

#[tokio::test(start_paused = true)]
async fn there_are_no_more_attempts_than_allowed() {
    let rig = rig_with((0..9).map(|_| refuse(500, "ServerError")), |parts| parts.config.max_attempts = 3);
    let error = rig.call().await.unwrap_err();
    assert_eq!(error.reason(), FailureReason::Server);
    assert_eq!(rig.requests().len(), 3);
    assert_eq!(rig.count("agentless_exporter_api_retries_total", "server"), 2);
}

#[tokio::test(start_paused = true)]
async fn an_error_in_a_good_status_goes_by_its_code() {
    let first = rig([refuse(200, "InternalError"), refuse(200, "Throttling.User")]);
    assert_eq!(first.call().await.unwrap(), "good");
    let second = rig([refuse(200, "NoPermission")]);
    assert_eq!(second.call().await.unwrap_err().reason(), FailureReason::Permission);
    assert_eq!(second.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_no_answer_is_asked_for_once_more() {
    let nonsense = || Step::Answer(200, vec![], r#"{"rows":"a-body"}"#.to_owned());
    let first = rig([nonsense()]);
    assert_eq!(first.call().await.unwrap(), "good");
    let second = rig([nonsense(), nonsense()]);
    let error = second.call().await.unwrap_err();
    assert_eq!(error.reason(), FailureReason::Malformed);
    assert_eq!(error.to_string(), "the answer to ListThings was not understood: there is no List");
    assert_eq!(second.requests().len(), 2);
    assert_eq!(second.count("agentless_exporter_api_requests_total", "malformed"), 2);
}

#[tokio::test(start_paused = true)]
async fn the_server_says_when_to_come_again_in_milliseconds_seconds_or_by_date() {
    let date = |millis| http_date_of(START + millis);
    let cases = [
        (vec![("x-acs-retry-after", "1500".to_owned()), ("retry-after", "9".to_owned())], 1.5),
        (vec![("retry-after", "4".to_owned())], 4.0),
        // By the server's own clock, an hour behind ours.
        (vec![("date", date(-3_600_000)), ("retry-after", date(-3_592_000))], 8.0),
    ];
    for (headers, least) in cases {
        let rig = rig([refuse_with(503, "ServiceUnavailable", headers)]);
        rig.call().await.unwrap();
        let waited = rig.times()[1].as_secs_f64();
        assert!((least..=least + 0.51).contains(&waited), "waited {waited} s, asked for {least} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_costs_the_timeout_of_each_attempt_and_no_more_than_the_deadline() {
    let rig = rig([Step::Hang, Step::Hang, Step::Hang, Step::Hang, Step::Hang]);
    let start = Instant::now();
    let error = rig.call().await.unwrap_err();
    assert_eq!(error.reason(), FailureReason::Timeout);
    assert!(start.elapsed() <= Duration::from_millis(90_001), "{:?}", start.elapsed());
    let times = rig.times();
    assert!(times[1] >= Duration::from_secs(30) && times.len() >= 3, "{times:?}");
    assert!(rig.count("agentless_exporter_api_requests_total", "timeout") >= 3);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_the_rate_limit_does_not_eat_the_time_of_the_request() {
    let rig = rig_with([], |parts| parts.limits = Arc::new(Limits::new(0.005, 8)));
    rig.call().await.unwrap();
    rig.call().await.unwrap();
    assert_eq!(rig.times()[1], Duration::from_secs(200));
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_would_wait_for_the_rate_limit_past_the_deadline_is_not_made() {
    let rig = rig_with([refuse(500, "ServerError")], |parts| parts.limits = Arc::new(Limits::new(0.005, 8)));
    let start = Instant::now();
    assert_eq!(rig.call().await.unwrap_err().reason(), FailureReason::Server);
    let waited = start.elapsed();
    assert!((90.0..90.01).contains(&waited.as_secs_f64()), "{waited:?}");
    assert_eq!(rig.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_source_whose_requests_hang_does_not_hold_up_another_that_shares_its_limits() {
    let limits = Arc::new(Limits::new(1000.0, 1));
    let sharing = |steps: Vec<Step>| rig_with(steps, |parts| parts.limits = Arc::clone(&limits));
    let (hanging, other) = (sharing(vec![Step::Hang]), sharing(vec![]));
    let hung = hanging.call();
    let answered = async {
        // By now the other one has the only place.
        tokio::task::yield_now().await;
        let start = Instant::now();
        other.call().await.unwrap();
        start.elapsed()
    };
    let (recovered, waited) = tokio::join!(hung, answered);
    assert!((1.9..2.1).contains(&waited.as_secs_f64()), "{waited:?}");
    // It went on by itself until its own time was over.
    assert_eq!(recovered.unwrap(), "good");
    assert!(hanging.times()[1] >= Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn an_api_is_silent_while_a_request_is_out_and_not_while_one_waits_for_the_limits() {
    let rig = rig_with([ok(), Step::Hang], |parts| parts.limits = Arc::new(Limits::new(0.005, 8)));
    let silence = || rig.client.silence();
    rig.call().await.unwrap();
    let second = rig.call();
    let watched = async {
        tokio::time::sleep(Duration::from_secs(199)).await;
        let while_waiting = silence();
        tokio::time::sleep(Duration::from_secs(21)).await;
        (while_waiting, silence())
    };
    tokio::select! {
        biased;
        (while_waiting, while_out) = watched => {
            assert_eq!(while_waiting, Duration::ZERO);
            assert_eq!(while_out, Duration::from_secs(20));
        }
        outcome = second => panic!("{outcome:?} though nothing was answered"),
    }
    // The call was given up with its request, and is not forgotten until somebody says so.
    assert_eq!(silence(), Duration::from_secs(20));
    rig.client.restart_silence();
    assert_eq!(silence(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_api_is_silent_also_while_a_request_waits_for_a_key() {
    for hangs in [Hangs::Key, Hangs::Renewal] {
        let rig = rig_with([refuse(400, "InvalidSecurityToken.Expired")], |parts| {
            parts.keys = Arc::new(Keys { hangs: Some(hangs), ..Keys::default() });
        });
        let wait = Duration::from_secs(20);
        tokio::time::timeout(wait, rig.call()).await.unwrap_err();
        assert_eq!(rig.client.silence(), wait, "{hangs:?}");
        tokio::time::sleep(wait).await;
        assert_eq!(rig.client.silence(), wait, "{hangs:?} is over");
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_halves_the_rate_of_all_that_share_it_and_other_failures_do_not() {
    let limits = Arc::new(Limits::new(2.0, 8));
    let sharing = |step| rig_with([step], |parts| parts.limits = Arc::clone(&limits));
    let failures = [refuse(500, "ServerError"), refuse(400, "SignatureNonceUsed"), Step::Break];
    for failure in failures {
        sharing(failure).call().await.unwrap();
    }
    let other = sharing(ok());
    assert_eq!(other.client.rate_limit(), 2.0);
    let throttled = sharing(refuse(400, "Throttling.User"));
    throttled.call().await.unwrap();
    assert_eq!(other.client.rate_limit(), 1.0);
    assert!(throttled.times()[1] >= Duration::from_secs(1), "{:?}", throttled.times());
    tokio::time::advance(Duration::from_secs(120)).await;
    assert_eq!(other.client.rate_limit(), 2.0);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_is_corrected_after_the_api_refused_it() {
    let dated = |millis: i64| vec![("date", http_date_of(START + millis))];
    let hour = 3_600_000;
    let rig = rig([
        refuse_with(400, "InvalidTimeStamp.Expired", dated(hour)),
        Step::Answer(200, dated(hour), "good".to_owned()),
        Step::Answer(200, dated(hour), "good".to_owned()),
    ]);
    rig.call().await.unwrap();
    rig.call().await.unwrap();
    let requests = rig.requests();
    let dates: Vec<_> = requests.iter().map(|request| header(request, "x-acs-date")).collect();
    assert_eq!(dates, ["2026-11-24T03:04:05Z", "2026-11-24T04:04:05Z", "2026-11-24T04:04:05Z"]);
    assert_eq!(
        rig.client.clock_skew_seconds(),
        Some(3600.0),
        "the skew is that of the clock, not of the signature"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_time_is_tried_once_more_and_only_if_the_cloud_told_its_own() {
    let dated = || refuse_with(400, "InvalidTimeStamp.Expired", vec![("date", http_date_of(START))]);
    let first = rig([dated(), dated(), dated()]);
    assert_eq!(first.call().await.unwrap_err().reason(), FailureReason::Auth);
    assert_eq!(first.requests().len(), 2);
    let second = rig([refuse(400, "InvalidTimeStamp.Expired")]);
    second.call().await.unwrap_err();
    assert_eq!(second.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_key_nothing_is_sent() {
    let rig = rig_with([], |parts| parts.keys = Arc::new(Keys { none: true, ..Keys::default() }));
    let error = rig.call().await.unwrap_err();
    assert_eq!(error.reason(), FailureReason::Auth);
    assert_eq!(error.to_string(), "there is no access key to sign ListThings with");
    assert_eq!(error.source().unwrap().to_string(), "set the variables");
    assert_eq!(rig.requests().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn no_error_tells_what_was_sent_or_signed() {
    for signature in [Signature::Acs3HmacSha256, Signature::HmacSha1] {
        let echo = format!("{KEY_ID} {KEY_SECRET} {TOKEN} server string to sign is:POST&%2F&Secret%3D1");
        let answers = [
            ("SignatureDoesNotMatch", 403),
            ("InvalidParameter", 400),
            ("NeverHeardOf", 418),
            (KEY_SECRET, 400),
            ("InternalError", 200),
        ];
        for (code, status) in answers {
            let body = format!(r#"{{"Code":"{code}","Message":"{echo}","RequestId":"{TOKEN}"}}"#);
            let rig = rig_with((0..5).map(|_| Step::Answer(status, vec![], body.clone())), |parts| {
                parts.config.signature = signature;
            });
            let shown = shown(&rig.call().await.unwrap_err());
            let sent = rig.requests();
            let authorization = sent[0].headers.get("authorization").map(|v| v.to_str().unwrap().to_owned());
            let signature = authorization.and_then(|v| v.split_once("Signature=").map(|(_, s)| s.to_owned()));
            let body_signature = sent[0].body.split_once("Signature=").map(|(_, s)| s.to_owned());
            for hidden in [KEY_ID, KEY_SECRET, TOKEN, "Secret%3D1", "tds.example.com", "CurrentPage"] {
                assert!(!shown.contains(hidden), "{hidden} in {shown}");
            }
            let signature = signature.or(body_signature).unwrap();
            assert!(!shown.contains(&signature[..20]), "{shown}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn sources_that_share_limits_share_the_places_in_flight() {
    struct Counting(AtomicUsize, AtomicUsize);
    impl Transport for Counting {
        fn send(&self, _: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, TransportError>> {
            Box::pin(async move {
                let now = self.0.fetch_add(1, Ordering::SeqCst) + 1;
                self.1.fetch_max(now, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(50)).await;
                self.0.fetch_sub(1, Ordering::SeqCst);
                let body = Bytes::from_static(b"good");
                Ok(HttpResponse { status: StatusCode::OK, headers: HeaderMap::new(), body })
            })
        }
    }
    let counting = Arc::new(Counting(AtomicUsize::new(0), AtomicUsize::new(0)));
    let limits = Arc::new(Limits::new(1000.0, 3));
    let client = || {
        rig_with([], |parts| {
            parts.transport = Arc::clone(&counting) as _;
            parts.limits = Arc::clone(&limits);
        })
    };
    let (one, other) = (client(), client());
    let calls = (0..20).map(|i| if i % 2 == 0 { one.call() } else { other.call() });
    for outcome in future::join_all(calls).await {
        outcome.unwrap();
    }
    assert_eq!(counting.1.load(Ordering::SeqCst), 3);
}
