//! What was learnt of the sources, and what follows from it.

use crate::credentials::{Account, Identity};
use crate::error::in_words;
use crate::model::{FailureReason, KeyInUse, Listing};
use crate::rpc::CallError;
use crate::sas::endpoints;

use super::super::requests::{self, Counted, Reckoned};
use crate::poller;

/// What came of one question.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Answer<T> {
    /// It was not asked, because what was asked before it failed.
    #[default]
    NotAsked,
    /// The answer.
    Good(T),
    /// Why there is none.
    Failed(Told),
}

impl<T> Answer<T> {
    pub(super) fn good(&self) -> Option<&T> {
        match self {
            Self::Good(value) => Some(value),
            Self::NotAsked | Self::Failed(_) => None,
        }
    }

    pub(super) fn failure(&self) -> Option<&Told> {
        match self {
            Self::Failed(told) => Some(told),
            Self::NotAsked | Self::Good(_) => None,
        }
    }
}

/// A failure as it is told, without a secret.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    pub(super) reason: FailureReason,
    /// The API's code, if it gave one.
    pub(super) code: Option<String>,
    pub(super) message: String,
    pub(super) advice: &'static str,
}

impl From<CallError> for Told {
    fn from(error: CallError) -> Self {
        Self {
            reason: error.reason(),
            code: error.code().map(str::to_owned),
            message: in_words(&error),
            advice: error.advice(),
        }
    }
}

/// What one endpoint counts for the key of a source: `TotalCount` of each kind of listing.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// Host of the endpoint.
    pub(super) host: String,
    /// `RootTask=true`. The first question, which tells whether the key may list at all.
    pub(super) main_tasks: Answer<u64>,
    /// `RootTask=false`.
    pub(super) subtasks: Answer<u64>,
    /// `RootTask` not sent.
    pub(super) unsaid: Answer<u64>,
    /// Subtasks by `TaskId` of the newest main tasks on the first page.
    pub(super) newest: Vec<MainTask>,
    /// Main tasks that started within the look-back; only asked of the source's own endpoint.
    pub(super) recent_main_tasks: Answer<u64>,
    /// Subtasks that started within the look-back; only asked of the source's own endpoint.
    pub(super) recent_subtasks: Answer<u64>,
    /// The page size that the API took, and the one that it says it used.
    pub(super) page_size: Option<PageSize>,
}

/// A main task, and how many subtasks it has.
#[derive(Clone, Debug, Default)]
pub(super) struct MainTask {
    /// Its `TaskId`.
    pub(super) id: String,
    pub(super) subtasks: Answer<u64>,
}

/// How large pages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PageSize {
    /// `PageSize` of the request that was answered.
    pub(super) taken: u32,
    /// `PageInfo.PageSize` of the answer, if it had one.
    pub(super) answered: Option<u64>,
}

impl Counts {
    /// Whether it counts any task; `None` if that is not known.
    fn has_tasks(&self) -> Option<bool> {
        let counts = [self.main_tasks.good(), self.subtasks.good(), self.unsaid.good()];
        match counts {
            _ if counts.iter().flatten().any(|count| **count > 0) => Some(true),
            [Some(_), Some(_), _] => Some(false),
            _ => None,
        }
    }

    /// The listing that the counts look like. The poller proves it; this only tells.
    fn listing(&self) -> Option<Listing> {
        let main_tasks = *self.main_tasks.good()?;
        let flat = match &self.subtasks {
            Answer::Good(count) => *count,
            // Refused as such, which says that they need their main task.
            Answer::Failed(told) if told.reason == FailureReason::Config => 0,
            _ => return None,
        };
        let of_newest: Option<Vec<u64>> =
            self.newest.iter().map(|task| task.subtasks.good().copied()).collect();
        match of_newest?.iter().sum::<u64>() {
            0 if flat == 0 && main_tasks > 0 => Some(Listing::Root),
            0 => None,
            children if flat >= children => Some(Listing::Flat),
            _ => Some(Listing::PerRoot),
        }
    }
}

