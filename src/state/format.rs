//! What stands where in the state file. A change of anything here, or of what is stored, is a new
//! [`FORMAT`].

use std::time::Duration;

use redb::TableDefinition;
use serde::{Deserialize, Serialize};

use crate::clock::UnixMillis;
use crate::ledger::{Standing, Target};
use crate::model::{Listing, Name, TargetNames, TargetType};

/// The format that this version reads and writes.
pub(super) const FORMAT: u64 = 2;

/// What is said of the whole file: the [`FORMAT`] at [`FORMAT_KEY`].
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
pub(super) const FORMAT_KEY: &str = "format";

/// The [`Head`] of each source by its name.
pub(super) const SOURCES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("sources");

/// The tasks of a source by key, each a `Record`; and of those that have not finished the
/// `OpenTask`.
pub(super) type Tasks<'n> = TableDefinition<'n, &'static [u8; 16], &'static [u8]>;

/// The targets of a source by key, each a [`StoredTarget`].
pub(super) type Targets<'n> = TableDefinition<'n, u64, &'static [u8]>;

/// The names of the tables of one source.
#[derive(Clone, Debug)]
pub(super) struct TableNames {
    pub(super) scans: String,
    pub(super) roots: String,
    pub(super) ids: String,
    pub(super) targets: String,
}

impl TableNames {
    pub(super) fn of(source: &str) -> Self {
        let name = |what: &str| format!("{source}/{what}");
        Self { scans: name("scans"), roots: name("roots"), ids: name("ids"), targets: name("targets") }
    }
}

/// Whose state it is. With another endpoint, listing or choice of types the tasks are others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Name of the source.
    pub source: String,
    /// Host of the endpoint.
    pub endpoint: String,
    /// The listing of the configuration.
    pub listing: Listing,
    /// The types of targets of the configuration.
    pub target_types: Vec<TargetType>,
}

impl Identity {
    /// What is not as in `other`, in words of the configuration.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        // Their order means nothing.
        let types = |identity: &Self| {
            let mut types = identity.target_types.clone();
            types.sort();
            types.dedup();
            types
        };
        let differs = [
            (self.endpoint != other.endpoint, "endpoint"),
            (self.listing != other.listing, "listing"),
            (types(self) != types(other), "target_types"),
        ];
        differs.into_iter().filter_map(|(differs, what)| differs.then_some(what)).collect()
    }
}

/// How far the polls of a source had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermarks {
    /// When the last good poll began.
    pub last_poll: UnixMillis,
    /// When the last good full listing ended.
    pub last_full_success: UnixMillis,
    /// How long that took.
    pub full_took: Duration,
    /// The listing in use.
    pub listing: Listing,
}

/// Tells one commit of a source from every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp(u64);

impl Stamp {
    pub(super) fn new() -> Self {
        Self(fastrand::u64(..))
    }
}

/// What is stored of a source beside its tasks and targets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) identity: Identity,
    pub(super) stamp: Stamp,
    pub(super) marks: Watermarks,
    pub(super) standing: Standing,
}

/// A target that has finished tasks, has names, or both.
pub(super) type StoredTarget = (Option<Target>, Option<StoredNames>);

/// The names of a target.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredNames([Option<Box<str>>; 4]);

impl From<&TargetNames> for StoredNames {
    fn from(names: &TargetNames) -> Self {
        let TargetNames { target, instance_id, instance_name, target_name } = names;
        let text = |name: &Name| name.as_str().into();
        let others = [instance_id, instance_name, target_name].map(|name| name.as_ref().map(text));
        let [instance_id, instance_name, target_name] = others;
        Self([Some(text(target)), instance_id, instance_name, target_name])
    }
}

impl StoredNames {
    /// The names, which are made fit to be shown again; `None` if the target has none.
    pub(super) fn names(&self) -> Option<TargetNames> {
        let names = self.0.each_ref().map(|text| text.as_deref().and_then(Name::of));
        let [target, instance_id, instance_name, target_name] = names;
        Some(TargetNames { target: target?, instance_id, instance_name, target_name })
    }
}
