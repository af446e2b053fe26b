//! The scope tree: what holds for a place in it, who is told of a change, and who stands in whose list.
//!
//! ```text
//!          root scope ───────── waker of the task that polls it
//!          │      └ listed ──▶ scope inside a FuturesUnordered ── its own waker
//!          │ (polled with the same waker: not listed)
//!        shielded scope
//!          └ group ───────────  relays to its children by itself
//!
//!   cancel(root):  flag ─▶ generation ─▶ walk down the lists, not through shields ─▶ wake what was collected
//! ```
//!
//! # Invariants
//! 1. A place is reached in one of two ways: through the waker of an enclosing place which was polled with the same waker
//!    and polls everything below it, or through the lists, which then lead to it from the root.
//! 2. Whoever enters a list read the generation before, and looks at it again afterwards: if it moved, a walk may have
//!    passed by, and is made up for (`list_up` walks again along its new entries). So whoever finds a place in a list may
//!    rely on what is above it, though another thread is still at work there.
//! 3. Nothing here recurses: walks keep a work list, so a tree may be of any depth.
//! 4. Who gives a place another parent, or none, does that first and takes it out of the old one's list afterwards; who
//!    enters a list looks at the parent again afterwards. One of the two removes an entry that came in between.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
    task::Waker,
};

use crate::{
    Cause, generation,
    node::{CANCELLED, SHIELDED, STOPPING, ScopeRef, TIMED},
    scope_node::ScopeNode,
};

/// What holds for code at some place of the tree: those of the flags that say something of all that is below, in their bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Verdict(u8);

impl Verdict {
    /// What is known without a look: nothing holds.
    pub(crate) const NOTHING: Self = Self(0);

    /// By the place's own flag or a visible ancestor's (R2).
    #[inline]
    pub(crate) fn is_cancelled(self) -> bool {
        self.0 & CANCELLED != 0
    }

    /// By any ancestor's stop; shields do not hide it (R13).
    #[inline]
    pub(crate) fn is_stopping(self) -> bool {
        self.0 & STOPPING != 0
    }

    /// Whether there may be a deadline here or above.
    #[inline]
    pub(crate) fn is_timed(self) -> bool {
        self.0 & TIMED != 0
    }

    /// The verdict for a place with these flags under a place with the verdict `self`.
    #[inline]
    pub(crate) fn below(self, flags: u8) -> Self {
        let seen = if flags & SHIELDED == 0 { self.0 } else { self.0 & !CANCELLED };
        Self((flags & (CANCELLED | STOPPING | TIMED)) | seen)
    }

    /// As a place notes it, for one generation.
    fn to_note(self, generation: u64) -> u64 {
        generation << u8::BITS | u64::from(self.0)
    }

    fn of_note(note: u64, generation: u64) -> Option<Self> {
        (note >> u8::BITS == generation).then_some(Self(note as u8))
    }
}

/// A verdict that is found on the way up.
#[derive(Default)]
struct Climb {
    verdict: Verdict,
    /// A shield was passed: cancellations from here on are not seen.
    hidden: bool,
}

impl Climb {
    /// Passes a place with these flags.
    fn pass(&mut self, flags: u8) {
        let seen = if self.hidden { flags & !CANCELLED } else { flags };
        self.verdict.0 |= seen & (CANCELLED | STOPPING | TIMED);
        self.hidden |= flags & SHIELDED != 0;
    }

    /// Whether nothing above could change the verdict.
    fn is_over(&self) -> bool {
        let Self { verdict, hidden } = self;
        verdict.is_stopping() && verdict.is_timed() && (verdict.is_cancelled() || *hidden)
    }
}

/// How many places a verdict looks at before it leaves notes on its way.
const SHALLOW: usize = 32;

/// The verdict at `place`, by walking up.
///
/// In a deep tree it leaves a note in each place, so that the many wrappers of one poll do not each walk the whole way when
/// the generation moves: what is noted for a generation is right as long as that lasts, for those who are still in there.
pub(crate) fn verdict(place: Option<&ScopeRef>) -> Verdict {
    let generation = generation::current();
    let mut climb = Climb::default();
    let mut at = place.cloned();
    for _ in 0..SHALLOW {
        let Some(host) = at else { return climb.verdict };
        if let Some(known) = Verdict::of_note(host.note(), generation) {
            climb.pass(known.0);
            return climb.verdict;
        }
        climb.pass(host.node().flags());
        if climb.is_over() {
            return climb.verdict;
        }
        at = host.parent();
    }
    if at.is_some() { deep_verdict(place, generation) } else { climb.verdict }
}

