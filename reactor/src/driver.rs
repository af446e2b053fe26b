//! What turns the wheel: one lock, one `async_io::Timer`.
//!
//! [`Driver::arm`] and its like change the wheel under the lock. async-io is told only when a tick comes up that is
//! earlier than the one it was told last; that is the *alarm*. When it rings, async-io calls [`Driver::fire`], which
//! takes the due wakers out in batches, wakes them without the lock, and sets the alarm for what is next. Disarming
//! never touches the alarm: it then rings for nothing, once.
//!
//! An arm or a disarm that does not move the alarm costs one mutex pair and a few dozen instructions.
//!
//! # Lock order
//!
//! The driver's mutex is innermost: nothing is called under it but the wheel and the alarm. That matters because async-io
//! calls `fire` while it holds its `events` lock, takes its `timers` lock when a timer is set, and because wakers are
//! foreign code that may come back here. So the `async_io::Timer` is not guarded by a lock that would have to be held
//! while it is set: who moves the alarm *takes it out* ([`Alarm`]), and sets it with no lock held. async-io's locks are
//! thus only ever taken by a thread that holds none of ours.
//!
//! # Invariants
//!
//! The wheel and the alarm list theirs. Between them: every tick that enters the wheel is asked of the alarm under the
//! same lock, and each `fire` ends by asking for the wheel's next tick. That is invariant 1 of the alarm, from which it
//! follows that no deadline is slept through.

use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use crate::alarm::{Alarm, Look, NEVER};
use crate::wheel::{TimerKey, Wheel};

/// How many timers are touched under the lock at a time.
const BATCH: usize = 128;

/// How many batches one ring of the alarm handles before other work of the reactor gets its turn.
const ROUNDS: usize = 16;

/// The alarm is never set farther than this beyond the wheel's time (about 50 days), so that no timeout gets so long
/// that a system call would refuse it. It then rings for nothing and is set again.
const FARTHEST: u64 = 1 << 32;

/// The driver of the process.
pub(crate) fn driver() -> &'static Driver {
    static DRIVER: OnceLock<Driver> = OnceLock::new();
    DRIVER.get_or_init(Driver::start)
}

pub(crate) struct Driver {
    /// Tick 0.
    base: Instant,
    state: Mutex<State>,
}

struct State {
    wheel: Wheel<Waker>,
    alarm: Alarm<async_io::Timer>,
}

impl Driver {
    fn start() -> Self {
        let base = Instant::now();
        // The timer keeps the waker with which it was polled; from then on, setting it is enough. Polling it again would
        // not do, for a timer that is already due answers the poll and wakes nobody.
        let mut timer = async_io::Timer::at(base + Duration::from_secs(3600));
        let waker = Waker::from(Arc::new(Ring));
        let _: Poll<Instant> = Pin::new(&mut timer).poll(&mut Context::from_waker(&waker));
        Self { base, state: Mutex::new(State { wheel: Wheel::new(), alarm: Alarm::new(timer) }) }
    }

    pub(crate) fn arm(&self, deadline: Instant, waker: Waker) -> TimerKey {
        let tick = self.tick_of(deadline);
        let mut state = self.lock();
        let key = state.wheel.insert(tick, waker);
        let timer = state.alarm.want(tick);
        drop(state);
        self.set_alarm(timer);
        key
    }

    pub(crate) fn rearm(&self, key: TimerKey, deadline: Instant) -> bool {
        let tick = self.tick_of(deadline);
        let mut state = self.lock();
        let armed = state.wheel.rearm(key, tick);
        let timer = if armed { state.alarm.want(tick) } else { None };
        drop(state);
        self.set_alarm(timer);
        armed
    }

    pub(crate) fn replace_waker(&self, key: TimerKey, waker: Waker) -> Result<Waker, Waker> {
        self.lock().wheel.replace(key, waker)
    }

    pub(crate) fn disarm(&self, key: TimerKey) -> Option<Waker> {
        self.lock().wheel.remove(key)
    }

    /// Wakes what is due. Called by async-io when the alarm rings; a call too many does no harm.
    fn fire(&self) {
        let now = self.ticks_until(Instant::now());
        let mut due = Vec::with_capacity(BATCH);
        self.lock().alarm.expire();
        for _ in 0..ROUNDS {
            let done = self.lock().wheel.advance(now, BATCH, &mut due);
            due.drain(..).for_each(wake);
            if done {
                break;
            }
        }
        let mut state = self.lock();
        let next = state.wheel.next_tick();
        let timer = next.and_then(|tick| state.alarm.want(tick));
        drop(state);
        self.set_alarm(timer);
    }

    /// Sets the alarm for what is wanted, as often as that changes meanwhile. `None`: somebody else does, or need not.
    fn set_alarm(&self, timer: Option<async_io::Timer>) {
        let Some(timer) = timer else { return };
        let mut holder = Holder { driver: self, timer: Some(timer) };
        let mut set_for = None;
        while let Some(timer) = &mut holder.timer {
            let mut state = self.lock();
            match state.alarm.look(set_for) {
                Look::Unchanged => {
                    if let Some(timer) = holder.timer.take() {
                        state.alarm.put_back(timer);
                    }
                }
                Look::Set { tick, revision } => {
                    let farthest = state.wheel.elapsed().saturating_add(FARTHEST);
                    drop(state);
                    let instant = self.base.checked_add(Duration::from_millis(tick.min(farthest)));
                    if let Some(instant) = instant.filter(|_| tick != NEVER) {
                        timer.set_at(instant);
                    }
                    set_for = Some(revision);
                }
            }
        }
    }

    /// The first tick that is not before `deadline`. By rounding up nothing fires early.
    fn tick_of(&self, deadline: Instant) -> u64 {
        let span = deadline.saturating_duration_since(self.base);
        let millis = span.subsec_nanos().div_ceil(1_000_000);
        span.as_secs().saturating_mul(1_000).saturating_add(u64::from(millis))
    }

    /// The last tick that is not after `now`.
    fn ticks_until(&self, now: Instant) -> u64 {
        let span = now.saturating_duration_since(self.base);
        span.as_secs().saturating_mul(1_000).saturating_add(u64::from(span.subsec_millis()))
    }

    /// No code that can panic halfway runs under the lock, so a poisoned one is as good as any.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Puts the timer back if async-io panics while it is being set, so that the next arming tries again.
struct Holder<'a> {
    driver: &'a Driver,
    timer: Option<async_io::Timer>,
}

impl Drop for Holder<'_> {
    fn drop(&mut self) {
        if let Some(timer) = self.timer.take() {
            let mut state = self.driver.lock();
            state.alarm.expire();
            state.alarm.put_back(timer);
        }
    }
}

/// The waker which async-io calls.
struct Ring;

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        driver().fire();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        driver().fire();
    }
}

/// Wakes foreign code. A panic must not keep the other timers from firing, nor unwind into the reactor.
pub(crate) fn wake(waker: Waker) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
        // The payload's destructor is foreign code too.
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            mem::forget(second);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_rounded_up_and_the_clock_down() {
        let driver = driver();
        for nanos in [0, 1, 999_999, 1_000_000, 1_000_001, 59_999_999_999] {
            let instant = driver.base + Duration::from_nanos(nanos);
            assert_eq!(driver.tick_of(instant), nanos.div_ceil(1_000_000));
            assert_eq!(driver.ticks_until(instant), nanos / 1_000_000);
        }
        if let Some(before) = driver.base.checked_sub(Duration::from_millis(5)) {
            assert_eq!(driver.tick_of(before), 0);
        }
    }
}
