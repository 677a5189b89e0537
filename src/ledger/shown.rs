//! Which targets are shown one by one.

/// Which targets are shown one by one, and by which names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetsShown {
    /// Which have series of their own; with [`Which::None`] no list names any either.
    pub which: Which,
    /// Whether names that people choose and change are shown, beside what tells a target from others.
    pub names: bool,
    /// Most targets with series, and most entries of a list.
    pub limit: usize,
}

/// Which targets have series of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// None.
    None,
    /// Those whose latest finished task did not complete.
    Failing,
    /// All, those that fail first.
    All,
}

impl Default for TargetsShown {
    fn default() -> Self {
        Self { which: Which::Failing, names: true, limit: 2000 }
    }
}
