use std::{fmt, task::Context};

use crate::{ambient, leaf::Leaf, waker_id::WakerId};

/// The registration of a wait in the current scope: none where the enclosing wrapper's waker is the wait's own.
#[derive(Default)]
pub(crate) struct AmbientLeaf {
    leaf: Option<Box<Leaf>>,
}

impl AmbientLeaf {
    /// Sees to it that a change of the verdict wakes the task, one that happens meanwhile included.
    pub(crate) fn register(&mut self, cx: &Context<'_>) {
        if ambient::waker() == WakerId::of(cx.waker()) {
            self.leaf = None;
            return;
        }
        let (_, before) = ambient::verdict();
        match ambient::scope() {
            None => self.leaf = None,
            Some(scope) => {
                Leaf::register(&mut self.leaf, scope, cx.waker());
                if ambient::verdict().1 != before {
                    cx.waker().wake_by_ref();
                }
            }
        }
    }
}

impl fmt::Debug for AmbientLeaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmbientLeaf").field("registered", &self.leaf.is_some()).finish()
    }
}
