//! Answers to scrapes: what is shared, and that all ways to ask give the same exposition.

use std::io::Read as _;
use std::time::Duration;

use flate2::read::GzDecoder;
use proptest::prelude::*;

use super::*;
use crate::meters::table;
use crate::model::{FailureReason, Name, Status, TargetType};
use crate::page::samples::{failed, good, now, waiting};
use crate::snapshot::TargetState;

const ENCODINGS: [Encoding; 2] = [Encoding::Identity, Encoding::Gzip];
const SECOND: Duration = Duration::from_secs(1);

fn whole(format: Format, encoding: Encoding) -> Wanted {
    Wanted { format, encoding, names: None }
}

fn scrapes() -> Scrapes {
    Scrapes::new(Meters::new())
}

/// Where each chunk is in memory: those of one place are one and the same.
fn places(chunks: &Chunks) -> Vec<*const u8> {
    chunks.rest().iter().map(|chunk| chunk.as_ptr()).collect()
}

/// The text of an answer.
fn text(encoding: Encoding, chunks: &Chunks) -> String {
    let bytes = chunks.rest().concat();
    let mut text = String::new();
    match encoding {
        Encoding::Identity => (&bytes[..]).read_to_string(&mut text).unwrap(),
        Encoding::Gzip => GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap(),
    };
    text
}

/// The chunks of the scans and of the counters, and the one made for a scrape.
fn parts(encoding: Encoding, chunks: &Chunks) -> [*const u8; 3] {
    let places = places(chunks);
    let from = usize::from(encoding == Encoding::Gzip);
    [places[from], places[from + 1], places[from + 2]]
}

