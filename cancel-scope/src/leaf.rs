//! A wait that registers in a scope by itself, for no enclosing waker reaches it.

use std::{sync::Arc, task::Waker};

use crate::{node::ScopeRef, tree};

/// A waker in the list of a scope; taken out when dropped.
pub(crate) struct Leaf {
    scope: ScopeRef,
    key: usize,
    waker: Waker,
}

impl Leaf {
    /// Brings `slot` in line: registered in `scope` with `waker`, and in nothing else.
    ///
    /// The caller looks at the verdict afterwards: a walk may have passed by before the entry was there.
    pub(crate) fn register(slot: &mut Option<Box<Self>>, scope: ScopeRef, waker: &Waker) {
        if let Some(leaf) = slot {
            if Arc::ptr_eq(&leaf.scope, &scope) {
                if !leaf.waker.will_wake(waker) {
                    let (listed, own) = (waker.clone(), waker.clone());
                    let old = leaf.scope.node().peek(|more| more.leaves.get_mut(leaf.key).map(|at| std::mem::replace(at, listed)));
                    drop(old);
                    leaf.waker = own;
                }
                return;
            }
            *slot = None;
        }
        let (listed, own) = (waker.clone(), waker.clone());
        let key = scope.node().with_more(|more| more.leaves.insert(listed));
        let leaf = Self { scope, key, waker: own };
        tree::list_up(&leaf.scope);
        *slot = Some(Box::new(leaf));
    }
}

impl Drop for Leaf {
    fn drop(&mut self) {
        let entry = self.scope.node().peek(|more| more.leaves.try_remove(self.key));
        drop(entry);
    }
}
