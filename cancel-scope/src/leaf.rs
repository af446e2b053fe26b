//! A wait that registers in a scope by itself, for no enclosing waker reaches it.

use std::{sync::Arc, task::Waker};

use crate::{node::ScopeRef, tree, waker_id::WakerId};

/// A waker in the list of a scope; taken out when dropped.
pub(crate) struct Leaf {
    scope: ScopeRef,
    key: usize,
    /// Names the waker in the list, which holds it.
    waker: WakerId,
}

/// Where a wait keeps its leaf. Nothing shares it: it is an `Arc` because to drop an empty one is a test in place, while it would
/// be a call for a `Box`, at every checkpoint.
pub(crate) type LeafSlot = Option<Arc<Leaf>>;

impl Leaf {
    /// Brings `slot` in line: registered in `scope` with `waker`, and in nothing else. Tells whether anything was changed.
    ///
    /// If so the caller looks at the verdict afterwards: a walk may have passed by before the entry was there.
    pub(crate) fn register(slot: &mut LeafSlot, scope: ScopeRef, waker: &Waker) -> bool {
        let id = WakerId::of(waker);
        if let Some(leaf) = slot.as_mut().and_then(Arc::get_mut) {
            if Arc::ptr_eq(&leaf.scope, &scope) {
                if leaf.waker == id {
                    return false;
                }
                let new = waker.clone();
                let replace = |at: &mut Waker| std::mem::replace(at, new);
                let old = leaf.scope.node().peek(|more| more.leaves.get_mut(leaf.key).map(replace));
                leaf.waker = id;
                drop(old);
                return true;
            }
            *slot = None;
        }
        let new = waker.clone();
        let key = scope.node().with_more(|more| more.leaves.insert(new));
        let leaf = slot.insert(Arc::new(Self { scope, key, waker: id }));
        tree::list_up(&leaf.scope);
        true
    }
}

impl Drop for Leaf {
    fn drop(&mut self) {
        let entry = self.scope.node().peek(|more| more.leaves.try_remove(self.key));
        drop(entry);
    }
}
