//! How a scope gets its parent, changes it and gives it up.
//!
//! # Invariants
//! 1. The parent is the scope in which the wrapper was last polled, and is held only between its first poll and its end
//!    (R6). So no chain of scopes is freed by recursion: what is below is gone before what is above.
//! 2. Parents make no circle: a scope that is polled below itself, which only `in_scope` can bring about, has none.
//!
//! # How invariant 2 is kept
//! A scope under which nobody was ever polled has nothing below it, so whatever it is polled in can be its parent. All
//! others look upwards first, one at a time: `LOOKING` is held from the look until the parent is set. And nobody slips
//! in between for the first kind, for `bound` is read and the parent set under one lock.
//!
//! # Lock order
//! `LOOKING` before any `place`.

use std::{sync::Arc, task::Waker};

use crate::{
    AlarmKey, ambient,
    clock::TimeSource,
    draft::Draft,
    generation,
    node::{Host, SHIELDED, ScopeRef, TIMED},
    scope_node::{ScopeNode, Started},
    sync::{Mutex, process_wide},
    tree,
};

process_wide! {
    static LOOKING: Mutex<()> = Mutex::new(());
}

/// How the first poll of the wrapper that runs a scope went.
pub(crate) struct Begun {
    /// Whether the scope could take the parent.
    pub(crate) accepted: bool,
    /// The generation that ended because the scope's time was over on entry.
    pub(crate) ended: Option<u64>,
}

impl ScopeNode {
    /// The wrapper that runs the scope is polled for the first time, under `parent`.
    pub(crate) fn begin_run(self: &Arc<Self>, parent: Option<ScopeRef>) -> Begun {
        let clock = ambient::clock();
        let mut accepted = parent.is_some();
        let mut parent = parent;
        let (bound, started) = {
            let mut place = self.place();
            if !place.bound {
                place.parent = parent.take();
            }
            (place.bound, place.count_user(clock))
        };
        if bound {
            accepted = self.look_and_sit(parent).0;
            // Whoever is polled below on another thread has a verdict without this parent.
            generation::bump();
        }
        if accepted {
            self.tell_of_parent();
        }
        Begun { accepted, ended: self.begin_time(started) }
    }

    /// A draft becomes this scope, which nobody else knows yet; `waker` wakes its task. Tells whether its alarm is set.
    pub(crate) fn begin_draft(
        &self,
        draft: Draft,
        parent: Option<ScopeRef>,
        clock: TimeSource,
        waker: Option<Waker>,
    ) -> bool {
        self.node.begin_anew(draft.flags);
        let mut place = self.place();
        debug_assert!(place.users == 0 && place.parent.is_none() && place.waker.is_none(), "somebody else uses it");
        // There is no parent now, and the clock is the system's.
        if parent.is_some() {
            place.parent = parent;
        }
        if clock.is_installed() {
            place.clock = clock;
        }
        place.waker = waker;
        place.users = 1;
        place.expiry.begin(draft.end)
    }

    /// The wrapper of what began as a draft is done or dropped, and has `handles` of it. Tells whether nobody else knows the
    /// scope: it may become another draft then, and keeps its alarm.
    pub(crate) fn end_draft(self: &Arc<Self>, handles: usize) -> bool {
        let (parent, waker, spare) = {
            let mut place = self.place();
            // While an alarm is set, it has a handle. So the number is right even if it goes off now.
            let handles = handles + usize::from(place.expiry.has_alarm());
            let spare = place.users == 1
                && !place.bound
                && !place.clock.is_installed()
                && self.node.flags() & !(SHIELDED | TIMED) == 0
                && Arc::strong_count(self) == handles;
            if spare {
                place.users = 0;
                (place.parent.take(), place.waker.take(), true)
            } else {
                (None, None, false)
            }
        };
        if spare {
            self.set_note(0);
            drop((parent, waker));
        } else {
            self.end_run();
        }
        spare
    }

    /// Takes the alarm back that a spare scope has.
    pub(crate) fn end_alarm(&self) {
        let alarm = {
            let mut place = self.place();
            place.expiry.take_alarm().map(|alarm| (alarm, TimeSource::default()))
        };
        disarm(alarm);
    }

    /// A wrapper that does not run the scope is polled under it for the first time.
    pub(crate) fn begin_use(self: &Arc<Self>) {
        let clock = ambient::clock();
        let started = {
            let mut place = self.place();
            place.bound = true;
            place.count_user(clock)
        };
        self.begin_time(started);
    }

    /// One that is over ends the scope, and a relative limit counts from now; tells the generation that this ended.
    fn begin_time(self: &Arc<Self>, started: Started) -> Option<u64> {
        match started {
            Started::Unlimited(old) => {
                drop(old);
                None
            }
            Started::Due(cause) => self.cancel(cause),
            // The clock is foreign code, so it was not called under the lock.
            Started::AskClock(old) => {
                drop(old);
                let now = self.now();
                self.place().expiry.count_from(now);
                self.cancel_if_due(now)
            }
        }
    }

    /// The wrapper that runs the scope is polled under another parent than before (R6); tells whether it has one now.
    pub(crate) fn move_to(self: &Arc<Self>, parent: Option<ScopeRef>) -> bool {
        let (accepted, changed) = self.look_and_sit(parent);
        if changed {
            let this: ScopeRef = self.clone();
            tree::unlist(&this);
            generation::bump();
            self.tell_of_parent();
        }
        accepted
    }

    /// Sets the parent if there is one and it is not below this scope; none else. Tells whether there is one now, and
    /// whether that is a change.
    fn look_and_sit(self: &Arc<Self>, parent: Option<ScopeRef>) -> (bool, bool) {
        let mut above = Vec::new();
        let looking = LOOKING.lock();
        let mut at = parent.clone();
        let mut is_below = false;
        while let Some(host) = at {
            is_below = std::ptr::eq(host.node(), &self.node);
            at = if is_below { None } else { host.parent() };
            above.push(host);
        }
        let parent = parent.filter(|_| !is_below);
        let accepted = parent.is_some();
        let old = std::mem::replace(&mut self.place().parent, parent);
        drop(looking);
        (accepted, accepted || old.is_some())
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

    /// The wrapper that runs the scope is done or dropped.
    pub(crate) fn end_run(self: &Arc<Self>) {
        let (parent, waker, bound, alarm) = {
            let mut place = self.place();
            (place.parent.take(), place.waker.take(), place.bound, place.discount_user())
        };
        // After the parent is gone, by invariant 4 of the tree.
        if self.node.has_lists() {
            let this: ScopeRef = self.clone();
            tree::unlist(&this);
        }
        self.set_note(0);
        let watched = self.node.is_watched();
        if parent.is_some() && (watched || bound) {
            generation::bump();
        }
        if watched {
            let this: ScopeRef = self.clone();
            tree::wake_left_over(&this);
        }
        drop((parent, waker));
        disarm(alarm);
    }

    /// A wrapper that was polled under this scope is done or dropped.
    pub(crate) fn end_use(self: &Arc<Self>) {
        let alarm = self.place().discount_user();
        disarm(alarm);
    }
}

fn disarm(alarm: Option<(AlarmKey, TimeSource)>) {
    if let Some((alarm, clock)) = alarm {
        drop(clock.disarm(alarm));
    }
}
