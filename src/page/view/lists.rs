//! Single scans and targets, in words.

use crate::clock::UnixMillis;
use crate::model::TargetNames;
use crate::snapshot::{FailingTarget, RunningScan};

use super::super::when::{ago, span};
use super::words;

/// A time, as such and from now.
#[derive(Debug)]
pub(in crate::page) struct When {
    pub(in crate::page) at: String,
    pub(in crate::page) ago: String,
    pub(in crate::page) span: String,
}

impl When {
    fn of(time: UnixMillis, now: UnixMillis) -> Self {
        Self { at: time.to_string(), ago: ago(time, now), span: span(now.since(time)) }
    }
}

/// Names of a target: the one that tells a person most, and its ids.
#[derive(Debug)]
pub(in crate::page) struct Named<'p> {
    pub(in crate::page) best: &'p str,
    pub(in crate::page) ids: Vec<&'p str>,
}

impl<'p> Named<'p> {
    fn of(names: &'p TargetNames) -> Self {
        let best = names.best().as_str();
        let ids = [names.instance_id.as_ref(), Some(&names.target)].into_iter().flatten();
        let mut ids: Vec<_> = ids.map(|name| name.as_str()).filter(|&id| id != best).collect();
        ids.dedup();
        Self { best, ids }
    }
}

/// A running scan.
#[derive(Debug)]
pub(in crate::page) struct Running<'p> {
    pub(in crate::page) target_type: String,
    pub(in crate::page) name: Option<Named<'p>>,
    pub(in crate::page) percent: Option<u8>,
    pub(in crate::page) start: Option<When>,
}

impl<'p> Running<'p> {
    pub(super) fn of(scan: &'p RunningScan, now: UnixMillis) -> Self {
        Self {
            target_type: words(scan.target_type.as_str()),
            name: scan.target.as_deref().map(Named::of),
            percent: scan.progress.map(|progress| progress.whole_percent()),
            start: scan.start.map(|start| When::of(start, now)),
        }
    }
}

/// A target that fails.
#[derive(Debug)]
pub(in crate::page) struct Failing<'p> {
    pub(in crate::page) target_type: String,
    pub(in crate::page) name: Option<Named<'p>>,
    pub(in crate::page) how: String,
    pub(in crate::page) since: Option<When>,
    pub(in crate::page) ended: Option<When>,
    pub(in crate::page) last_success: Option<When>,
}

impl<'p> Failing<'p> {
    pub(super) fn of(target: &'p FailingTarget, now: UnixMillis) -> Self {
        let when = |time: Option<UnixMillis>| time.map(|time| When::of(time, now));
        Self {
            target_type: words(target.target_type.as_str()),
            name: target.target.as_deref().map(Named::of),
            how: words(target.status.as_str()),
            since: when(target.failing_since),
            ended: when(target.finished_at),
            last_success: when(target.last_success),
        }
    }
}
