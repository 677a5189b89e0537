//! Why a key can't be had, in the words of the metrics, and what to do about it.

use std::error::Error;
use std::iter::successors;

use crate::model::FailureReason;
use crate::rpc::{CallError, KeyError, TransportError, reason_of};

use super::answer::AnswerError;
use super::http::AskError;
use super::oidc::Cause;
use super::provider::FetchError;
use super::sts;

/// The reason of `error` and what an operator can do about it: of the outermost cause that is an answer
/// of a service, or that there was none. What is wrong on this machine is [`FailureReason::Auth`].
pub(super) fn of(error: &FetchError) -> (FailureReason, &'static str) {
    let here = (FailureReason::Auth, advice_of(FailureReason::Auth));
    let FetchError::Failed(cause) = error else { return here };
    let outermost: &(dyn Error + 'static) = &**cause;
    successors(Some(outermost), |&cause| cause.source()).find_map(of_service).unwrap_or(here)
}

fn of_service(cause: &(dyn Error + 'static)) -> Option<(FailureReason, &'static str)> {
    if let Some(call) = cause.downcast_ref::<CallError>() {
        let advice = match (call, call.reason()) {
            (CallError::Key { .. }, _) | (CallError::Refused { .. }, FailureReason::Auth) => call.advice(),
            (_, reason) => advice_of(reason),
        };
        return Some((call.reason(), call.code().and_then(sts::advice).unwrap_or(advice)));
    }
    if let Some(Cause::Refused { code, status }) = cause.downcast_ref() {
        let reason = match code.starts_with("AuthenticationFail.OIDCToken") {
            true => FailureReason::Auth,
            false => reason_of(Some(code), *status),
        };
        return Some((reason, sts::advice(code).unwrap_or(advice_of(reason))));
    }
    let reason = of_ask(cause.downcast_ref()?);
    Some((reason, advice_of(reason)))
}

fn of_ask(error: &AskError) -> FailureReason {
    match error {
        AskError::Unanswered(TransportError::Timeout(_)) => FailureReason::Timeout,
        AskError::Unanswered(TransportError::Connect { .. } | TransportError::Network(_)) => {
            FailureReason::Network
        }
        AskError::Unanswered(TransportError::TooLong | TransportError::Packing(_)) => {
            FailureReason::Malformed
        }
        AskError::Status(401 | 403) | AskError::Answer(AnswerError::Code(_)) => FailureReason::Auth,
        AskError::Redirect(status) | AskError::Status(status) => reason_of(None, *status),
        AskError::Answer(_) => FailureReason::Malformed,
    }
}

/// What to do where the service itself says no more.
const fn advice_of(reason: FailureReason) -> &'static str {
    match reason {
        FailureReason::Auth | FailureReason::Incomplete => KeyError::ADVICE,
        FailureReason::Permission => {
            "grant the identity that assumes the role sts:AssumeRole, and name it in the trust policy of the role"
        }
        FailureReason::Throttled => {
            "look for other users of this account that ask for keys; the service is asked again by itself"
        }
        FailureReason::Timeout | FailureReason::Network => {
            "check DNS, proxy and firewall between here and the service that gives the access key"
        }
        FailureReason::Server => {
            "nothing to do here unless it lasts; the service that gives keys is asked again"
        }
        FailureReason::Malformed => {
            "check the URL of the service that gives the access key, and any proxy before it"
        }
        FailureReason::Config => "check the credentials of this source: which key is asked for, and where",
    }
}

#[cfg(test)]
mod tests {
    use crate::credentials::fake::{KEY, Step, Wire, ok, parts, status};
    use crate::credentials::{Config, Oidc, Role, Written};
    use crate::secret::Secret;

    use super::*;

    async fn told(config: &Config, step: Step) -> KeyError {
        crate::credentials::build(config, &parts(&Wire::new([step]), &[])).key().await.unwrap_err()
    }

    fn refusal(at: u16, code: &str) -> Step {
        status(at, &format!(r#"{{"Code":"{code}","Message":"no","RequestId":"r"}}"#))
    }

    fn here(text: &str) -> Written {
        Written::Here(Secret::new(text))
    }

    fn role() -> Role {
        Role { arn: Some("acs:ram::1:role/r".to_owned()), ..Role::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn the_reason_is_that_of_the_service_which_was_asked_for_the_key() {
        use FailureReason::{
            Auth, Config as Setup, Malformed, Network, Permission, Server, Throttled, Timeout,
        };
        let token = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(token.path(), "a.b.c").unwrap();
        let oidc = Config::Oidc(Oidc {
            role: role(),
            provider_arn: Some("acs:ram::1:oidc-provider/p".to_owned()),
            token_file: Some(token.path().to_owned()),
        });
        let key = Config::AccessKey { id: here("testid"), secret: here("b") };
        let assumed = Config::RamRoleArn { base: Box::new(key), role: role() };
        let of_base = Config::RamRoleArn { base: Box::new(oidc.clone()), role: role() };
        let uri = Config::Uri(Some(here("http://127.0.0.1:8080/")));
        for (config, step, reason) in [
            (&uri, Step::Hang, Timeout),
            (&uri, Step::Refuse, Network),
            (&uri, status(502, "<html>"), Server),
            (&uri, status(429, ""), Throttled),
            (&uri, status(403, ""), Auth),
            (&uri, status(404, ""), Setup),
            (&uri, ok("<html>"), Malformed),
            (&uri, ok(&KEY.replace("Success", "Denied")), Auth),
            (&oidc, Step::Hang, Timeout),
            (&oidc, Step::Refuse, Network),
            (&oidc, refusal(400, "Throttling.User"), Throttled),
            (&oidc, refusal(401, "AuthenticationFail.OIDCToken.Expired"), Auth),
            (&oidc, refusal(401, "AuthenticationFail.NoPermission"), Permission),
            (&assumed, Step::Hang, Timeout),
            (&assumed, Step::Refuse, Network),
            (&assumed, status(502, "<html>"), Server),
            (&assumed, refusal(400, "Throttling"), Throttled),
            (&assumed, refusal(403, "NoPermission"), Permission),
            (&assumed, refusal(404, "InvalidAccessKeyId.NotFound"), Auth),
            (&assumed, refusal(404, "EntityNotExist.Role"), Setup),
            (&of_base, Step::Hang, Timeout),
            (&of_base, refusal(400, "Throttling"), Throttled),
        ] {
            assert_eq!(told(config, step).await.reason, reason, "{config:?}");
        }
    }

    #[tokio::test]
    async fn the_advice_is_that_of_the_security_token_service_where_there_is_some() {
        let key = Config::AccessKey { id: here("testid"), secret: here("b") };
        let assumed = Config::RamRoleArn { base: Box::new(key), role: role() };
        let advice = told(&assumed, refusal(403, "NoPermission")).await.advice;
        assert_eq!(Some(advice), sts::advice("NoPermission"));
        assert!(told(&assumed, refusal(403, "Forbidden.RAM")).await.advice.contains("sts:AssumeRole"));
        let none = told(&Config::Env, Step::Refuse).await;
        assert_eq!((none.reason, none.advice), (FailureReason::Auth, advice_of(FailureReason::Auth)));
        let no_uri = told(&Config::Uri(None), Step::Refuse).await;
        assert_eq!(no_uri.reason, FailureReason::Auth);
    }
}
