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
//! # Invariants
//! 1. The parent is the scope in which the wrapper was last polled, and is held only between its first poll and its end
//!    (R6). So no chain of scopes is freed by recursion: what is below is gone before what is above.
//! 2. An alarm is armed only while the scope has users, for the earlier of deadline and grace, and never once the scope
//!    is cancelled.
//! 3. The clock is that of the first poll.
//!
//! # Lock order
//! `place` is held alone: no other lock of ours is taken and no foreign code called under it, but for cloning a waker.

use std::{
    any::Any,
    fmt,
    sync::{Arc, Weak},
    task::{Wake, Waker},
    time::{Duration, Instant},
};

use crate::{
    AlarmKey, Cause, ambient,
    clock::{TimeSource, after},
    generation,
    node::{CANCELLED, Host, Node, ScopeRef},
    sync::{Guard, Mutex},
    tree,
};

/// A scope in the tree. [`CancelScope`](crate::CancelScope) is its handle.
pub struct ScopeNode {
    pub(crate) node: Node,
    place: Mutex<Place>,
    owner: Option<Arc<dyn Any + Send + Sync>>,
}

struct Place {
    parent: Option<ScopeRef>,
    waker: Option<Waker>,
    limit: Limit,
    grace: Option<Instant>,
    clock: TimeSource,
    /// How many wrappers are being polled under this scope: its own, and those of `in_scope`.
    users: usize,
    alarm: Option<Armed>,
    extra: Option<Box<Extra>>,
}

/// What few scopes have.
#[derive(Default)]
struct Extra {
    name: Option<Arc<str>>,
    /// Where this scope is entered as linked.
    links: Vec<(Weak<dyn Host>, usize)>,
}

#[derive(Clone, Copy)]
struct Armed {
    key: AlarmKey,
    at: Instant,
}

/// How long a scope may take.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    Never,
    /// From the first poll on.
    After(Duration),
    At(Instant),
}

impl Place {
    /// The moment for which an alarm should be armed.
    fn wanted(&self) -> Option<Instant> {
        let deadline = match self.limit {
            Limit::At(at) => Some(at),
            Limit::Never | Limit::After(_) => None,
        };
        match (deadline, self.grace) {
            (Some(deadline), Some(grace)) => Some(deadline.min(grace)),
            (deadline, grace) => deadline.or(grace),
        }
    }

