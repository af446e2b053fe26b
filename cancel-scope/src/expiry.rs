//! The time of a scope: its deadline, the grace of a stop, and the alarm that tells when either is over.
//!
//! # Invariants
//! 1. While the scope has users that are pending and an end that lies ahead, an alarm is armed for that end or, by the system's
//!    clock, for an earlier moment: going off too early, it is armed again. One that is still armed when the scope is
//!    cancelled otherwise does nothing when it goes off, and is taken back when the last user leaves, unless the scope is
//!    kept as a spare one.
//! 2. The clock is that of the first poll.

use std::{
    sync::Arc,
    task::{Wake, Waker},
    time::{Duration, Instant},
};

use crate::{
    AlarmKey, Cause, ambient,
    clock::after,
    generation,
    node::{CANCELLED, SHIELDED, ScopeRef, TIMED},
    scope_node::{Place, ScopeNode},
    tree,
};

/// How long a scope may take.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    Never,
    /// From the first poll on.
    After(Duration),
    At(Instant),
}

/// When a scope ends by time.
pub(crate) struct Expiry {
    limit: Limit,
    grace: Option<Instant>,
    alarm: Option<Armed>,
}

#[derive(Clone, Copy)]
struct Armed {
    key: AlarmKey,
    at: Instant,
}

impl Expiry {
    pub(crate) fn new(limit: Limit) -> Self {
        Self { limit, grace: None, alarm: None }
    }

    pub(crate) fn is_limited(&self) -> bool {
        self.grace.is_some() || !matches!(self.limit, Limit::Never)
    }

    /// Turns a relative limit into a deadline.
    pub(crate) fn count_from(&mut self, now: Instant) {
        if let Limit::After(limit) = self.limit {
            self.limit = after(now, limit).map_or(Limit::Never, Limit::At);
        }
    }

    /// Begins anew with this end; tells whether no alarm has to be armed for it.
    pub(crate) fn begin(&mut self, end: Option<Instant>) -> bool {
        self.limit = end.map_or(Limit::Never, Limit::At);
        end.is_none_or(|end| self.alarm.is_some_and(|alarm| alarm.at <= end))
    }

    pub(crate) fn has_alarm(&self) -> bool {
        self.alarm.is_some()
    }

    fn deadline(&self) -> Option<Instant> {
        match self.limit {
            Limit::At(at) => Some(at),
            Limit::Never | Limit::After(_) => None,
        }
    }

    /// The earlier of deadline and grace.
    pub(crate) fn end(&self) -> Option<Instant> {
        match (self.deadline(), self.grace) {
            (Some(deadline), Some(grace)) => Some(deadline.min(grace)),
            (deadline, grace) => deadline.or(grace),
        }
    }

    pub(crate) fn due(&self, now: Instant) -> Option<Cause> {
        let at = self.end().filter(|at| *at <= now)?;
        Some(if self.grace == Some(at) { Cause::Stopped } else { Cause::Deadline })
    }

    /// Takes the alarm off the books, for the clock to disarm it.
    pub(crate) fn take_alarm(&mut self) -> Option<AlarmKey> {
        self.alarm.take().map(|alarm| alarm.key)
    }
}

