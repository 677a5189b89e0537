//! What a reload has changed, and how that is told.

use std::fmt;

use crate::text::controls;

/// What a reload did to one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// The source.
    pub(super) source: String,
    /// What was done.
    pub(super) what: What,
    /// The keys that differ, of one that was changed.
    pub(super) keys: Vec<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It goes on under other settings.
    Changed,
    /// It has other tasks now and starts anew; because of these, if the state file has not told that.
    Replaced(Option<Vec<&'static str>>),
    /// It is as it was.
    Kept,
}

impl What {
    /// The word for it in the log.
    pub(super) const fn as_str(&self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed | Self::Replaced(_) => "changed",
            Self::Kept => "kept",
        }
    }
}

/// Logs every change, and how many of each kind a reload `by` somebody has made.
pub(super) fn tell(changes: &[Change], by: &'static str) {
    let count = |word: &str| changes.iter().filter(|change| change.what.as_str() == word).count();
    for Change { source, what, keys } in changes {
        let (change, keys) = (what.as_str(), keys.join(","));
        match what {
            What::Kept => tracing::debug!(source, "nothing of the source has changed; it goes on as it was"),
            _ => tracing::info!(source, change, keys, "a reload has added, removed or changed a source"),
        }
        if let What::Replaced(Some(differences)) = what {
            let differences = differences.join(",");
            tracing::warn!(
                source,
                differences,
                "the source has other tasks now; it starts anew, with counters at 0"
            );
        }
    }
    tracing::info!(
        by,
        added = count("added"),
        removed = count("removed"),
        changed = count("changed"),
        kept = count("kept"),
        "the configuration was reloaded"
    );
}

/// One line for who has asked.
pub(super) struct Summary<'a>(pub(super) &'a [Change]);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("configuration reloaded: ")?;
        let mut kept = 0;
        for Change { source, what, keys } in self.0 {
            if *what == What::Kept {
                kept += 1;
                continue;
            }
            write!(f, "{} {}", what.as_str(), source.replace(controls, "\u{fffd}"))?;
            if !keys.is_empty() {
                write!(f, " ({})", keys.join(", "))?;
            }
            f.write_str("; ")?;
        }
        write!(f, "{kept} as before")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::told;

    fn changes() -> Vec<Change> {
        let change = |source: &str, what, keys: &[&'static str]| Change {
            source: source.to_owned(),
            what,
            keys: keys.to_vec(),
        };
        vec![
            change("a", What::Kept, &[]),
            change("b", What::Changed, &["poll.interval", "credentials"]),
            change("c", What::Replaced(Some(vec!["listing"])), &["listing"]),
            change("told", What::Replaced(None), &["endpoint"]),
            change("d", What::Added, &[]),
            change("e\n", What::Removed, &[]),
        ]
    }

    #[test]
    fn who_asked_gets_one_line_of_what_changed() {
        assert_eq!(
            Summary(&changes()).to_string(),
            "configuration reloaded: changed b (poll.interval, credentials); changed c (listing); changed told (endpoint); added d; removed e\u{fffd}; 1 as before"
        );
        assert_eq!(Summary(&[]).to_string(), "configuration reloaded: 0 as before");
    }

    #[test]
    fn each_change_is_told_and_what_was_kept_is_only_counted() {
        let lines = told(|| tell(&changes(), "SIGHUP"));
        let change = "INFO a reload has added, removed or changed a source";
        assert_eq!(
            lines[0],
            format!("{change} source=\"b\" change=\"changed\" keys=\"poll.interval,credentials\"")
        );
        assert!(lines[2].starts_with("WARN the source has other tasks now"), "{lines:?}");
        assert!(lines[2].ends_with("differences=\"listing\""), "{lines:?}");
        let counts = "by=\"SIGHUP\" added=1 removed=1 changed=3 kept=1";
        assert_eq!(lines[6], format!("INFO the configuration was reloaded {counts}"));
        assert_eq!(lines.len(), 7, "{lines:?}");
    }
}
