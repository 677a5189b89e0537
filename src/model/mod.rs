//! The words of the field: tasks, their states, failures, the state of a source.

mod key_in_use;
mod label;
mod names;
mod reason;
mod status;
mod task;
mod words;

pub use key_in_use::KeyInUse;
pub use label::{LabelNameError, check_label_name};
pub use names::{Name, TargetNames};
pub use reason::FailureReason;
pub use status::{Listing, PollFailure, PollKind, RowProgress, SourceStatus};
pub use task::{CheckProgress, Progress, Task};
pub(crate) use words::words;
pub use words::{Check, Field, ReportStatus, Status, TargetType};
