//! `ListAgentlessTask`: from an admitted request to a page of rows.

use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::config::Listing;
use super::faults::{Fault, Faults, Lots};
use super::query::Query;
use super::row::Row;
use super::select::Selections;
use super::show::row;
use super::world::World;

/// The action of Security Center that is served.
pub(super) const ACTION: &str = "ListAgentlessTask";

/// The version of the API.
pub(super) const VERSION: &str = "2018-12-03";

/// How the pages of one account are made.
#[derive(Debug)]
pub(super) struct Pages {
    /// How subtasks are listed.
    pub(super) listing: Listing,
    /// What is wrong with rows.
    pub(super) faults: Faults,
    selections: Mutex<Selections>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    request_id: &'a str,
    page_info: PageInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<Vec<Row<'a>>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PageInfo {
    current_page: u64,
    page_size: u64,
    total_count: u64,
}

impl Pages {
    /// Pages of the one account.
    pub(super) fn new(listing: Listing, faults: Faults) -> Self {
        Self { listing, faults, selections: Mutex::default() }
    }

    /// The body of the answer to `query`, by the world as it is at `now`.
    pub(super) fn answer(
        &self,
        world: &World,
        query: Query,
        now: u64,
        lots: &Lots,
        request_id: &str,
    ) -> Vec<u8> {
        let Query { filter, page, page_size, chinese } = query;
        let filter = if lots.strikes(Fault::IgnoreFilter) { filter.ignored() } else { filter };
        let selection = self.selections.lock().unwrap_or_else(PoisonError::into_inner).get(
            world,
            self.listing,
            &filter,
            now,
        );
        let total = selection.len() as u64;
        let from = usize::try_from(first_row(page, page_size, lots)).unwrap_or(usize::MAX);
        let numbers = selection.page(from, usize::try_from(page_size).unwrap_or(usize::MAX));
        let log = selection.log(world);
        let rows = numbers.into_iter().filter_map(|number| {
            log.get(number).map(|task| row(world, task, number, now, &self.faults, chinese))
        });
        let answer = Answer {
            request_id,
            page_info: PageInfo { current_page: page, page_size, total_count: total },
            list: (!lots.strikes(Fault::NoList)).then(|| rows.collect()),
        };
        serde_json::to_vec(&answer).expect("rows serialise")
    }
}

/// The position of the first row of a page. With drift the page is cut one or two rows too early,
/// as if rows had come in since its predecessor was read, or too late, as if some had gone.
fn first_row(page: u64, page_size: u64, lots: &Lots) -> u64 {
    let first = (page - 1).saturating_mul(page_size);
    if !lots.strikes(Fault::Drift) {
        return first;
    }
    let mut dice = lots.details(Fault::Drift);
    let by = dice.between(1, 2);
    if dice.chance(0.5) { first.saturating_add(by) } else { first.saturating_sub(by) }
}
