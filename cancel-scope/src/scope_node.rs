//! A scope as a place in the tree: its parent, its waker, its deadline.
//!
//! ```text
//!   built ──first poll──▶ begun ──Pending──▶ waker registered, alarm armed, perhaps listed
//!                           │  ▲                      │
//!                           │  └──── polled again ◀───┘   (parent, waker compared, moved when they differ)
//!                           ▼
//!                         ended: parent, waker, alarm and list entry given up
//! ```
//!
//! What it does when is told in two modules of its own: [`parentage`](crate::parentage) has the way from built to ended,
//! [`expiry`](crate::expiry) has the time.
//!
//! # Lock order
//! `place` is held alone: no other lock of ours is taken and no foreign code called under it, but for cloning a waker.

use std::{
    any::Any,
    fmt,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    task::Waker,
    time::Instant,
};

use crate::{
    AlarmKey, Cause,
    clock::TimeSource,
    expiry::{Expiry, Limit},
    generation,
    node::{CANCELLED, Host, Node, ScopeRef, TIMED},
    sync::{Guard, Mutex},
    tree,
};

/// A scope in the tree. [`CancelScope`](crate::CancelScope) is its handle.
pub struct ScopeNode {
    pub(crate) node: Node,
    place: Mutex<Place>,
    /// See [`verdict`](tree::verdict). One word that is right by itself, so no model needs to see it.
    note: AtomicU64,
    owner: Option<Arc<dyn Any + Send + Sync>>,
}

pub(crate) struct Place {
    pub(crate) parent: Option<ScopeRef>,
    pub(crate) waker: Option<Waker>,
    pub(crate) expiry: Expiry,
    pub(crate) clock: TimeSource,
    /// How many wrappers are being polled under this scope: its own, and those of `in_scope`.
    pub(crate) users: usize,
    /// Whether one of `in_scope` ever was.
    pub(crate) bound: bool,
    extra: Option<Box<Extra>>,
}

/// What a new user of a scope has to see to.
pub(crate) enum Started {
    /// Nothing, but to drop this: the scope has no limit, or one that lies ahead.
    Unlimited(TimeSource),
    /// The scope's time is over.
    Due(Cause),
    /// The scope has a limit by a clock that is not the system's; and this is to be dropped.
    AskClock(TimeSource),
}

/// What few scopes have.
#[derive(Default)]
struct Extra {
    name: Option<Arc<str>>,
    /// Where this scope is entered as linked.
    links: Vec<(Weak<dyn Host>, usize)>,
}

impl Place {
    /// Counts a user, who brings the clock if it is the first. Gives what is to be dropped or done outside of the lock.
    pub(crate) fn count_user(&mut self, clock: TimeSource) -> Started {
        self.users += 1;
        let old = if self.users == 1 { std::mem::replace(&mut self.clock, clock) } else { clock };
        if !self.expiry.is_limited() {
            return Started::Unlimited(old);
        }
        if self.clock.is_installed() || old.is_installed() {
            return Started::AskClock(old);
        }
        let now = Instant::now();
        self.expiry.count_from(now);
        self.expiry.due(now).map_or(Started::Unlimited(old), Started::Due)
    }

    /// Uncounts a user. Gives the alarm to be disarmed if it was the last one.
    pub(crate) fn discount_user(&mut self) -> Option<(AlarmKey, TimeSource)> {
        self.users -= 1;
        if self.users > 0 {
            return None;
        }
        self.expiry.take_alarm().map(|alarm| (alarm, self.clock.clone()))
    }

    fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }
}

impl ScopeNode {
    pub(crate) fn new(flags: u8, limit: Limit, owner: Option<Arc<dyn Any + Send + Sync>>) -> Arc<Self> {
        let place = Place {
            parent: None,
            waker: None,
            expiry: Expiry::new(limit),
            clock: TimeSource::default(),
            users: 0,
            bound: false,
            extra: None,
        };
        let flags = if place.expiry.is_limited() { flags | TIMED } else { flags };
        Arc::new(Self { node: Node::new(flags), place: Mutex::new(place), note: AtomicU64::new(0), owner })
    }

