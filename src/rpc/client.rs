//! One source's signed way to one endpoint.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use tokio::time::Instant;

use crate::clock::{Clock, UnixMillis};
use crate::meters::{GOOD, SourceMeters};
use crate::model::{FailureReason, KeyInUse};

use super::activity::Activity;
use super::errors::Retry;
use super::limits::hold;
use super::refusal::{Envelope, Refusal, Sent};
use super::request::{Signed, Stamp, sign};
use super::retry::Attempts;
use super::skew::{Skew, http_date};
use super::{
    AccessKey, BodyError, CallError, Config, Endpoint, HttpResponse, KeySource, Limits, Request, Transport,
    TransportError,
};

/// What a [`Client`] is made of.
pub struct ClientParts {
    /// Where requests go.
    pub endpoint: Endpoint,
    /// How they are sent.
    pub config: Config,
    /// What signs them.
    pub keys: Arc<dyn KeySource>,
    /// What sends them.
    pub transport: Arc<dyn Transport>,
    /// How many there may be; shared by sources with the same access key.
    pub limits: Arc<Limits>,
    /// The time of signing.
    pub clock: Clock,
    /// What counts them.
    pub meters: SourceMeters,
}

/// Signs, sends, limits, retries and counts the requests of one source.
pub struct Client {
    parts: ClientParts,
    skew: Skew,
    activity: Activity,
}

impl Client {
    /// A client that has sent nothing yet.
    pub fn new(parts: ClientParts) -> Self {
        Self { parts, skew: Skew::new(), activity: Activity::new() }
    }

    /// Asks `request` until `read` takes the body of a good answer, or until trying again is of
    /// no use: at most `max_attempts` times, each with its own nonce and time.
    ///
    /// # Errors
    /// The failure of the last attempt.
    pub async fn call<T>(
        &self,
        request: &Request,
        read: impl Fn(&[u8]) -> Result<T, BodyError>,
    ) -> Result<T, CallError> {
        let mut attempts = Attempts::new(&self.parts.config);
        let mut failure = None;
        loop {
            let permit = match (attempts.deadline(), failure.take()) {
                (Some(deadline), Some(error)) => {
                    match tokio::time::timeout_at(deadline, self.parts.limits.acquire()).await {
                        Ok(permit) => permit,
                        Err(_) => return Err(error),
                    }
                }
                _ => self.parts.limits.acquire().await,
            };
            let out = self.activity.request();
            let tried = hold(permit, self.attempt(request, &read, &mut attempts)).await;
            let Failed { error, advice, refused } = match tried {
                Ok(value) => {
                    self.activity.reset();
                    return Ok(value);
                }
                Err(failed) => failed,
            };
            let retry = match error.retry() {
                Retry::NewTime if !self.correct_time() => Retry::Never,
                Retry::NewKey if !self.renew(refused).await => Retry::Never,
                retry => retry,
            };
            // A new key is a part of what the request asks for; the pause after it is our own.
            drop(out);
            let Some(delay) = attempts.after_failure(retry, advice) else { return Err(error) };
            let reason = error.reason();
            tracing::debug!(action = request.action, %reason, delay_seconds = delay.as_secs_f64(), "a request failed and is sent again");
            self.parts.meters.api_retry(reason);
            tokio::time::sleep(delay).await;
            failure = Some(error);
        }
    }

    /// The cloud's clock minus ours in seconds, to the second, as the last answer told it.
    pub fn clock_skew_seconds(&self) -> Option<f64> {
        self.skew.seconds()
    }

    /// The access key in use, if one was needed yet and found.
    pub fn key_in_use(&self) -> Option<KeyInUse> {
        self.parts.keys.in_use()
    }

    /// Requests a second now allowed.
    pub fn rate_limit(&self) -> f64 {
        self.parts.limits.rate()
    }

    /// How long requests have been out without a good answer, since the last one or since
    /// [`Self::restart_silence`]. Waiting for a key counts, waiting for our own limits does not.
    pub fn silence(&self) -> Duration {
        self.activity.silence()
    }

    /// What was silent before does not matter any more.
    pub fn restart_silence(&self) {
        self.activity.reset();
    }

