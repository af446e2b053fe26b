//! What a `run` does when nothing can run: it tells who waits for that, has its clock jump, or finds that it is stuck.
//!
//! # Invariants
//! 1. Whether a job is active, a thread at work, a descriptor waited for or an alarm armed is read before whether the future was
//!    woken: each of them wakes the future before it ends.
//! 2. A job may have begun what is outside of all tasks before it fell quiet. So that is looked at before the jobs are, and once
//!    more after it: if the looks are the same, then nothing has begun in between. If not, the job rings as it falls quiet.

use std::{
    task::Context,
    time::{Duration, Instant},
};

use anyio_cancel_scope::{
    Clock,
    host::{Outside, Seen},
};
use anyio_reactor::timer::{self, TimerKey};

use crate::session::Session;

/// Nothing has happened since then.
pub(crate) struct Quiet {
    since: Instant,
    turns: usize,
    alarm: Option<TimerKey>,
}

/// What came of looking whether anything can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Something may yet happen.
    Waits,
    /// Nothing can run any more, and nothing will.
    Stuck,
}

impl Session {
    /// Looks whether anything can run, and does what is due if not.
    pub(crate) fn rest(&mut self, happened: bool, cx: &mut Context<'_>) -> Rest {
        if !self.pool.is_watched() {
            return Rest::Waits;
        }
        // By invariants 1 and 2.
        let outside @ [threads, descriptors] = self.look_outside();
        if !self.pool.is_quiet() || self.is_woken() {
            self.forget_quiet();
            return Rest::Waits;
        }
        if self.pool.idlers().is_any() {
            self.forget_quiet();
            self.pool.idlers().tell();
            cx.waker().wake_by_ref();
            return Rest::Waits;
        }
        if threads.at_work() > 0 || self.look_outside() != outside {
            self.forget_quiet();
            return Rest::Waits;
        }
        let descriptors = descriptors.at_work() > 0;
        let clock = self.clock.clone();
        let mut moved = false;
        if let Some(clock) = clock.as_deref().filter(|clock| clock.jumps()) {
            if !self.may_jump(clock, descriptors, happened, cx) {
                return Rest::Waits;
            }
            let before = clock.now();
            clock.jump();
            moved = clock.now() > before;
        }
        let rings = clock.as_deref().is_none_or(Clock::may_ring);
        // It may have rung for nobody, and then moves on.
        if moved || !self.pool.is_quiet() || self.is_woken() {
            cx.waker().wake_by_ref();
            return Rest::Waits;
        }
        if self.gets_stuck && !descriptors && !rings { Rest::Stuck } else { Rest::Waits }
    }

    fn look_outside(&self) -> [Seen; 2] {
        [Outside::Thread, Outside::Descriptor].map(|what| self.record.look(what))
    }

    /// Whether the clock may jump, though descriptors may be waited for.
    fn may_jump(&mut self, clock: &dyn Clock, descriptors: bool, happened: bool, cx: &mut Context<'_>) -> bool {
        if descriptors {
            let turns = self.pool.turns();
            if happened || self.quiet.as_ref().is_some_and(|quiet| quiet.turns != turns) {
                self.forget_quiet();
            }
            match clock.jumps_after() {
                None => return false,
                Some(wait) if !self.was_quiet_for(wait, turns, cx) => return false,
                Some(_) => {}
            }
        }
        self.forget_quiet();
        true
    }

    /// Whether nothing happened for `wait` of real time; if not, it looks again when that is over.
    fn was_quiet_for(&mut self, wait: Duration, turns: usize, cx: &mut Context<'_>) -> bool {
        let now = Instant::now();
        let quiet = self.quiet.get_or_insert(Quiet { since: now, turns, alarm: None });
        match quiet.since.checked_add(wait) {
            Some(end) if now >= end => true,
            Some(end) => {
                if quiet.alarm.is_none() {
                    quiet.alarm = Some(timer::arm(end, cx.waker().clone()));
                }
                false
            }
            None => false,
        }
    }

    pub(crate) fn forget_quiet(&mut self) {
        if let Some(alarm) = self.quiet.take().and_then(|quiet| quiet.alarm) {
            drop(timer::disarm(alarm));
        }
    }
}
