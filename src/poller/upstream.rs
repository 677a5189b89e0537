//! What every reading of a source needs: the API, how it is read, and who is told of progress.

use tokio::sync::Semaphore;

use crate::clock::{Clock, UnixMillis};
use crate::model::Listing;
use crate::sas::Api;

use super::Config;
use super::full::FullReader;
use super::pager::{PageSize, Pager, Tally};
use super::publish::Publisher;

/// One source's way to the cloud. Shared by the listings that are read at a time.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) config: Config,
    pub(super) api: Api,
    pub(super) clock: Clock,
    pub(super) publisher: Publisher,
    pub(super) page_size: PageSize,
}

impl Upstream {
    /// A reader of a full listing. `beside` others it has half of the places, at least one, so that
    /// those get their share of the rate.
    pub(super) fn full_reader(
        &self,
        way_in_use: Listing,
        with_history: bool,
        beside: bool,
    ) -> FullReader<'_> {
        let places = self.config.concurrency;
        let places = if beside { (places / 2).max(1) } else { places };
        self.reader(places, true, way_in_use, with_history)
    }

    /// A reader of the listings of a delta poll, for what its listings have in common with those
    /// of a full one.
    pub(super) fn delta_reader(&self, way_in_use: Listing) -> FullReader<'_> {
        self.reader(self.config.concurrency, false, way_in_use, false)
    }

    fn reader(
        &self,
        places: usize,
        shows_progress: bool,
        way_in_use: Listing,
        with_history: bool,
    ) -> FullReader<'_> {
        let pager = Pager {
            api: &self.api,
            page_size: &self.page_size,
            concurrency: places,
            stall_timeout: self.config.stall_timeout,
            publisher: &self.publisher,
            shows_progress,
            places: Semaphore::new(places),
            tally: Tally::new(self.config.targets),
        };
        FullReader { pager, config: &self.config, now: self.now(), with_history, way_in_use }
    }

    fn now(&self) -> UnixMillis {
        self.clock.now()
    }
}
