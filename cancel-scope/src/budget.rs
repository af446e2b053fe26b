//! How many checkpoints a thread passes until one yields (R12). The count itself is with the ambient context.

use crate::{RunRecord, ambient};

/// How many it is.
pub(crate) const FULL: u32 = 128;

/// Begins a new budget; in a watched run one of one checkpoint.
pub(crate) fn renew(watched: bool) {
    ambient::set_left(if watched { 1 } else { FULL });
}

/// The budget of before a watched run was entered or left; it is back when this is dropped.
pub(crate) struct Exchanged(u32);

impl Exchanged {
    /// `None` where nothing changes by entering `run`.
    pub(crate) fn new(entered: Option<&RunRecord>) -> Option<Self> {
        let is_watched = |run: Option<&RunRecord>| run.is_some_and(|run| run.trial().is_some());
        let watched = is_watched(entered);
        if watched == is_watched(ambient::run().as_deref()) {
            return None;
        }
        let before = ambient::left();
        renew(watched);
        Some(Self(before))
    }
}

impl Drop for Exchanged {
    fn drop(&mut self) {
        ambient::set_left(self.0);
    }
}
