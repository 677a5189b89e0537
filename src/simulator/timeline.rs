//! The time of the world: that of the clock, unless it is frozen.

use std::time::Duration;

use crate::clock::{Clock, UnixMillis};

/// Tells the time of the world, stops it and moves it.
#[derive(Debug)]
pub(super) struct Timeline {
    clock: Clock,
    flow: Flow,
}

#[derive(Clone, Copy, Debug)]
enum Flow {
    /// Goes with the clock, so many milliseconds ahead of it; behind it if negative.
    Live { ahead: i64 },
    /// Stands.
    Frozen { at: u64 },
}

impl Timeline {
    /// The time of `clock`, standing if `frozen`.
    pub(super) fn new(clock: Clock, frozen: bool) -> Self {
        let at = clock.now().as_millis();
        Self { clock, flow: if frozen { Flow::Frozen { at } } else { Flow::Live { ahead: 0 } } }
    }

    /// The time of day, which also stands on answers and is compared with that of requests.
    pub(super) fn clock(&self) -> UnixMillis {
        self.clock.now()
    }

    /// The time of the world, in milliseconds since the epoch.
    pub(super) fn now(&self) -> u64 {
        match self.flow {
            Flow::Live { ahead } => self.clock.now().as_millis().saturating_add_signed(ahead),
            Flow::Frozen { at } => at,
        }
    }

    /// Whether the time of the world stands.
    pub(super) const fn is_frozen(&self) -> bool {
        matches!(self.flow, Flow::Frozen { .. })
    }

    /// Stops the time of the world.
    pub(super) fn freeze(&mut self) {
        self.flow = Flow::Frozen { at: self.now() };
    }

    /// Lets it go on from where it stands.
    pub(super) fn thaw(&mut self) {
        let ahead = self.now().cast_signed() - self.clock.now().as_millis().cast_signed();
        self.flow = Flow::Live { ahead };
    }

    /// Moves the time of a frozen world on; `false` if it is not frozen.
    pub(super) fn step(&mut self, by: Duration) -> bool {
        match &mut self.flow {
            Flow::Live { .. } => false,
            Flow::Frozen { at } => {
                *at = at.saturating_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX));
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_world_moves_by_steps_only_and_thaws_where_it_stands() {
        let (clock, hand) = Clock::manual(UnixMillis::new(10_000).unwrap());
        let mut timeline = Timeline::new(clock, false);
        assert!(!timeline.step(Duration::from_secs(1)));
        timeline.freeze();
        hand.advance(Duration::from_secs(60));
        assert_eq!(timeline.now(), 10_000);
        assert!(timeline.step(Duration::from_secs(5)));
        assert_eq!((timeline.now(), timeline.is_frozen()), (15_000, true));
        timeline.thaw();
        hand.advance(Duration::from_secs(1));
        assert_eq!((timeline.now(), timeline.is_frozen()), (16_000, false));
        assert_eq!(timeline.clock().as_millis(), 71_000);
    }
}
