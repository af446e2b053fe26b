//! What every place in the scope tree has: its flags, and who must be told when they change.
//!
//! A place is a [`Host`]: a scope ([`ScopeNode`](crate::scope_node::ScopeNode)) or a task of a group, which embeds a
//! [`Node`] in its own allocation.
//!
//! # Invariants
//! 1. `CANCELLED`, `STOPPING` and `TIMED` are only ever set, `SHIELDED` may change both ways. (A scope that nobody else knows
//!    any more begins anew.)
//! 2. The cause is written under the lock before `CANCELLED` is set, and never again. That it was the deadline, as it mostly is
//!    where many are cancelled at once, is a flag, set with the other.
//! 3. A node is in at most one list, that of `listed_in.0`, under the key `listed_in.1`.
//! 4. `MORE` is set, for good, before the lists are first changed. It stands in for them as the flags do in invariant 2 of
//!    the generation: whoever enters a list sets it and looks at the generation afterwards, whoever changes what holds bumps
//!    the generation and looks for it afterwards, all `SeqCst`.
//!
//! # Lock order
//! A child's `more` before its parent's `more`, never the other way; nothing else is held with them. Wakers are cloned
//! under these locks, and woken and dropped outside.

use std::{
    any::Any,
    sync::{Arc, Weak},
    task::Waker,
    time::Instant,
};

use slab::Slab;

use crate::{
    Cause,
    scope_node::ScopeNode,
    sync::{AtomicU8, AtomicU32, Mutex, Ordering},
};

pub(crate) const CANCELLED: u8 = 1;
pub(crate) const SHIELDED: u8 = 1 << 1;
pub(crate) const STOPPING: u8 = 1 << 2;
/// The scope absorbed its cancellation when it was left.
pub(crate) const CAUGHT: u8 = 1 << 3;
/// `run` or `enter` was called.
pub(crate) const USED: u8 = 1 << 4;
/// There may be lists. Set before anything is entered, so whoever does not find it has nothing to look for.
const MORE: u8 = 1 << 5;
/// The cause of the cancellation is the deadline.
const DUE: u8 = 1 << 6;
/// There may be a deadline, or the end of a stop: set as soon as there is one.
pub(crate) const TIMED: u8 = 1 << 7;

/// A place in the scope tree.
pub trait Host: Send + Sync {
    /// The flags and lists of this place.
    fn node(&self) -> &Node;

    /// The place above this one, if there is one now.
    fn parent(&self) -> Option<ScopeRef>;

    /// Adds what wakes the task that polls this place.
    fn push_waker(self: Arc<Self>, out: &mut Vec<Waker>);

    /// This place as a scope with a deadline, if it is one.
    fn as_scope(self: Arc<Self>) -> Option<Arc<ScopeNode>> {
        None
    }

    /// What an upper crate tied to this place.
    fn owner(&self) -> Option<&Arc<dyn Any + Send + Sync>> {
        None
    }

    /// Cancels this place if its deadline lies before what `now` gives, which is the time by the clock in force.
    fn check_deadline(self: Arc<Self>, _now: &mut dyn FnMut() -> Instant) {}

    /// What [`set_note`](Self::set_note) left; 0 in a place that keeps no notes.
    fn note(&self) -> u64 {
        0
    }

    /// Leaves a note for those who look for what holds here.
    fn set_note(&self, _note: u64) {}
}

/// A shared handle to a place in the scope tree.
pub type ScopeRef = Arc<dyn Host>;

/// The flags and lists of a place in the scope tree.
///
/// Its layout leaves room, which a task that embeds it uses for marks and a number of its own: so a task stays within the 120
/// bytes up to which allocators are fast.
pub struct Node {
    flags: AtomicU8,
    marks: AtomicU8,
    number: AtomicU32,
    more: Mutex<Option<Box<More>>>,
}

/// What most nodes never have.
#[derive(Default)]
pub(crate) struct More {
    pub(crate) cause: Option<Cause>,
    /// The list that this node is in: its owner, and the key there.
    pub(crate) listed_in: Option<(ScopeRef, usize)>,
    /// Nodes below that no enclosing waker reaches.
    pub(crate) listed: Slab<Weak<dyn Host>>,
    /// Waits that were polled with a waker of their own.
    pub(crate) leaves: Slab<Waker>,
    /// Scopes that are cancelled with this one.
    pub(crate) links: Slab<Weak<ScopeNode>>,
}

