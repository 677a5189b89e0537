//! Sources whose exposition has about a wanted length.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use agentless_exporter::clock::UnixMillis;
use agentless_exporter::exposition::{Format, render};
use agentless_exporter::meters::Meters;
use agentless_exporter::model::{Name, PollKind, SourceStatus, Status, TargetNames, TargetType};
use agentless_exporter::snapshot::{Published, Snapshot, TargetSeries, TargetState, TypeFacts};

/// Longer than a benchmark takes.
const LONG: Duration = Duration::from_secs(10 * 86_400);

/// What sources publish, with used `meters`, so that the exposition has about `size` bytes. The
/// smallest is that of an exporter whose source has published nothing yet.
pub(crate) fn of_size(size: usize, meters: &Meters, now: UnixMillis) -> Vec<Arc<Published>> {
    let of_source = meters.source("prod-cn");
    of_source.poll(PollKind::Full, Duration::from_millis(1234), None);
    let length = |sources: &[Arc<Published>]| render(Format::Text, sources, meters, now).len();
    let with = |targets| vec![Arc::new(source(targets, now))];
    let (none, hundred) = (length(&with(0)), length(&with(100)));
    if size < none {
        return Vec::new();
    }
    with((size - none) * 100 / (hundred - none))
}

fn source(targets: usize, now: UnixMillis) -> Published {
    let status = SourceStatus {
        region: "cn-shanghai".to_owned(),
        endpoint: "tds.cn-shanghai.aliyuncs.com:443".to_owned(),
        interval: Duration::from_secs(120),
        lookback: Duration::from_secs(7 * 86_400),
        stale_after: LONG,
        rate_limit: 2.0,
        last_poll: Some(now),
        last_success: Some(now),
        last_full_success: Some(now),
        ..SourceStatus::unpolled("prod-cn")
    };
    let facts = TypeFacts { tasks: [12, 3456, 78, 9, 0], ..TypeFacts::default() };
    let mut published = Published::unpolled(status);
    published.snapshot = Some(Arc::new(Snapshot {
        as_of: now,
        types: BTreeMap::from([(TargetType::Snapshot, facts), (TargetType::Image, TypeFacts::default())]),
        tasks: 3555,
        targets_unidentified: 0,
        skipped_rows: 0,
        missing_rows: 0,
        running: Vec::new(),
        failing: Vec::new(),
        series: TargetSeries { targets: (0..targets).map(|n| target(n, now)).collect(), dropped: 0 },
    }));
    published
}

/// A failing target; names and times look as random as they do in life.
fn target(number: usize, now: UnixMillis) -> ((TargetType, Name), TargetState) {
    let mut random = fastrand::Rng::with_seed(number as u64);
    let name = |text: &str| Name::of(text).expect("letters");
    let target = name(&format!(
        "{:08x}-{:04x}-4e0e-9c1c-{:012x}",
        random.u32(..),
        random.u16(..),
        random.u64(..1 << 48)
    ));
    let names = TargetNames {
        target: target.clone(),
        instance_id: Some(name(&format!("i-bp1{:016x}", random.u64(..)))),
        instance_name: Some(name(&format!("worker-{number:05}.prod"))),
        target_name: None,
    };
    let ago = |millis| Some(now.minus(Duration::from_millis(millis)));
    let state = TargetState {
        status: if random.bool() { Status::Failed } else { Status::TimedOut },
        last_finished: ago(random.u64(..86_400_000)),
        last_success: ago(random.u64(86_400_000..864_000_000)),
        names: Some(Arc::new(names)),
    };
    ((TargetType::Snapshot, target), state)
}