/// All that was learnt of one source.
#[derive(Clone, Debug)]
pub(super) struct SourceReport {
    pub(super) name: String,
    /// Empty if only an endpoint is configured.
    pub(super) region: String,
    /// The type of its credentials.
    pub(super) credentials: &'static str,
    /// Whose they are, as far as the configuration tells.
    pub(super) account: Account,
    pub(super) poller: poller::Config,
    pub(super) key: Option<KeyInUse>,
    pub(super) identity: Answer<Identity>,
    /// The cloud's clock minus ours.
    pub(super) clock_skew_seconds: Option<f64>,
    /// Of the endpoint that it polls.
    pub(super) own: Counts,
    /// Of the other data centre, if its endpoint is one of the two.
    pub(super) other: Option<Counts>,
}

/// Whether a key may list tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permission {
    Granted,
    Refused,
    Unknown,
}

/// A clock that is off by more is worth a word; at 15 minutes requests are refused.
const SKEW_TOLD: f64 = 60.0;

impl SourceReport {
    /// Why it can't be polled, if it can't.
    pub(super) fn failure(&self) -> Option<&Told> {
        let needs_flat = match self.poller.listing {
            Listing::Flat => true,
            // Finds out that subtasks need their main task, if the API says so.
            Listing::Auto => {
                self.own.subtasks.failure().is_some_and(|told| told.reason != FailureReason::Config)
            }
            Listing::PerRoot | Listing::Root => false,
        };
        let flat = self.own.subtasks.failure().filter(|_| needs_flat);
        self.own.main_tasks.failure().or(flat)
    }

    /// Whether the key may list tasks.
    pub(super) fn permission(&self) -> Permission {
        match &self.own.main_tasks {
            Answer::Good(_) => Permission::Granted,
            Answer::Failed(told) if told.reason == FailureReason::Permission => Permission::Refused,
            Answer::Failed(_) | Answer::NotAsked => Permission::Unknown,
        }
    }

    /// The listing that the counts look like.
    pub(super) fn listing_seen(&self) -> Option<Listing> {
        self.own.listing()
    }

    /// Requests a day, if enough is known.
    pub(super) fn requests(&self) -> Option<Reckoned> {
        let listing = match self.poller.listing {
            Listing::Auto => self.listing_seen().unwrap_or(Listing::Auto),
            configured => configured,
        };
        let subtasks = match listing {
            Listing::Flat | Listing::Auto => *self.own.recent_subtasks.good()?,
            Listing::PerRoot | Listing::Root => 0,
        };
        let size = self.own.page_size?;
        let counted = Counted {
            listing,
            main_tasks: *self.own.recent_main_tasks.good()?,
            subtasks,
            page_size: size.answered.unwrap_or(size.taken.into()),
        };
        Some(requests::reckon(&self.poller, &counted))
    }