    pub(crate) fn place(&self) -> Guard<'_, Place> {
        self.place.lock()
    }

    pub(crate) fn set_name(&self, name: Arc<str>) {
        let old = self.place().extra().name.replace(name);
        drop(old);
    }

    pub(crate) fn name(&self) -> Option<Arc<str>> {
        self.place().extra.as_ref()?.name.clone()
    }

    pub(crate) fn remember_link(&self, other: Weak<dyn Host>, key: usize) {
        let mut place = self.place();
        let links = &mut place.extra().links;
        if links.len() == links.capacity() {
            // Scopes that are gone took the other end with them: before it grows, those make room.
            links.retain(|(other, _)| other.strong_count() > 0);
            links.reserve(links.len() + 1);
        }
        links.push((other, key));
    }

    /// Cancels this scope; tells the generation that this ended.
    pub(crate) fn cancel(self: &Arc<Self>, cause: Cause) -> Option<u64> {
        if !self.node.set_cancelled(cause) {
            return None;
        }
        let ended = generation::bump();
        // By invariant 4 of the node: who enters a list from now on sees that this ended.
        if self.node.has_lists() {
            let scope: ScopeRef = self.clone();
            tree::tell(&scope);
        } else {
            let waker = self.place().waker.clone();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
        Some(ended)
    }

    /// Registers the waker of the task that polls this scope.
    pub(crate) fn set_waker(&self, waker: &Waker) {
        let waker = waker.clone();
        let old = self.place().waker.replace(waker);
        drop(old);
    }
}

impl Host for ScopeNode {
    fn node(&self) -> &Node {
        &self.node
    }

    fn parent(&self) -> Option<ScopeRef> {
        self.place().parent.clone()
    }

    fn push_waker(self: Arc<Self>, out: &mut Vec<Waker>) {
        out.extend(self.place().waker.clone());
    }

    fn as_scope(self: Arc<Self>) -> Option<Arc<ScopeNode>> {
        Some(self)
    }

    fn owner(&self) -> Option<&Arc<dyn Any + Send + Sync>> {
        self.owner.as_ref()
    }

    fn check_deadline(self: Arc<Self>, now: &mut dyn FnMut() -> Instant) {
        let clock = {
            let place = self.place();
            place.expiry.end().map(|_| place.clock.clone())
        };
        if let Some(clock) = clock.filter(|_| !self.node.has(CANCELLED)) {
            self.cancel_if_due(if clock.is_in_force() { now() } else { clock.now() });
        }
    }

    fn note(&self) -> u64 {
        self.note.load(Ordering::Relaxed)
    }

    fn set_note(&self, note: u64) {
        self.note.store(note, Ordering::Relaxed);
    }
}

impl Drop for ScopeNode {
    fn drop(&mut self) {
        let links = match &mut self.place.get_mut().extra {
            Some(extra) => std::mem::take(&mut extra.links),
            None => return,
        };
        for (other, key) in links {
            if let Some(other) = other.upgrade() {
                let entry = other.node().peek(|more| more.links.try_remove(key));
                drop(entry);
            }
        }
    }
}

impl fmt::Debug for ScopeNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeNode").field("node", &self.node).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(anyio_loom)))]
mod tests {
    use crate::CancelScope;

    // R14: held weakly both ways
    #[test]
    fn a_scope_forgets_those_that_it_was_linked_to_when_they_are_gone() {
        let long = CancelScope::new();
        let kept: Vec<CancelScope> = (0..10).map(|_| CancelScope::new()).collect();
        for n in 0..1000 {
            let short = CancelScope::new();
            drop(long.clone().linked(&short));
            if let Some(kept) = kept.get(n) {
                drop(long.clone().linked(kept));
            }
        }
        let links = long.node().place().extra().links.len();
        assert!((10..64).contains(&links), "{links} links");
        kept[9].cancel();
        assert!(long.cancel_called());
    }

    /// A weak entry would keep the memory of the scope that is gone.
    #[test]
    fn a_link_is_taken_out_when_the_linked_scope_is_gone() {
        let pool = CancelScope::new();
        let links = |pool: &CancelScope| pool.node().node.peek(|more| more.links.len());
        let kept = CancelScope::new().linked(&pool);
        for _ in 0..10 {
            drop(CancelScope::new().linked(&pool));
        }
        assert_eq!(links(&pool), Some(1));
        drop(kept);
        assert_eq!(links(&pool), Some(0));
    }
}