/// The verdict at a place in which this code is not running, by walking all the way up.
///
/// It believes no notes: who leaves a scope moves no generation for those who were kept out of it, so what they noted while
/// they were in there may be wrong now.
pub(crate) fn verdict_elsewhere(place: Option<&ScopeRef>) -> Verdict {
    let mut climb = Climb::default();
    let mut at = place.cloned();
    while let Some(host) = at {
        climb.pass(host.node().flags());
        if climb.is_over() {
            break;
        }
        at = host.parent();
    }
    climb.verdict
}

#[cold]
fn deep_verdict(place: Option<&ScopeRef>, generation: u64) -> Verdict {
    let mut verdict = Verdict::default();
    let mut path = Vec::new();
    let mut at = place.cloned();
    while let Some(host) = at {
        if let Some(known) = Verdict::of_note(host.note(), generation) {
            verdict = known;
            break;
        }
        at = host.parent();
        path.push(host);
    }
    while let Some(host) = path.pop() {
        verdict = verdict.below(host.node().flags());
        host.set_note(verdict.to_note(generation));
    }
    verdict
}

/// The cause of the nearest visible cancellation at `place`.
pub(crate) fn cause(place: Option<&ScopeRef>) -> Option<Cause> {
    let mut at = place.cloned();
    while let Some(host) = at {
        let flags = host.node().flags();
        if flags & CANCELLED != 0 {
            return host.node().cause();
        }
        if flags & SHIELDED != 0 {
            return None;
        }
        at = host.parent();
    }
    None
}

/// Cancels `host`; does nothing if it is cancelled already (R11). Tells the generation that this ended.
pub(crate) fn cancel(host: &ScopeRef, cause: Cause) -> Option<u64> {
    let first = host.node().set_cancelled(cause);
    first.then(|| {
        let ended = generation::bump();
        walk(host, Reach::Visible);
        ended
    })
}

/// Tells everything below `host` that it was cancelled.
pub(crate) fn tell(host: &ScopeRef) {
    walk(host, Reach::Visible);
}

/// Lets `host` see ancestors again, or hides them (R8).
pub(crate) fn set_shielded(host: &ScopeRef, shielded: bool) {
    let node = host.node();
    let was = if shielded { node.set(SHIELDED) } else { node.clear(SHIELDED) };
    if was != shielded {
        generation::bump();
        if !shielded {
            retell(host);
        }
    }
}

/// Begins the stop of `host`; tells whether this call did it (R13).
pub(crate) fn stop(host: &ScopeRef) -> bool {
    let first = !host.node().set(STOPPING);
    if first {
        generation::bump();
        walk(host, Reach::All);
    }
    first
}

/// Tells everything below `host` again if a verdict there could have changed for the worse, which is what it returns.
pub(crate) fn retell(host: &ScopeRef) -> Verdict {
    let verdict = verdict(Some(host));
    if verdict.is_cancelled() {
        walk(host, Reach::Visible);
    }
    if verdict.is_stopping() {
        walk(host, Reach::All);
    }
    verdict
}

/// How far a walk goes.
#[derive(Clone, Copy, PartialEq)]
enum Reach {
    /// Not past shields; every place met is cancelled, and so are the scopes linked to it.
    Visible,
    /// Everywhere: a stop.
    All,
}

fn walk(start: &ScopeRef, reach: Reach) {
    let mut wakers: Vec<Waker> = Vec::new();
    let mut work: Vec<ScopeRef> = vec![start.clone()];
    while let Some(host) = work.pop() {
        let mut linked: Vec<Arc<ScopeNode>> = Vec::new();
        let from = work.len();
        host.node().peek(|more| {
            wakers.extend(more.leaves.iter().map(|(_, waker)| waker.clone()));
            work.extend(more.listed.iter().filter_map(|(_, below)| below.upgrade()));
            if reach == Reach::Visible {
                linked.extend(more.links.iter().filter_map(|(_, scope)| scope.upgrade()));
            }
        });
        if reach == Reach::Visible {
            let mut at = from;
            while at < work.len() {
                if work[at].node().has(SHIELDED) {
                    work.swap_remove(at);
                } else {
                    at += 1;
                }
            }
        }
        for scope in linked {
            // Its flag is its own (R14), so it is told before the walk goes on into it.
            if scope.node.set_cancelled(Cause::Linked) {
                generation::bump();
                work.push(scope);
            }
        }
        host.push_waker(&mut wakers);
    }
    wake_all(wakers);
}

