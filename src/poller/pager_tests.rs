use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;

use super::fake::{Answer, Cloud, FakeTask, Params, body, identity, main_task};
use super::pager::{Listed, PageSize, Pager, Tally};
use super::publish::Publisher;
use super::{Config, PollError};
use crate::clock::{Clock, UnixMillis};
use crate::ledger::{Record, TaskKey};
use crate::meters::Meters;
use crate::model::FailureReason;
use crate::sas::Query;

fn tasks(count: i64) -> Vec<FakeTask> {
    (0..count).map(|n| main_task(&format!("t{n}"), n)).collect()
}

fn page_of(params: &Params) -> usize {
    params["CurrentPage"].parse().unwrap()
}

async fn read(cloud: &Cloud, page_size: u32) -> Result<Listed<Record>, PollError> {
    let (clock, _hand) = Clock::manual(UnixMillis::new(super::fake::NOW).unwrap());
    let api = cloud.api(&clock, Meters::new().source("fake"));
    let publisher = Publisher::new(identity(), &Config::default(), 1.0);
    let page_size = PageSize::new(page_size);
    let pager = Pager {
        api: &api,
        page_size: &page_size,
        concurrency: 3,
        stall_timeout: Duration::from_secs(120),
        publisher: &publisher,
        shows_progress: true,
        places: Semaphore::new(3),
        tally: Tally::default(),
    };
    let listed = pager.read_all(&Query::main_tasks()).await?;
    pager.check_usable(listed.lost)?;
    Ok(listed)
}

