//! What goes wrong, and how often.

use std::fmt;
use std::str::FromStr;

use super::dice::{Dice, mix};

macro_rules! faults {
    ($($(#[$about:meta])* $variant:ident = $name:literal $help:literal,)+) => {
        /// One way for the API to go wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Fault { $($(#[$about])* $variant,)+ }

        impl Fault {
            /// Every fault.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name on the command line.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What happens, in a few words for the help.
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => $help,)+ }
            }
        }
    };
}

faults! {
    /// 400 `Throttling.User`, half of the times with `x-acs-retry-after`.
    Throttle = "throttle" "refused for the rate of requests",
    /// 500 `ServerError`.
    ServerError = "server-error" "status 500 with an error",
    /// 502 with a page of HTML, as a proxy gives it.
    Html502 = "html-502" "a proxy's page of HTML",
    /// The connection is closed without an answer.
    Reset = "reset" "the connection closes without an answer",
    /// No answer for as long as the simulator runs.
    Stall = "stall" "no answer at all",
    /// The body ends short of its `Content-Length`.
    Truncate = "truncate" "the answer ends too early",
    /// Status 200 with an error in the body.
    ErrorIn200 = "error-in-200" "status 200 with an error in the body",
    /// Status 200 without `List`.
    NoList = "no-list" "status 200 without a list of tasks",
    /// The page is shifted by one or two rows against its neighbours.
    Drift = "drift" "rows shift from page to page",
    /// A field of a row is null or missing. A property of (seed, TaskId, field); never the TaskId.
    NullFields = "null-fields" "fields of rows are null or missing",
    /// A row has a `Status`, `TargetType` or `ReportStatus` that nobody knows. A property of (seed, TaskId).
    UnknownStatus = "unknown-status" "words and numbers that nobody knows",
    /// Filters but for `RootTask`, `TaskId` and the page are ignored.
    IgnoreFilter = "ignore-filter" "filters of the request are ignored",
}

/// How often each fault strikes, 0 to 1. All 0 by default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults([f64; Fault::ALL.len()]);

impl Faults {
    /// The probability of `fault`.
    pub const fn of(&self, fault: Fault) -> f64 {
        self.0[fault as usize]
    }

    /// Sets the probability of one fault.
    pub const fn set(&mut self, rate: FaultRate) {
        self.0[rate.fault as usize] = rate.probability;
    }

    /// Draws what happens to one request, for its attempt number `attempt`.
    pub(super) fn draw(&self, seed: u64, request: u64, attempt: u64) -> Lots {
        Lots { faults: *self, key: mix(mix(seed, request), attempt) }
    }
}

impl FromIterator<FaultRate> for Faults {
    fn from_iter<I: IntoIterator<Item = FaultRate>>(rates: I) -> Self {
        let mut faults = Self::default();
        rates.into_iter().for_each(|rate| faults.set(rate));
        faults
    }
}

/// A fault and its probability, from the command line's `NAME=PROBABILITY`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaultRate {
    /// The fault.
    pub fault: Fault,
    /// From 0 (never) to 1 (always).
    pub probability: f64,
}

/// Why `NAME=PROBABILITY` could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultRateError {
    /// No `=`.
    #[error("expected NAME=PROBABILITY, such as throttle=0.1")]
    Form,
    /// A name that is none.
    #[error("no fault is called {name:?}; there are {}", Names)]
    Name {
        /// The name given.
        name: String,
    },
    /// Not a probability.
    #[error("the probability of a fault must be a number from 0 to 1")]
    Probability,
}

impl FromStr for FaultRate {
    type Err = FaultRateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, probability) = text.split_once('=').ok_or(FaultRateError::Form)?;
        let fault = Fault::ALL
            .iter()
            .copied()
            .find(|fault| fault.as_str() == name.trim())
            .ok_or_else(|| FaultRateError::Name { name: name.to_owned() })?;
        let probability: f64 = probability.trim().parse().map_err(|_| FaultRateError::Probability)?;
        if !(0.0..=1.0).contains(&probability) {
            return Err(FaultRateError::Probability);
        }
        Ok(Self { fault, probability })
    }
}

struct Names;

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Fault::ALL.iter().map(|fault| fault.as_str()).collect();
        f.write_str(&names.join(", "))
    }
}

/// The lots of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lots {
    faults: Faults,
    key: u64,
}

impl Lots {
    /// Whether `fault` strikes this request.
    pub(super) fn strikes(&self, fault: Fault) -> bool {
        self.dice(fault).chance(self.faults.of(fault))
    }

    /// The first of `faults` that strikes.
    pub(super) fn first(&self, faults: &[Fault]) -> Option<Fault> {
        faults.iter().copied().find(|&fault| self.strikes(fault))
    }

    /// Dice for the details of a fault that struck.
    pub(super) fn details(&self, fault: Fault) -> Dice {
        let mut dice = self.dice(fault);
        dice.any();
        dice
    }

    /// A number that names this attempt of this request.
    pub(super) const fn key(&self) -> u64 {
        self.key
    }

    const fn dice(&self, fault: Fault) -> Dice {
        Dice::new(mix(self.key, fault as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_by_name() {
        let rate: FaultRate = "html-502=0.25".parse().unwrap();
        assert_eq!(rate, FaultRate { fault: Fault::Html502, probability: 0.25 });
        let faults: Faults = [rate].into_iter().collect();
        assert_eq!(faults.of(Fault::Html502), 0.25);
        assert_eq!(faults.of(Fault::Drift), 0.0);
    }

    #[test]
    fn a_wrong_name_is_told_the_right_ones() {
        let error = "thottle=1".parse::<FaultRate>().unwrap_err().to_string();
        for fault in Fault::ALL {
            assert!(error.contains(fault.as_str()), "{error}");
        }
    }

    #[test]
    fn only_probabilities_are_accepted() {
        for text in ["stall", "stall=", "stall=x", "stall=1.1", "stall=-0.1", "stall=NaN"] {
            assert!(text.parse::<FaultRate>().is_err(), "{text}");
        }
    }

    #[test]
    fn attempts_of_a_request_have_lots_of_their_own() {
        let faults: Faults = [FaultRate { fault: Fault::Throttle, probability: 0.5 }].into_iter().collect();
        let row = |request| -> Vec<_> {
            (0..64).map(|attempt| faults.draw(1, request, attempt).strikes(Fault::Throttle)).collect()
        };
        assert_eq!(row(1), row(1));
        assert_ne!(row(1), row(2));
        assert!(row(1).contains(&true) && row(1).contains(&false));
    }
}