    async fn attempt<T>(
        &self,
        request: &Request,
        read: &impl Fn(&[u8]) -> Result<T, BodyError>,
        attempts: &mut Attempts,
    ) -> Result<T, Failed> {
        let ClientParts { endpoint, config, keys, transport, limits, clock, meters } = &self.parts;
        let action = request.action;
        let no_key =
            |source| Failed { error: CallError::Key { action, source }, advice: None, refused: None };
        let key = keys.key().await.map_err(no_key)?;
        let stamp = Stamp::new(self.skew.signing_time(clock.now()));
        let Signed { http, signature, string_to_sign } =
            sign(config.signature, endpoint, request, &key, &stamp).map_err(no_key)?;

        // From here on, so that the time it took to get a key is not taken from the answer.
        let until = attempts.start();
        let (sent, started) = (clock.now(), Instant::now());
        let answer = match tokio::time::timeout_at(until, transport.send(http)).await {
            Ok(answer) => answer,
            Err(_) => Err(TransportError::Timeout("the answer")),
        };
        let (answered, duration) = (clock.now(), started.elapsed());

        let outcome = match answer {
            Err(source) => {
                Err(Failed { error: CallError::Transport { action, source }, advice: None, refused: None })
            }
            Ok(answer) => {
                let date = date(&answer.headers);
                if let Some(date) = date {
                    self.skew.measure(date, sent, answered);
                }
                let sent = Sent { key: &key, signature: &signature, string_to_sign: &string_to_sign };
                let judged = judge(action, &answer, read, &sent);
                judged.map_err(|error| Failed {
                    error,
                    advice: advice(&answer.headers, date.unwrap_or(answered)),
                    refused: Some(key.clone()),
                })
            }
        };
        match &outcome {
            Ok(_) => limits.answered(),
            Err(failed) if failed.error.reason() == FailureReason::Throttled => {
                limits.throttled(started, endpoint.host());
            }
            Err(_) => {}
        }
        let code = outcome.as_ref().map_or_else(|failed| failed.error.label(), |_| GOOD);
        meters.api_request(action, code, duration);
        outcome
    }

    /// After a refusal of the key `refused`, gets another one; false if there is none.
    async fn renew(&self, refused: Option<AccessKey>) -> bool {
        match refused {
            Some(key) => self.parts.keys.renew(&key).await,
            None => false,
        }
    }

    /// After a refusal of the time of signing, corrects it by the skew that the refusal showed;
    /// false if no answer has shown any.
    fn correct_time(&self) -> bool {
        if let Some(skew_seconds) = self.skew.correct() {
            tracing::warn!(
                skew_seconds,
                endpoint = self.parts.endpoint.host(),
                "the machine's clock is off: requests are signed with the cloud's time from now on; set the clock right"
            );
        }
        self.skew.seconds().is_some()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("endpoint", &self.parts.endpoint).finish_non_exhaustive()
    }
}

/// One attempt that failed, how long the server asks to wait after it, and the key that it answers to.
struct Failed {
    error: CallError,
    advice: Option<Duration>,
    refused: Option<AccessKey>,
}

/// What a whole answer is: a value, a refusal or nonsense.
fn judge<T>(
    action: &'static str,
    answer: &HttpResponse,
    read: &impl Fn(&[u8]) -> Result<T, BodyError>,
    sent: &Sent<'_>,
) -> Result<T, CallError> {
    let mut envelope = None;
    if answer.status.is_success() {
        match read(&answer.body) {
            Ok(value) => return Ok(value),
            Err(BodyError::Malformed(problem)) => return Err(CallError::Malformed { action, problem }),
            Err(BodyError::Refused { code, message }) => envelope = Some((code, message)),
        }
    }
    let mut read = Envelope::read(&answer.body);
    if let Some((code, message)) = envelope {
        read = Envelope { code, message, ..read };
    }
    let says_when = answer.headers.contains_key(ACS_RETRY_AFTER);
    let refusal = Refusal::new(answer.status.as_u16(), read, says_when, sent);
    Err(CallError::Refused { action, refusal: Box::new(refusal) })
}

/// Milliseconds to wait, the vendor's own header.
const ACS_RETRY_AFTER: &str = "x-acs-retry-after";

/// How long the server asks to wait; `now` is its own time.
fn advice(headers: &HeaderMap, now: UnixMillis) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    if let Some(millis) = text(ACS_RETRY_AFTER).and_then(|text| text.trim().parse::<u64>().ok()) {
        return (millis > 0).then(|| Duration::from_millis(millis));
    }
    let after = text(RETRY_AFTER.as_str())?.trim();
    match after.parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => http_date(after).map(|time| time.since(now)),
    }
}

/// When the answer with these `headers` was begun, by the clock of the other side.
pub fn date(headers: &HeaderMap) -> Option<UnixMillis> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

#[cfg(test)]
mod tests;