#[tokio::test(start_paused = true)]
async fn every_page_is_read_once() {
    let cloud = Cloud::with(tasks(137));
    let listed = read(&cloud, 50).await.unwrap();
    assert_eq!((listed.rows.len(), listed.lost.missing), (137, 0));
    assert_eq!(cloud.asked.lock().unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_empty_listing_is_complete() {
    let listed = read(&Cloud::with([]), 50).await.unwrap();
    assert_eq!((listed.rows.len(), listed.lost.missing), (0, 0));
}

/// A server that gives no more than 20 rows a page, and tells it or not.
fn clamped(told: bool) -> Cloud {
    let cloud = Cloud::with(tasks(137));
    let inner = cloud.clone();
    Cloud::scripted([], move |params, _| {
        let mut params = params.clone();
        params.insert("PageSize".to_owned(), "20".to_owned());
        let mut answer = inner.page(&params);
        if !told {
            answer["PageInfo"]["PageSize"] = json!(50);
        }
        Answer::Body(answer)
    })
}

#[tokio::test(start_paused = true)]
async fn a_clamped_page_size_loses_no_row() {
    for told in [true, false] {
        let cloud = clamped(told);
        let listed = read(&cloud, 50).await.unwrap();
        assert_eq!((listed.rows.len(), listed.lost.missing), (137, 0), "told: {told}");
        assert_eq!(cloud.asked.lock().unwrap().len(), 7, "told: {told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_page_size_is_halved_until_it_is_taken() {
    let cloud = Cloud::scripted(tasks(30), |params, _| {
        let size: u32 = params["PageSize"].parse().unwrap();
        if size > 20 { Answer::Refused(400, "InvalidPageSize") } else { Answer::Good }
    });
    let listed = read(&cloud, 50).await.unwrap();
    assert_eq!(listed.rows.len(), 30);
    assert_eq!((cloud.asked_with("PageSize", "50"), cloud.asked_with("PageSize", "12")), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn a_parameter_refused_at_any_page_size_is_an_error() {
    let cloud = Cloud::scripted([], |_, _| Answer::Refused(400, "InvalidParameter"));
    let error = read(&cloud, 50).await.unwrap_err();
    assert_eq!(error.reason(), FailureReason::Config);
    assert_eq!(cloud.asked.lock().unwrap().len(), 3);
}

/// A server whose page `page` repeats a row of the page before in place of its first own row,
/// in the reads that `shifts` says.
fn shifting(shifts: fn(usize) -> bool) -> Cloud {
    let good = Cloud::with(tasks(60));
    let reads = AtomicUsize::new(0);
    Cloud::scripted([], move |params, _| {
        let mut answer = good.page(params);
        if page_of(params) == 1 {
            reads.fetch_add(1, Ordering::Relaxed);
        } else if page_of(params) == 2 && shifts(reads.load(Ordering::Relaxed)) {
            answer["List"][0]["TaskId"] = json!("t0");
        }
        Answer::Body(answer)
    })
}

#[tokio::test(start_paused = true)]
async fn a_row_that_shifted_away_turns_up_in_the_next_read() {
    let listed = read(&shifting(|read| read == 1), 20).await.unwrap();
    assert_eq!((listed.rows.len(), listed.lost.missing), (60, 0));
}

#[tokio::test(start_paused = true)]
async fn a_row_that_never_shows_is_missing_and_told() {
    let cloud = shifting(|_| true);
    let listed = read(&cloud, 20).await.unwrap();
    assert_eq!((listed.rows.len(), listed.lost.missing), (59, 1));
    assert_eq!(cloud.asked_with("CurrentPage", "1"), 2);
}

#[tokio::test(start_paused = true)]
async fn rows_that_shift_in_every_read_come_together_over_the_reads() {
    let good = Cloud::with(tasks(60));
    let cloud = Cloud::scripted([], move |params, number| {
        let mut answer = good.page(params);
        // Each read loses another row of page 2.
        if page_of(params) == 2 {
            answer["List"][number / 3]["TaskId"] = json!("t0");
        }
        Answer::Body(answer)
    });
    let listed = read(&cloud, 20).await.unwrap();
    assert_eq!((listed.rows.len(), listed.lost.missing), (60, 0));
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_never_comes_together_is_incomplete() {
    // Each read shows one task that no other read shows.
    let cloud = Cloud::scripted([], |params, number| {
        let row = json!({"TaskId": format!("t{number}"), "Status": 2});
        let rows = if page_of(params) == 1 { vec![row] } else { Vec::new() };
        Answer::Body(body(rows, 10, 100))
    });
    let error = read(&cloud, 100).await.unwrap_err();
    assert_eq!(error.reason(), FailureReason::Incomplete);
    assert_eq!(cloud.asked_with("CurrentPage", "1"), 8);
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_grows_while_it_is_read_is_read_to_its_new_end() {
    let cloud = Cloud::with(tasks(40));
    let growing = cloud.clone();
    let cloud = Cloud::scripted([], move |params, number| {
        let answer = growing.page(params);
        if number == 0 {
            let late = (40..50).map(|n| main_task(&format!("t{n}"), n));
            growing.tasks.lock().unwrap().extend(late);
        }
        Answer::Body(answer)
    });
    let listed = read(&cloud, 20).await.unwrap();
    assert_eq!(listed.rows.len(), 50);
}

#[tokio::test(start_paused = true)]
async fn few_unusable_rows_are_left_out_and_counted() {
    let mut rows: Vec<_> = (0..199).map(|n| json!({"TaskId": format!("t{n}"), "Status": 2})).collect();
    rows.push(json!({"Status": 2}));
    let cloud = Cloud::scripted([], move |_, _| Answer::Body(body(rows.clone(), 200, 200)));
    let listed = read(&cloud, 200).await.unwrap();
    assert_eq!((listed.rows.len(), listed.lost.skipped, listed.lost.missing), (199, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn more_than_one_unusable_row_in_a_hundred_is_malformed() {
    let rows = vec![json!({"TaskId": "t"}), json!({"TaskId": null})];
    let cloud = Cloud::scripted([], move |_, _| Answer::Body(body(rows.clone(), 2, 20)));
    let error = read(&cloud, 20).await.unwrap_err();
    assert_eq!(error.reason(), FailureReason::Malformed);
}

#[tokio::test(start_paused = true)]
async fn a_count_without_end_is_not_followed() {
    let cloud =
        Cloud::scripted([], |_, _| Answer::Body(body(vec![json!({"TaskId": "t"})], 1_000_000_000_000, 1)));
    let error = read(&cloud, 1).await.unwrap_err();
    assert_eq!(error.reason(), FailureReason::Incomplete);
    assert_eq!(cloud.asked.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_page_that_fails_fails_the_listing() {
    let cloud = Cloud::scripted(tasks(60), |params, _| {
        if page_of(params) == 3 { Answer::Refused(403, "NoPermission") } else { Answer::Good }
    });
    let error = read(&cloud, 20).await.unwrap_err();
    assert_eq!(error.reason(), FailureReason::Permission);
}

#[tokio::test(start_paused = true)]
async fn pages_that_count_less_hide_no_row() {
    let good = Cloud::with(tasks(500));
    let cloud = Cloud::scripted([], move |params, _| {
        let mut answer = good.page(params);
        if page_of(params) > 1 {
            answer["PageInfo"]["TotalCount"] = json!(0);
        }
        Answer::Body(answer)
    });
    let listed = read(&cloud, 50).await.unwrap();
    assert_eq!((listed.rows.len(), listed.lost.missing), (500, 0));
}

#[tokio::test(start_paused = true)]
async fn one_empty_page_of_a_half_dead_server_is_read_again() {
    let good = Cloud::with(tasks(1000));
    let glitches = AtomicUsize::new(0);
    let cloud = Cloud::scripted([], move |params, _| {
        if page_of(params) == 20 && glitches.fetch_add(1, Ordering::Relaxed) == 0 {
            return Answer::Body(body(Vec::new(), 0, 50));
        }
        Answer::Body(good.page(params))
    });
    let listed = read(&cloud, 50).await.unwrap();
    assert_eq!((listed.rows.len(), listed.lost.missing), (1000, 0));
}

#[tokio::test(start_paused = true)]
async fn a_count_below_the_rows_that_came_ends_no_listing() {
    let good = Cloud::with(tasks(100));
    let cloud = Cloud::scripted([], move |params, _| {
        let mut answer = good.page(params);
        answer["PageInfo"]["TotalCount"] = json!(10);
        Answer::Body(answer)
    });
    let listed = read(&cloud, 50).await.unwrap();
    assert_eq!((listed.rows.len(), listed.lost.missing), (100, 0));
}

#[tokio::test(start_paused = true)]
async fn a_count_that_lags_behind_costs_no_second_read() {
    let good = Cloud::with(tasks(10));
    let cloud = Cloud::scripted([], move |params, _| {
        let mut answer = good.page(params);
        answer["PageInfo"]["TotalCount"] = json!(9);
        Answer::Body(answer)
    });
    assert_eq!(read(&cloud, 50).await.unwrap().rows.len(), 10);
    assert_eq!(cloud.asked.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_busy_account_is_read_though_a_task_starts_in_every_read() {
    for every in [3, 5, 10, 15, 20] {
        let cloud = Cloud::with(tasks(1000));
        let growing = cloud.clone();
        let cloud = Cloud::scripted([], move |params, number| {
            if number % every == every - 1 {
                growing.tasks.lock().unwrap().push(main_task(&format!("new{number}"), 0));
            }
            Answer::Body(growing.page(params))
        });
        let listed = read(&cloud, 50).await.unwrap();
        let old = (0..1000).filter(|n| listed.rows.contains_key(&TaskKey::of(&format!("t{n}")))).count();
        assert_eq!((old, listed.lost.missing), (1000, 0), "a task every {every} requests");
        assert!(cloud.asked.lock().unwrap().len() <= 66, "a task every {every} requests");
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_page_cut_short_does_not_multiply_the_requests() {
    for shown in [1, 5, 25, 49] {
        let good = Cloud::with(tasks(2000));
        let cloud = Cloud::scripted([], move |params, _| {
            let mut answer = good.page(params);
            if page_of(params) == 1 {
                answer["List"].as_array_mut().unwrap().truncate(shown);
            }
            Answer::Body(answer)
        });
        let listed = read(&cloud, 50).await.unwrap();
        assert_eq!((listed.rows.len(), listed.lost.missing), (1950 + shown, 50 - shown as u64));
        // Two reads of 40 pages, and the first beyond the end with those asked for beside it.
        assert!(cloud.asked.lock().unwrap().len() <= 2 * 44, "page 1 shows {shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn rows_that_are_counted_and_never_shown_at_all_are_no_empty_listing() {
    let cloud = Cloud::scripted([], |_, _| Answer::Body(body(Vec::new(), 30, 50)));
    assert_eq!(read(&cloud, 50).await.unwrap_err().reason(), FailureReason::Incomplete);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_went_does_not_stand_in_for_one_that_is_never_shown() {
    // There are a, b, c and X, which is never shown; a goes after the first read.
    let cloud = Cloud::scripted([], |_, number| {
        let rows = |ids: &[&str]| ids.iter().map(|id| json!({"TaskId": id, "Status": 2})).collect();
        Answer::Body(if number == 0 {
            body(rows(&["a", "b", "c"]), 4, 50)
        } else {
            body(rows(&["b", "c"]), 3, 50)
        })
    });
    let listed = read(&cloud, 50).await.unwrap();
    assert_eq!((listed.rows.len(), listed.lost.missing), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_page_size_refused_in_the_middle_does_not_tear_other_listings_apart() {
    let cloud = Cloud::scripted(tasks(60), |params, number| {
        let is_refused = params["PageSize"] == "20" && page_of(params) == 1 && number > 0;
        if is_refused { Answer::Refused(400, "InvalidPageSize") } else { Answer::Good }
    });
    let (first, second) = tokio::join!(read(&cloud, 20), read(&cloud, 20));
    assert_eq!((first.unwrap().rows.len(), second.unwrap().rows.len()), (60, 60));
}

#[tokio::test(start_paused = true)]
async fn a_shortfall_that_changes_is_not_the_truth_of_the_server() {
    let reads = AtomicUsize::new(0);
    let cloud = Cloud::scripted([], move |params, _| {
        if page_of(params) == 1 {
            reads.fetch_add(1, Ordering::Relaxed);
        }
        let total = if reads.load(Ordering::Relaxed) == 1 { 5 } else { 3 };
        let rows = if page_of(params) == 1 { vec![json!({"TaskId": "a", "Status": 2})] } else { Vec::new() };
        Answer::Body(body(rows, total, 50))
    });
    let listed = read(&cloud, 50).await.unwrap();
    assert_eq!((listed.rows.len(), listed.lost.missing), (1, 2));
    assert_eq!(cloud.asked_with("CurrentPage", "1"), 3);
}