fn changed(source: &Arc<Published>, change: impl FnOnce(&mut Published)) -> Arc<Published> {
    let mut source = Published::clone(source);
    change(&mut source);
    Arc::new(source)
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_shared_for_a_second() {
    for format in Format::ALL {
        for encoding in ENCODINGS {
            let (scrapes, published) = (scrapes(), [Arc::new(good("a"))]);
            let answer = |now| scrapes.answer(&whole(format, encoding), &published, now);
            let first = answer(now());
            let last = answer(now().plus(SECOND - Duration::from_millis(1)));
            assert_eq!(places(&first), places(&last), "{format:?} {encoding:?}");
            let [scans, counters, facts] = parts(encoding, &first);
            let next = parts(encoding, &answer(now().plus(SECOND)));
            assert_eq!(next[..2], [scans, counters], "rendered and compressed once");
            assert_ne!(next[2], facts);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_part_is_made_anew_only_for_what_it_is_made_of() {
    for encoding in ENCODINGS {
        let (scrapes, mut published) = (scrapes(), [good("a"), good("b")].map(Arc::new));
        let answer = |published: &[Arc<Published>]| {
            let chunks = scrapes.answer(&whole(Format::Text, encoding), published, now());
            (parts(encoding, &chunks), chunks)
        };
        let (first, _kept) = answer(&published);
        published[0] = changed(&published[0], |source| source.status.ledger_tasks += 1);
        let (facts_only, _kept2) = answer(&published);
        assert_eq!((facts_only[0], facts_only[1]), (first[0], first[1]));
        assert_ne!(facts_only[2], first[2]);

        let same_counts = Arc::new(Counters::clone(&published[0].counters));
        published[0] = changed(&published[0], |source| source.counters = same_counts);
        let (recounted, _kept3) = answer(&published);
        assert_eq!((recounted[0], recounted[1]), (first[0], first[1]));

        let newer = Arc::new(Snapshot::clone(published[1].snapshot.as_ref().unwrap()));
        published[1] = changed(&published[1], |source| source.snapshot = Some(newer));
        let (rescanned, _kept4) = answer(&published);
        assert_ne!(rescanned[0], first[0]);
        assert_eq!(rescanned[1], first[1]);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_shared_across_what_is_published() {
    let scrapes = scrapes();
    for encoding in ENCODINGS {
        let mut published = vec![Arc::new(good("a"))];
        for tasks in [5, 6, 7] {
            published[0] = changed(&published[0], |source| source.status.ledger_tasks = tasks);
            let answer = scrapes.answer(&whole(Format::Text, encoding), &published, now());
            let line = format!("agentless_exporter_ledger_tasks{{source=\"a\"}} {tasks}\n");
            assert!(text(encoding, &answer).contains(&line), "{line}");
        }
        published.push(Arc::new(waiting("b")));
        let answer = scrapes.answer(&whole(Format::Text, encoding), &published, now());
        assert!(text(encoding, &answer).contains("agentless_exporter_source_up{source=\"b\"} 0\n"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_is_down_from_the_instant_at_which_it_is_stale() {
    let (scrapes, published) = (scrapes(), [Arc::new(good("a"))]);
    // The snapshot is a minute old, and stale after 15.
    let stale_at = now().plus(Duration::from_secs(14 * 60));
    let millis = |count| Duration::from_millis(count);
    for (at, up) in [
        (stale_at.minus(millis(2)), true),
        (stale_at.minus(millis(1)), true),
        (stale_at, false),
        (stale_at.plus(millis(1)), false),
        // Set back.
        (stale_at.minus(millis(1)), true),
    ] {
        for encoding in ENCODINGS {
            let answer = text(encoding, &scrapes.answer(&whole(Format::Text, encoding), &published, at));
            let line = format!("agentless_exporter_source_up{{source=\"a\"}} {}\n", u8::from(up));
            assert!(answer.contains(&line), "{line}");
            assert_eq!(answer.contains("agentless_scan_tasks{"), up);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_freezes_nothing() {
    let (scrapes, published) = (scrapes(), [Arc::new(good("a"))]);
    let meter = |now| {
        let answer = scrapes.answer(&whole(Format::Text, Encoding::Identity), &published, now);
        text(Encoding::Identity, &answer).contains("path=\"/\",code=\"200\"} 1\n")
    };
    assert!(!meter(now()));
    scrapes.meters.http_request("/", 200);
    assert!(!meter(now()), "it is shared");
    assert!(meter(now().minus(Duration::from_secs(86_400))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_scrapes_at_once_are_one_answer() {
    for encoding in ENCODINGS {
        let (scrapes, published) = (Arc::new(scrapes()), [Arc::new(good("a"))]);
        let start = Arc::new(tokio::sync::Barrier::new(100));
        let ask = |_| {
            let (scrapes, published, start) = (Arc::clone(&scrapes), published.clone(), Arc::clone(&start));
            tokio::spawn(async move {
                start.wait().await;
                scrapes.answer(&whole(Format::OpenMetrics, encoding), &published, now())
            })
        };
        let asked: Vec<_> = (0..100).map(ask).collect();
        let mut answers = Vec::new();
        for answer in asked {
            answers.push(answer.await.unwrap());
        }
        let first = places(&answers[0]);
        assert!(answers.iter().all(|answer| places(answer) == first));
    }
}

#[tokio::test]
async fn a_scrape_that_takes_long_to_make_holds_up_nothing_else() {
    let (scrapes, published) = (Arc::new(scrapes()), vec![Arc::new(good("a"))]);
    let (go_on, waiting) = std::sync::mpsc::channel();
    let (held, is_held) = tokio::sync::oneshot::channel();
    let making = Arc::clone(&scrapes);
    let maker = std::thread::spawn(move || {
        let _made_meanwhile = making.text.kept.lock().unwrap();
        held.send(()).unwrap();
        waiting.recv_timeout(Duration::from_secs(10)).is_ok()
    });
    is_held.await.unwrap();
    let mut asked: Vec<_> = (0..3)
        .map(|_| {
            let (scrapes, published) = (Arc::clone(&scrapes), published.clone());
            let look = move || (published.clone(), now());
            Box::pin(async move { scrapes.answered(whole(Format::Text, Encoding::Gzip), look).await })
        })
        .collect();
    for scrape in &mut asked {
        assert!(futures_util::poll!(scrape).is_pending());
    }
    go_on.send(()).unwrap();
    assert!(maker.join().unwrap(), "this thread was free meanwhile");
    let answers = futures_util::future::join_all(asked).await;
    assert!(answers.iter().all(|answer| places(answer) == places(&answers[0])), "it is made once");
}

#[tokio::test]
async fn a_scrape_that_waited_tells_what_was_published_meanwhile() {
    let scrapes = Arc::new(scrapes());
    let published = Mutex::new(good("a"));
    let look = || (vec![Arc::new(published.lock().unwrap().clone())], now());
    for encoding in ENCODINGS {
        let turn = Arc::clone(&scrapes.text.turn).lock_owned().await;
        let mut asked = Box::pin(scrapes.answered(whole(Format::Text, encoding), &look));
        assert!(futures_util::poll!(&mut asked).is_pending());
        *published.lock().unwrap() = good("newer");
        drop(turn);
        assert!(text(encoding, &asked.await).contains("agentless_exporter_source_up{source=\"newer\"} 1\n"));
        *published.lock().unwrap() = good("a");
    }
}

#[tokio::test(start_paused = true)]
async fn a_filtered_answer_is_made_of_the_shared_bytes() {
    let (scrapes, published) = (scrapes(), [Arc::new(good("a"))]);
    let all = scrapes.answer(&whole(Format::Text, Encoding::Identity), &published, now());
    // The first two are neighbours, and one slice.
    let names = ["agentless_scan_tasks", "agentless_scan_tasks_by_progress", "agentless_exporter_source_up"];
    let names = Names::new(names.map(str::to_owned));
    let wanted = Wanted { names: Some(names), ..whole(Format::Text, Encoding::Identity) };
    let some = scrapes.answer(&wanted, &published, now());
    assert_eq!(some.rest().len(), 2);
    for slice in some.rest() {
        let is_within = |chunk: &Bytes| chunk.as_ptr_range().contains(&slice.as_ptr());
        assert!(all.rest().iter().any(is_within), "{slice:?} was copied");
    }
}

#[tokio::test]
async fn a_crowd_that_wants_the_same_families_compressed_holds_up_nobody_and_is_packed_once() {
    let (scrapes, published) = (Arc::new(scrapes()), vec![Arc::new(good("a"))]);
    let look = || (published.clone(), now());
    let some = |name: &str| {
        let names = Some(Names::new([name.to_owned()]));
        scrapes.answered(Wanted { names, ..whole(Format::Text, Encoding::Gzip) }, look)
    };
    let first = some("agentless_scan_tasks").await;
    let packing = Arc::clone(&scrapes.text.packed).lock_owned().await;
    let mut waiting = Box::pin(some("agentless_scan_tasks"));
    assert!(futures_util::poll!(&mut waiting).is_pending());
    scrapes.answered(whole(Format::Text, Encoding::Gzip), look).await;
    drop(packing);
    assert_eq!(places(&waiting.await), places(&first));
    for name in ["a", "b", "c", "d", "e", "agentless_scan_tasks", "agentless_exporter_source_up"] {
        some(name).await;
    }
    assert!(scrapes.text.packed.lock().await.len() <= MOST_PACKED);
    assert_ne!(places(&some("agentless_exporter_source_up").await), places(&first));
}

/// A source in any state.
fn source() -> impl Strategy<Value = Published> {
    let state = prop_oneof![Just(0), Just(1), Just(2), Just(3)];
    ("[abc]", state, prop::collection::btree_map("[a-z\"\\\\\n]{1,9}", 0..3_usize, 0..5)).prop_map(
        |(name, state, targets)| match state {
            0 => waiting(&name),
            1 => failed(&name, FailureReason::Auth),
            _ => {
                let mut source = good(&name);
                if state == 3 {
                    source.status.stale_after = SECOND;
                }
                let snapshot = Arc::make_mut(source.snapshot.as_mut().unwrap());
                snapshot.series.targets = targets.into_iter().filter_map(target).collect();
                source
            }
        },
    )
}

fn target((name, status): (String, usize)) -> Option<((TargetType, Name), TargetState)> {
    let state = TargetState {
        status: Status::ALL[status],
        last_finished: None,
        last_success: Some(now()),
        names: None,
    };
    Some(((TargetType::Snapshot, Name::of(&name)?), state))
}

/// Names in every form, and some that are none.
fn some_names() -> impl Strategy<Value = Option<Vec<String>>> {
    let known = (0..table::ALL.len(), 0..5_usize).prop_map(|(at, form)| (&table::ALL[at], form));
    let known = known.prop_map(|(metric, form)| match form {
        0 => metric.name.trim_end_matches("_total").to_owned(),
        1 => format!("{}_bucket", metric.name),
        _ => metric.name.to_owned(),
    });
    let name = prop_oneof![4 => known, 1 => Just("process_open_fds".to_owned()), 1 => "[a-z_]{0,9}"];
    prop::option::of(prop::collection::vec(name, 0..6))
}

/// The families of a whole exposition that go by the names, read from its lines.
fn filtered(exposition: &str, names: Option<&[String]>) -> String {
    let Some(names) = names else { return exposition.to_owned() };
    let mut kept = false;
    let keep = |line: &&str| {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let family = rest.split(' ').next().unwrap();
            let of_family = |name: &String| {
                let metric = table::find(family).or_else(|| table::find(&format!("{family}_total")));
                let endings: &[&str] = match metric.map(|metric| metric.kind.as_str()) {
                    Some("histogram") => &["_bucket", "_sum", "_count"],
                    _ => &[],
                };
                let plain = |name: &str| name.strip_suffix("_total").unwrap_or(name).to_owned();
                let is_gauge = metric.is_none_or(|metric| metric.kind.as_str() == "gauge");
                name == family
                    || (!is_gauge && endings.is_empty() && plain(name) == plain(family))
                    || endings.iter().any(|ending| name.strip_suffix(ending) == Some(family))
            };
            kept = names.iter().any(of_family);
        }
        kept || *line == "# EOF\n"
    };
    exposition.split_inclusive('\n').filter(keep).collect()
}

/// Without the lines of the process, which differ from one instant to the next.
fn lasting(text: &str) -> String {
    text.split_inclusive('\n').filter(|line| !line.starts_with("process_")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn all_ways_to_ask_give_the_same_exposition(
        states in prop::collection::vec(prop::collection::vec(source(), 0..4), 1..4),
        names in some_names(),
        step in 0..1500_u64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _entered = runtime.enter();
        let scrapes = Arc::new(scrapes());
        let mut at = now();
        for state in &states {
            let published: Vec<_> = state.iter().cloned().map(Arc::new).collect();
            for format in Format::ALL {
                let rendered = exposition::render(format, &published, &scrapes.meters, at);
                let rendered = filtered(std::str::from_utf8(&rendered).unwrap(), names.as_deref());
                let [identity, gzip] = ENCODINGS.map(|encoding| {
                    let names = names.clone().map(Names::new);
                    let wanted = Wanted { names, ..whole(format, encoding) };
                    text(encoding, &runtime.block_on(scrapes.answered(wanted, || (published.clone(), at))))
                });
                prop_assert_eq!(&identity, &gzip);
                prop_assert_eq!(lasting(&identity), lasting(&rendered));
            }
            at = at.plus(Duration::from_millis(step));
        }
    }
}