    /// What a reader has to know of the figures, and what could not be learnt. `all` are the
    /// sources of the configuration, which may see what this one does not.
    pub(super) fn notes(&self, all: &[Self]) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(told) = self.identity.failure() {
            let why = self.unless_told(told);
            notes.push(format!("whose key it is is not known, which is no failure by itself: {why}"));
        }
        if let Some(skew) = self.clock_skew_seconds.filter(|skew| skew.abs() >= SKEW_TOLD) {
            let off = skew.abs();
            notes.push(format!(
                "the clock of this machine is {off} s off; set it, and keep it right with NTP"
            ));
        }
        if self.failure().is_none() {
            self.notes_of_counts(&mut notes);
        }
        self.notes_of_centres(all, &mut notes);
        notes
    }

    /// The message of `told`, if it is not why the source can't be polled anyway.
    fn unless_told<'t>(&self, told: &'t Told) -> &'t str {
        // Another host that can't be reached is not the same failure.
        let is_of_key = matches!(told.reason, FailureReason::Auth | FailureReason::Permission);
        let is_known = |known: &Told| (known.reason, &known.code) == (told.reason, &told.code);
        if is_of_key && self.failure().is_some_and(is_known) { "for the same reason" } else { &told.message }
    }

    fn notes_of_counts(&self, notes: &mut Vec<String>) {
        let Counts { main_tasks, subtasks, unsaid, page_size, .. } = &self.own;
        if let Some(size) = page_size.filter(|size| size.taken < self.poller.page_size) {
            let asked = self.poller.page_size;
            notes.push(format!(
                "pages of {asked} rows are refused; {} rows are asked for instead",
                size.taken
            ));
        }
        if let Some(told) = subtasks.failure() {
            let what = match told.reason {
                FailureReason::Config => "subtasks can't be listed without their main task",
                _ => "how many subtasks there are is not known",
            };
            notes.push(format!("{what}: {}", told.message));
        }
        if let Some(told) = unsaid.failure() {
            let message = &told.message;
            notes.push(format!(
                "what is listed without RootTask is not known, and never asked by a poll: {message}"
            ));
        }
        let newest = self.own.newest.iter();
        if let Some(told) = newest.filter_map(|task| task.subtasks.failure()).next() {
            notes.push(format!("the subtasks of a main task are not known: {}", told.message));
        }
        match (self.poller.listing, self.listing_seen()) {
            (Listing::Auto, None) if main_tasks.good().is_some_and(|count| *count > 0) => notes.push(
                "these counts don't tell how scan tasks are listed; polls find out".to_owned(),
            ),
            (Listing::Auto, _) | (_, None) => {}
            (configured, Some(seen)) if configured != seen => notes.push(format!(
                "listing {configured} is configured, but by these counts it is {seen}; polls may miss tasks; set listing: auto"
            )),
            _ => {}
        }
        if !self.poller.target_types.is_empty() {
            notes.push("these counts are of targets of all types, also those not in target_types".to_owned());
        }
        if self.requests().is_none() {
            notes.push(
                "requests a day can't be reckoned: the tasks of the look-back are not known".to_owned(),
            );
        }
    }

    /// Whether both are known to act for the same account: by their identities, else by their credentials.
    fn is_of_account_of(&self, source: &Self) -> bool {
        match (self.identity.good(), source.identity.good()) {
            (Some(own), Some(other)) => own.account_id == other.account_id,
            _ => self.account == source.account,
        }
    }

    fn notes_of_centres(&self, all: &[Self], notes: &mut Vec<String>) {
        let here = &self.own.host;
        let Some(other) = &self.other else {
            if self.own.has_tasks() == Some(false) {
                notes.push(format!("this account has no task at {here}"));
            }
            notes.push(format!(
                "whether there are tasks in a data centre that is not asked is not known: {here} is neither of the two by \
                 its name"
            ));
            return;
        };
        let there = &other.host;
        if let Some(told) = other.main_tasks.failure().or(other.subtasks.failure()) {
            let why = self.unless_told(told);
            notes.push(format!("whether there are tasks in the other data centre is not known: {why}"));
        }
        let is_seen = all.iter().any(|source| source.own.host == *there && self.is_of_account_of(source));
        match (self.own.has_tasks(), other.has_tasks()) {
            (Some(false), Some(true)) => notes.push(format!(
                "this account has no task here but some in the other data centre, {there}: poll that one instead, by a region such as {}",
                a_region_of(there)
            )),
            (Some(true), Some(true)) if !is_seen => notes.push(format!(
                "this account has tasks in the other data centre too, {there}: another source shows them, with a region such as {}",
                a_region_of(there)
            )),
            (Some(false), Some(false)) => {
                notes.push("this account has no task in either data centre".to_owned());
            }
            _ => {}
        }
    }
}

/// A region that leads to the data centre `host`.
fn a_region_of(host: &str) -> &'static str {
    if host == endpoints::CHINA { "cn-hangzhou" } else { "ap-southeast-1" }
}