/// Wakes what waits in `host`, or in a scope directly below it: `host` was left, and these waits, which somebody keeps,
/// have to find out where they belong now (R6). Until they are polled again nobody above would reach them.
pub(crate) fn wake_left_over(host: &ScopeRef) {
    let mut below = Vec::new();
    let mut wakers = Vec::new();
    host.node().peek(|more| {
        wakers.extend(more.leaves.iter().map(|(_, waker)| waker.clone()));
        below.extend(more.listed.iter().filter_map(|(_, below)| below.upgrade()));
    });
    for host in below {
        host.push_waker(&mut wakers);
    }
    wake_all(wakers);
}

/// Wakes everyone. A waker that panics takes nobody's wake-up with it.
fn wake_all(wakers: Vec<Waker>) {
    let mut panic = None;
    for waker in wakers {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
            panic = Some(payload);
        }
    }
    if let Some(payload) = panic {
        resume_unwind(payload);
    }
}

/// Puts `host` into its parent's list, that one into its parent's, and so on up to the root.
pub(crate) fn list_up(host: &ScopeRef) {
    let before = generation::current();
    let mut top = None;
    let mut at = host.clone();
    while let Some(parent) = at.parent() {
        let entered = at.node().with_more(|more| {
            if more.listed_in.is_some() {
                return false;
            }
            let key = parent.node().with_more(|above| above.listed.insert(Arc::downgrade(&at)));
            more.listed_in = Some((parent.clone(), key));
            true
        });
        // The place may have been moved or left meanwhile; whoever did that looked before this entry was there.
        let now = at.parent();
        if !now.as_ref().is_some_and(|now| Arc::ptr_eq(now, &parent)) {
            unlist(&at);
            if now.is_some() {
                continue;
            }
            break;
        }
        if !entered {
            break;
        }
        top = Some(at);
        at = parent;
    }
    // By invariant 2.
    if let Some(top) = top
        && generation::current() != before
    {
        make_up(host, &top);
    }
}

/// Does again the walks that may have passed by while the entries between `host` and `top` were not all there: that from
/// above, and that of each place on the way which is cancelled or stopping itself.
fn make_up(host: &ScopeRef, top: &ScopeRef) {
    let mut path = vec![host.clone()];
    while let Some(at) = path.last()
        && !Arc::ptr_eq(at, top)
        && let Some(parent) = at.parent()
    {
        path.push(parent);
    }
    let above = path.last().map_or(Verdict::NOTHING, retell);
    let (mut cancelled, mut stopping) = (above.is_cancelled(), above.is_stopping());
    for at in path.iter().rev().skip(1) {
        let flags = at.node().flags();
        cancelled &= flags & SHIELDED == 0;
        if flags & CANCELLED != 0 && !cancelled {
            walk(at, Reach::Visible);
            cancelled = true;
        }
        if flags & STOPPING != 0 && !stopping {
            walk(at, Reach::All);
            stopping = true;
        }
    }
}

/// Takes `host` out of the list that it is in, if it is in one.
pub(crate) fn unlist(host: &ScopeRef) {
    let listed_in = host.node().peek(|more| {
        let (parent, key) = more.listed_in.take()?;
        let entry = parent.node().peek(|above| above.listed.try_remove(key));
        Some((parent, entry))
    });
    // The parent's handle is dropped here, outside of every lock.
    drop(listed_in);
}

/// Makes `scope` be cancelled when `other` becomes effectively cancelled (R14).
pub(crate) fn link(scope: &Arc<ScopeNode>, other: &ScopeRef) {
    let key = other.node().with_more(|more| more.links.insert(Arc::downgrade(scope)));
    scope.remember_link(Arc::downgrade(other), key);
    list_up(other);
    if verdict_elsewhere(Some(other)).is_cancelled() && scope.node.set_cancelled(Cause::Linked) {
        generation::bump();
        let scope: ScopeRef = scope.clone();
        walk(&scope, Reach::Visible);
    }
}