impl ScopeNode {
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.place().expiry.deadline()
    }

    /// The earlier of deadline and grace.
    pub(crate) fn end_of_time(&self) -> Option<Instant> {
        self.place().expiry.end()
    }

    pub(crate) fn set_deadline(self: &Arc<Self>, deadline: Option<Instant>) {
        {
            let mut place = self.place();
            place.expiry.limit = deadline.map_or(Limit::Never, Limit::At);
            self.note_time(&place);
        }
        self.check_or_arm();
    }

    /// Begins a stop, or shortens the grace of one (R13).
    pub(crate) fn stop(self: &Arc<Self>, grace: Duration) {
        let end = after(self.now(), grace);
        {
            let mut place = self.place();
            place.expiry.grace = match (place.expiry.grace, end) {
                (Some(old), Some(new)) => Some(old.min(new)),
                (old, new) => old.or(new),
            };
            self.note_time(&place);
        }
        let scope: ScopeRef = self.clone();
        tree::stop(&scope);
        self.check_or_arm();
    }

    /// Sees to it that `TIMED` is set where it has to be, and that whoever is polled in here knows.
    fn note_time(&self, place: &Place) {
        if place.expiry.is_limited() && !self.node.set(TIMED) && place.users > 0 {
            generation::bump();
        }
    }

    /// The time by the clock of this scope: that of its first poll, or the one in force here.
    pub(crate) fn now(&self) -> Instant {
        let clock = {
            let place = self.place();
            (place.users > 0).then(|| place.clock.clone())
        };
        clock.unwrap_or_else(ambient::clock).now()
    }

    fn check_or_arm(self: &Arc<Self>) {
        let timed = self.end_of_time().is_some();
        let due = timed && self.due(self.now()).map(|cause| self.cancel(cause)).is_some();
        if !due {
            self.arm();
        }
    }

    fn due(&self, now: Instant) -> Option<Cause> {
        self.place().expiry.due(now)
    }

    /// Cancels this scope if its time is over; tells the generation that this ended.
    pub(crate) fn cancel_if_due(self: &Arc<Self>, now: Instant) -> Option<u64> {
        self.due(now).and_then(|cause| self.cancel(cause))
    }

    /// Cancels those above, as far as they are visible, whose time was over no later than this scope's, if that is what
    /// ended this one. So the outer one of two with the same deadline is the one to absorb, in whichever order the timer
    /// came to them, and though the task may have been polled in between.
    pub(crate) fn tell_earlier_deadlines(&self, above: Option<ScopeRef>) {
        if above.is_none() || !matches!(self.node.cause(), Some(Cause::Deadline | Cause::Stopped)) {
            return;
        }
        let (end, clock) = {
            let place = self.place();
            (place.expiry.end(), place.clock.clone())
        };
        // A deadline that was moved since then says nothing about what is over.
        let Some(end) = end.map(|end| end.min(clock.now())) else { return };
        let mut at = above;
        while let Some(host) = at {
            at = if host.node().has(SHIELDED) { None } else { host.parent() };
            if let Some(scope) = host.as_scope() {
                let comparable = scope.place().clock.is(&clock);
                if comparable {
                    scope.cancel_if_due(end);
                }
            }
        }
    }

    /// Brings the alarm in line with invariant 1. The clock is foreign code, so it is called without the lock, and what
    /// another thread changed meanwhile is seen by going round again.
    pub(crate) fn arm(self: &Arc<Self>) {
        loop {
            let (old, wanted, clock) = {
                let mut place = self.place();
                let wanted = place.expiry.end().filter(|_| place.users > 0 && !self.node.has(CANCELLED));
                let armed = place.expiry.alarm.map(|alarm| alarm.at);
                let early_enough = !place.clock.is_installed() && armed.is_some() && armed <= wanted;
                if early_enough || armed == wanted {
                    return;
                }
                (place.expiry.take_alarm(), wanted, place.clock.clone())
            };
            if let Some(old) = old {
                drop(clock.disarm(old));
            }
            let Some(at) = wanted else { continue };
            let key = clock.arm(at, Waker::from(self.clone()));
            let superseded = self.place().expiry.alarm.replace(Armed { key, at });
            if let Some(superseded) = superseded {
                drop(clock.disarm(superseded.key));
            }
            // A clock that only moves when it is told to may have been moved past this while the body was polled.
            if clock.is_installed() {
                self.cancel_if_due(clock.now());
            }
        }
    }
}

/// The scope is its own alarm.
impl Wake for ScopeNode {
    fn wake(self: Arc<Self>) {
        let mut now = Instant::now();
        let cause = {
            let mut place = self.place();
            if place.clock.is_installed() {
                let clock = place.clock.clone();
                drop(place);
                now = clock.now();
                place = self.place();
            }
            // Whichever alarm this was, one that lies in the past has gone off.
            if place.expiry.alarm.is_some_and(|alarm| alarm.at <= now) {
                place.expiry.alarm = None;
            }
            if place.users == 0 {
                return;
            }
            place.expiry.due(now)
        };
        match cause {
            Some(cause) => drop(self.cancel(cause)),
            None => self.arm(),
        }
    }
}