impl More {
    /// Whether anything hangs on this node that only a walk through the lists can reach.
    fn is_watched(&self) -> bool {
        !(self.listed.is_empty() && self.leaves.is_empty() && self.links.is_empty())
    }
}

impl Default for Node {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Node {
    pub(crate) fn new(flags: u8) -> Self {
        Self { flags: AtomicU8::new(flags), marks: AtomicU8::new(0), number: AtomicU32::new(0), more: Mutex::new(None) }
    }

    /// The marks of the task.
    #[inline]
    pub fn marks(&self) -> u8 {
        self.marks.load(Ordering::SeqCst)
    }

    /// Sets marks, and tells which were set before.
    #[inline]
    pub fn mark(&self, marks: u8) -> u8 {
        self.marks.fetch_or(marks, Ordering::SeqCst)
    }

    /// Clears marks, and tells which were set before.
    #[inline]
    pub fn unmark(&self, marks: u8) -> u8 {
        self.marks.fetch_and(!marks, Ordering::SeqCst)
    }

    /// The number of the task, which orders nothing.
    #[inline]
    pub fn number(&self) -> u32 {
        self.number.load(Ordering::Relaxed)
    }

    /// Sets the number.
    #[inline]
    pub fn set_number(&self, number: u32) {
        self.number.store(number, Ordering::Relaxed);
    }

    pub(crate) fn flags(&self) -> u8 {
        self.flags.load(Ordering::SeqCst)
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags() & flag != 0
    }

    /// Sets a flag and tells whether it was set before.
    pub(crate) fn set(&self, flag: u8) -> bool {
        self.flags.fetch_or(flag, Ordering::SeqCst) & flag != 0
    }

    pub(crate) fn clear(&self, flag: u8) -> bool {
        self.flags.fetch_and(!flag, Ordering::SeqCst) & flag != 0
    }

    /// The flags of a place that nobody else knows yet, or any more.
    pub(crate) fn begin_anew(&self, flags: u8) {
        if self.flags() != flags {
            self.flags.store(flags, Ordering::SeqCst);
        }
    }

    /// Sets `CANCELLED` with its cause, by invariant 2; tells whether this call did it.
    pub(crate) fn set_cancelled(&self, cause: Cause) -> bool {
        if cause == Cause::Deadline {
            let _more = self.more.lock();
            let first = !self.has(CANCELLED);
            if first {
                self.set(CANCELLED | DUE);
            }
            return first;
        }
        self.with_more(|more| {
            let first = !self.has(CANCELLED);
            if first {
                more.cause = Some(cause);
                self.set(CANCELLED);
            }
            first
        })
    }

    pub(crate) fn cause(&self) -> Option<Cause> {
        if self.has(DUE) {
            return Some(Cause::Deadline);
        }
        self.peek(|more| more.cause.clone()).flatten()
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.peek(|more| more.is_watched()).unwrap_or(false)
    }

    /// Whether there may be lists.
    pub(crate) fn has_lists(&self) -> bool {
        self.has(MORE)
    }

    /// Runs `f` on the lists, which are made if there are none yet.
    pub(crate) fn with_more<R>(&self, f: impl FnOnce(&mut More) -> R) -> R {
        let mut more = self.more.lock();
        if more.is_none() {
            self.set(MORE);
        }
        f(more.get_or_insert_default())
    }

    /// Runs `f` on the lists if there are any. Most nodes never have one, and cost no lock.
    #[inline]
    pub(crate) fn peek<R>(&self, f: impl FnOnce(&mut More) -> R) -> Option<R> {
        if self.has(MORE) { self.more.lock().as_deref_mut().map(f) } else { None }
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let flags = self.flags();
        f.debug_struct("Node")
            .field("cancelled", &(flags & CANCELLED != 0))
            .field("shielded", &(flags & SHIELDED != 0))
            .field("stopping", &(flags & STOPPING != 0))
            .finish_non_exhaustive()
    }
}
