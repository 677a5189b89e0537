//! One page of `ListAgentlessTask`, asked for and understood.

use crate::meters::SourceMeters;
use crate::model::Task;
use crate::rpc::{CallError, Client, Request};

use super::decode::{UnknownValues, decode_page};
use super::query::Query;

/// A page size that the server refuses is halved, down to this.
pub const LEAST_PAGE_SIZE: u32 = 10;

/// The API as one source sees it.
#[derive(Debug)]
pub struct Api {
    client: Client,
    meters: SourceMeters,
}

/// One page, of whose tasks the caller kept an `R` each.
#[derive(Debug)]
pub struct Page<R> {
    /// What was kept of each task, in the page's order.
    pub rows: Vec<R>,
    /// Rows without a usable `TaskId`.
    pub skipped: u64,
    /// Rows of the whole listing, as this page says.
    pub total: u64,
    /// The page size that the server used.
    pub page_size: Option<u64>,
    /// Values that were not understood. They are counted already.
    pub unknown: UnknownValues,
}

impl Api {
    /// The API behind `client`. Its requests are shown at 0 from now on.
    pub fn new(client: Client, meters: SourceMeters) -> Self {
        meters.api_action(super::LIST_AGENTLESS_TASK);
        Self { client, meters }
    }

    /// The way to the endpoint, for what it has learnt about it.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Asks for page `page` (from 1) of what `query` asks for. `keep` makes of each task what
    /// the caller needs, while the task still borrows from the body.
    ///
    /// # Errors
    /// See [`Client::call`]; an answer that is no page is an error, never an empty page.
    pub async fn list<R>(
        &self,
        query: &Query,
        page: u32,
        page_size: u32,
        keep: impl Fn(&Task<'_>) -> R,
    ) -> Result<Page<R>, CallError> {
        let request = Request {
            action: super::LIST_AGENTLESS_TASK,
            version: super::VERSION,
            params: query.parameters(page, page_size),
        };
        let read = |body: &[u8]| {
            let decoded = decode_page(body)?;
            let mut unknown = UnknownValues::default();
            let rows: Vec<R> = decoded.tasks(&mut unknown).flatten().map(|task| keep(&task)).collect();
            let skipped = (decoded.row_count() - rows.len()) as u64;
            Ok(Page { rows, skipped, total: decoded.total, page_size: decoded.page_size, unknown })
        };
        let page = self.client.call(&request, read).await?;
        for (field, count) in page.unknown.iter() {
            self.meters.unknown_values(field, count);
        }
        Ok(page)
    }
}

/// Whether the server may mean the page size. No code for that is documented, and a smaller
/// page does no harm if it meant something else.
pub fn refuses_page_size(error: &CallError) -> bool {
    let names_it = |code: &str| code.contains("PageSize") || code.starts_with("InvalidParameter");
    error.code().is_some_and(names_it)
}
