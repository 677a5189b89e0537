//! Random histories of a fleet against a model that is too simple to be wrong: after every poll
//! the gauges and the counters are those of the model. `make soak` draws other histories each time.

mod compare;
mod fleet;
mod hidden;
mod history;
mod model;
mod restored;
mod series;
mod target_model;
mod world;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestCaseResult, TestError, TestRunner};

use crate::env::Env;
use crate::model::Listing;

use history::{History, history};
use world::World;

#[test]
fn what_is_published_of_a_flat_listing_is_what_the_model_says() {
    run(Listing::Flat, 600);
}

#[test]
fn what_is_published_of_listings_per_main_task_is_what_the_model_says() {
    run(Listing::PerRoot, 600);
}

#[test]
fn what_is_published_of_main_tasks_alone_is_what_the_model_says() {
    run(Listing::Root, 800);
}

/// Draws `cases` histories, or as many as the environment says and others at each run.
fn run(listing: Listing, cases: u32) {
    let drawn = ProptestConfig {
        cases: soak().unwrap_or(cases),
        max_shrink_iters: 20_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let seed = if soak().is_some() { RngSeed::Random } else { RngSeed::Fixed(20) };
    let mut runner = TestRunner::new(ProptestConfig { rng_seed: seed, ..drawn });
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let outcome = runner.run(&history(), |history| runtime.block_on(live(listing, &history)));
    match outcome {
        Err(TestError::Fail(reason, history)) => panic!("{listing}: {reason}\n{}", told(&history)),
        Err(aborted) => panic!("{aborted}"),
        Ok(()) => {}
    }
}

/// The history, a line for each thing that happened.
fn told(history: &History) -> String {
    let mut text = format!("{:?}\n", history.choice);
    history.old.iter().for_each(|old| text += &format!("there is {old:?}\n"));
    for step in &history.steps {
        text += &format!("{} minutes pass\n", step.minutes);
        step.events.iter().for_each(|event| text += &format!("    {event:?}\n"));
    }
    text
}

/// How many histories the environment asks for of this listing, a third of all.
fn soak() -> Option<u32> {
    let cases: u32 = Env::process().get("SOAK_CASES")?.parse().ok()?;
    Some(cases.div_ceil(3))
}

async fn live(listing: Listing, history: &History) -> TestCaseResult {
    let mut world = World::new(listing, history);
    world.poll().await?;
    for step in &history.steps {
        world.step(step).await?;
    }
    Ok(())
}