    /// What is due at `now`: the earlier of deadline and grace.
    fn due(&self, now: Instant) -> Option<Cause> {
        let at = self.wanted().filter(|at| *at <= now)?;
        Some(if self.grace == Some(at) { Cause::Stopped } else { Cause::Deadline })
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
            limit,
            grace: None,
            clock: TimeSource::default(),
            users: 0,
            alarm: None,
            extra: None,
        };
        Arc::new(Self { node: Node::new(flags), place: Mutex::new(place), owner })
    }

    fn place(&self) -> Guard<'_, Place> {
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
        self.place().extra().links.push((other, key));
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.place().limit {
            Limit::At(at) => Some(at),
            Limit::Never | Limit::After(_) => None,
        }
    }

    /// The earlier of deadline and grace.
    pub(crate) fn end_of_time(&self) -> Option<Instant> {
        self.place().wanted()
    }

    pub(crate) fn set_deadline(self: &Arc<Self>, deadline: Option<Instant>) {
        self.place().limit = deadline.map_or(Limit::Never, Limit::At);
        self.check_or_arm();
    }

    /// Begins a stop, or shortens the grace of one (R13).
    pub(crate) fn stop(self: &Arc<Self>, grace: Duration) {
        let end = after(self.now(), grace);
        {
            let mut place = self.place();
            place.grace = match (place.grace, end) {
                (Some(old), Some(new)) => Some(old.min(new)),
                (old, new) => old.or(new),
            };
        }
        let scope: ScopeRef = self.clone();
        tree::stop(&scope);
        self.check_or_arm();
    }

    pub(crate) fn cancel(self: &Arc<Self>, cause: Cause) {
        let scope: ScopeRef = self.clone();
        tree::cancel(&scope, cause);
    }

    /// The time by the clock of this scope: that of its first poll, or the one in force here.
    fn now(&self) -> Instant {
        let clock = {
            let place = self.place();
            (place.users > 0).then(|| place.clock.clone())
        };
        clock.unwrap_or_else(ambient::clock).now()
    }

    /// The wrapper that runs the scope is polled for the first time, under `parent`.
    pub(crate) fn begin_run(self: &Arc<Self>, parent: Option<ScopeRef>) {
        let parent = parent.filter(|parent| !self.has_below(parent));
        self.begin(parent);
    }

    /// A wrapper that does not run the scope is polled under it for the first time.
    pub(crate) fn begin_use(self: &Arc<Self>) {
        self.begin(None);
    }

    fn begin(self: &Arc<Self>, parent: Option<ScopeRef>) {
        let has_parent = parent.is_some();
        let clock = ambient::clock();
        let timed = {
            let mut place = self.place();
            if place.users == 0 {
                place.clock = clock;
            }
            if has_parent {
                place.parent = parent;
            }
            place.users += 1;
            place.grace.is_some() || !matches!(place.limit, Limit::Never)
        };
        if has_parent {
            self.tell_of_parent();
        }
        if timed {
            let now = self.now();
            {
                let mut place = self.place();
                if let Limit::After(limit) = place.limit {
                    place.limit = after(now, limit).map_or(Limit::Never, Limit::At);
                }
            }
            self.cancel_if_due(now);
        }
    }

    /// The wrapper that runs the scope is polled under another parent than before (R6).
    pub(crate) fn move_to(self: &Arc<Self>, parent: Option<ScopeRef>) {
        let this: ScopeRef = self.clone();
        let parent = parent.filter(|parent| !self.has_below(parent));
        tree::unlist(&this);
        let old = std::mem::replace(&mut self.place().parent, parent);
        drop(old);
        generation::bump();
        self.tell_of_parent();
    }

    /// Tells whatever hangs on the lists below of new ancestors. It looks at the lists after the parent was set, as
    /// whoever enters one looks at the parent afterwards.
    fn tell_of_parent(self: &Arc<Self>) {
        if self.node.is_watched() {
            let this: ScopeRef = self.clone();
            tree::list_up(&this);
            tree::retell(&this);
        }
    }

    /// Whether `place` is this scope or below it: then it cannot become the parent.
    fn has_below(&self, place: &ScopeRef) -> bool {
        if self.place().users == 0 || (self.place().users == 1 && !self.node.is_watched()) {
            return false;
        }
        let mut at = Some(place.clone());
        while let Some(host) = at {
            if std::ptr::eq(host.node(), &self.node) {
                return true;
            }
            at = host.parent();
        }
        false
    }

    /// Registers the waker of the task that polls this scope.
    pub(crate) fn set_waker(&self, waker: &Waker) {
        let waker = waker.clone();
        let old = self.place().waker.replace(waker);
        drop(old);
    }

    /// The wrapper that runs the scope is done or dropped.
    pub(crate) fn end_run(self: &Arc<Self>) {
        let this: ScopeRef = self.clone();
        tree::unlist(&this);
        let given_up = {
            let mut place = self.place();
            (place.parent.take(), place.waker.take())
        };
        if given_up.0.is_some() && self.node.is_watched() {
            generation::bump();
        }
        drop(given_up);
        self.end_use();
    }

    /// A wrapper that was polled under this scope is done or dropped.
    pub(crate) fn end_use(self: &Arc<Self>) {
        let alarm = {
            let mut place = self.place();
            place.users -= 1;
            if place.users > 0 {
                return;
            }
            place.alarm.take().map(|alarm| (alarm, place.clock.clone()))
        };
        if let Some((alarm, clock)) = alarm {
            drop(clock.disarm(alarm.key));
        }
    }

    fn check_or_arm(self: &Arc<Self>) {
        let timed = self.place().wanted().is_some();
        if !(timed && self.cancel_if_due(self.now())) {
            self.arm();
        }
    }

    fn cancel_if_due(self: &Arc<Self>, now: Instant) -> bool {
        let due = self.place().due(now);
        let is_due = due.is_some();
        if let Some(cause) = due {
            self.cancel(cause);
        }
        is_due
    }

    /// Brings the alarm in line with invariant 2. The clock is foreign code, so it is called without the lock, and what
    /// another thread changed meanwhile is seen by going round again.
    pub(crate) fn arm(self: &Arc<Self>) {
        loop {
            let (old, wanted, clock) = {
                let mut place = self.place();
                let wanted = place.wanted().filter(|_| place.users > 0 && !self.node.has(CANCELLED));
                if place.alarm.map(|alarm| alarm.at) == wanted {
                    return;
                }
                (place.alarm.take(), wanted, place.clock.clone())
            };
            if let Some(old) = old {
                drop(clock.disarm(old.key));
            }
            let Some(at) = wanted else { continue };
            let key = clock.arm(at, Waker::from(self.clone()));
            let superseded = {
                let mut place = self.place();
                place.alarm.replace(Armed { key, at })
            };
            if let Some(superseded) = superseded {
                drop(clock.disarm(superseded.key));
            }
        }
    }
}

/// The scope is its own alarm.
impl Wake for ScopeNode {
    fn wake(self: Arc<Self>) {
        let now = self.now();
        let in_use = {
            let mut place = self.place();
            // Whichever alarm this was, one that lies in the past has gone off.
            if place.alarm.is_some_and(|alarm| alarm.at <= now) {
                place.alarm = None;
            }
            place.users > 0
        };
        if in_use && !self.cancel_if_due(now) {
            self.arm();
        }
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
        let timed = self.place().wanted().is_some();
        if timed && !self.node.has(CANCELLED) {
            self.cancel_if_due(now());
        }
    }
}

impl Drop for ScopeNode {
    fn drop(&mut self) {
        let links = match &mut self.place().extra {
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
