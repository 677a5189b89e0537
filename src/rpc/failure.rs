//! What a failed call tells: enough to act on, and nothing that was signed or sent.

use std::fmt;

use crate::model::FailureReason;

use super::errors::Retry;
use super::refusal::Refusal;
use super::{KeyError, TransportError};

/// What the product's reader says of a body that is no answer to its question.
#[derive(Clone, PartialEq, Eq)]
pub enum BodyError {
    /// An error envelope in an answer with status 200.
    Refused {
        /// `Code`; `None` if it is no text.
        code: Option<String>,
        /// `Message`, as it came.
        message: String,
    },
    /// Neither an answer nor an envelope. Says what is wrong with the body, not what it holds.
    Malformed(String),
}

/// Hides the API's message, which may hold what was signed.
impl fmt::Debug for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code, .. } => {
                f.debug_struct("Refused").field("code", code).finish_non_exhaustive()
            }
            Self::Malformed(problem) => f.debug_tuple("Malformed").field(problem).finish(),
        }
    }
}

/// Why a call failed, after all its attempts: the last one's reason.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There is no key.
    #[error("there is no access key to sign {action} with")]
    Key {
        /// The operation.
        action: &'static str,
        /// What is missing.
        source: KeyError,
    },
    /// No answer, or none that could be taken in.
    #[error("{action} got no whole answer")]
    Transport {
        /// The operation.
        action: &'static str,
        /// What happened on the way.
        source: TransportError,
    },
    /// The API, or something before it, refused or failed.
    #[error("{action} was refused: {refusal}")]
    Refused {
        /// The operation.
        action: &'static str,
        /// What it said.
        refusal: Box<Refusal>,
    },
    /// A good status with a body that is no answer.
    #[error("the answer to {action} was not understood: {problem}")]
    Malformed {
        /// The operation.
        action: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

impl CallError {
    /// The kind of the failure.
    pub fn reason(&self) -> FailureReason {
        match self {
            Self::Key { source, .. } => source.reason,
            Self::Transport { source: TransportError::Timeout(_), .. } => FailureReason::Timeout,
            Self::Transport {
                source: TransportError::Connect { .. } | TransportError::Network(_), ..
            } => FailureReason::Network,
            Self::Transport { source: TransportError::TooLong | TransportError::Packing(_), .. }
            | Self::Malformed { .. } => FailureReason::Malformed,
            Self::Refused { refusal, .. } => refusal.class.reason,
        }
    }

    /// What an operator can do about it, in one sentence.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Refused { refusal, .. } => refusal.class.advice(),
            Self::Key { source, .. } => source.advice,
            _ => self.reason().advice(),
        }
    }

    /// The API's code, if it gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { refusal, .. } => refusal.code.as_deref(),
            _ => None,
        }
    }

    /// The API's id of the refused request, which the vendor's support asks for.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Refused { refusal, .. } => refusal.request_id.as_deref(),
            _ => None,
        }
    }

    /// The value of the label `code` of the request metrics, one of a fixed set.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Refused { refusal, .. } => refusal.class.code,
            // Not sent, so never counted.
            Self::Key { .. } => "other",
            Self::Transport { .. } | Self::Malformed { .. } => self.reason().as_str(),
        }
    }

    /// Whether and how to try again.
    pub(super) fn retry(&self) -> Retry {
        match (self, self.reason()) {
            (Self::Refused { refusal, .. }, _) => refusal.class.retry,
            // Where keys come from, they are asked for again as it is right there.
            (Self::Key { .. }, _) => Retry::Never,
            (_, FailureReason::Timeout | FailureReason::Network) => Retry::Backoff,
            (_, FailureReason::Malformed) => Retry::Once,
            _ => Retry::Never,
        }
    }
}
