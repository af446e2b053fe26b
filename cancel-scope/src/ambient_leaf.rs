use std::{fmt, task::Context};

use crate::{
    ambient,
    leaf::{Leaf, LeafSlot},
    waker_id::WakerId,
};

/// The registration of a wait in the current scope: none where the enclosing wrapper's waker is the wait's own.
#[derive(Default)]
pub(crate) struct AmbientLeaf {
    leaf: LeafSlot,
}

impl AmbientLeaf {
    /// Sees to it that a change of the verdict from here on wakes the task. The caller looks at the verdict afterwards.
    pub(crate) fn register(&mut self, cx: &Context<'_>) {
        match ambient::scope().filter(|_| ambient::waker() != WakerId::of(cx.waker())) {
            None => self.leaf = None,
            Some(scope) => {
                Leaf::register(&mut self.leaf, scope, cx.waker());
            }
        }
    }
}

impl fmt::Debug for AmbientLeaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmbientLeaf").field("registered", &self.leaf.is_some()).finish()
    }
}
