//! The bindings in force on this thread: a list from the innermost outwards.
//!
//! # Invariants
//! 1. Bindings are immutable and shared: whoever holds the head of a list holds all of it, and nothing changes below.
//! 2. `local` of a binding says whether it or any binding outside of it is local: a list without local ones is inherited by
//!    cloning its head.
//! 3. A list of any length is freed without recursion.

use std::{any::Any, cell::Cell, sync::Arc};

/// A value, shared by all copies of its binding.
pub(crate) type Value = Arc<dyn Any + Send + Sync>;

/// The innermost binding; `None` where no variable is set.
pub(crate) type Head = Option<Arc<Binding>>;

pub(crate) struct Binding {
    /// The variable, by its address.
    key: usize,
    value: Value,
    /// Not inherited by tasks.
    own_local: bool,
    local: bool,
    outer: Head,
}

thread_local! { static HEAD: Cell<Head> = const { Cell::new(None) }; }

impl Binding {
    pub(crate) fn new(key: usize, value: Value, own_local: bool, outer: Head) -> Arc<Self> {
        let local = own_local || outer.as_ref().is_some_and(|outer| outer.local);
        Arc::new(Self { key, value, own_local, local, outer })
    }
}

impl Drop for Binding {
    fn drop(&mut self) {
        let mut next = self.outer.take();
        while let Some(binding) = next {
            next = Arc::into_inner(binding).and_then(|mut binding| binding.outer.take());
        }
    }
}

/// The bindings in force; none while the thread ends.
pub(crate) fn head() -> Head {
    HEAD.try_with(|cell| {
        let head = cell.take();
        cell.set(head.clone());
        head
    })
    .unwrap_or_default()
}

/// The address of the head, 0 for none: it names the head while someone holds it.
pub(crate) fn head_address() -> usize {
    HEAD.try_with(|cell| {
        let head = cell.take();
        let address = head.as_ref().map_or(0, |head| Arc::as_ptr(head) as usize);
        cell.set(head);
        address
    })
    .unwrap_or(0)
}

/// The value of the variable `key`.
pub(crate) fn find(key: usize) -> Option<Value> {
    let mut at = head()?;
    loop {
        if at.key == key {
            return Some(at.value.clone());
        }
        at = at.outer.clone()?;
    }
}

/// What a task that is started under `head` has of it: everything but the local bindings.
pub(crate) fn inherited(head: Head) -> Head {
    let local = head.as_ref().is_some_and(|head| head.local);
    if !local {
        return head;
    }
    let mut kept = Vec::new();
    let mut at = head;
    while let Some(binding) = at {
        if !binding.local {
            // Nothing further out is local either: it is shared as it is.
            at = Some(binding);
            break;
        }
        at = binding.outer.clone();
        if !binding.own_local {
            kept.push(binding);
        }
    }
    kept.iter().rev().fold(at, |outer, binding| Some(Binding::new(binding.key, binding.value.clone(), false, outer)))
}

/// Runs `f` with `head` in force, and puts it back afterwards, also when `f` unwinds.
pub(crate) fn with<R>(head: &mut Head, f: impl FnOnce() -> R) -> R {
    struct Back<'a>(&'a mut Head);

    impl Back<'_> {
        fn swap(&mut self) {
            let _ = HEAD.try_with(|cell| *self.0 = cell.replace(self.0.take()));
        }
    }

    impl Drop for Back<'_> {
        fn drop(&mut self) {
            self.swap();
        }
    }

    let mut back = Back(head);
    back.swap();
    f()
}
