//! The system's clock, for a run that wants to know whether any timer of its own is armed.
//!
//! # Invariants
//! 1. An alarm is in `alarms` from before it is armed until its waker was called, or until it was taken back: so an empty table
//!    means that every wake-up by this clock has arrived.
//! 2. Keys grow, so none names two alarms.
//! 3. Wakers are woken and dropped outside the lock.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Wake, Waker},
    time::Instant,
};

use anyio_reactor::timer::{self, TimerKey};

use crate::{AlarmKey, Clock};

/// The system's clock, which counts its alarms.
pub struct SystemClock {
    alarms: Arc<Mutex<Alarms>>,
    watcher: Waker,
}

impl SystemClock {
    /// The clock, which wakes `watcher` when the last of its alarms has gone off.
    pub fn new(watcher: Waker) -> Self {
        Self { alarms: Arc::default(), watcher }
    }
}

#[derive(Default)]
struct Alarms {
    armed: BTreeMap<u64, Alarm>,
    next: u64,
}

struct Alarm {
    waker: Waker,
    timer: Option<TimerKey>,
}

/// One alarm's own waker.
struct Ring {
    alarms: Arc<Mutex<Alarms>>,
    watcher: Waker,
    key: u64,
}

fn lock(alarms: &Mutex<Alarms>) -> MutexGuard<'_, Alarms> {
    alarms.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        let waker = lock(&self.alarms).armed.get(&self.key).map(|alarm| alarm.waker.clone());
        if let Some(waker) = waker {
            waker.wake();
        }
        // By invariant 1.
        let (gone, last) = {
            let mut alarms = lock(&self.alarms);
            (alarms.armed.remove(&self.key), alarms.armed.is_empty())
        };
        drop(gone);
        if last {
            self.watcher.wake_by_ref();
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn arm(&self, deadline: Instant, waker: Waker) -> AlarmKey {
        let key = {
            let mut alarms = lock(&self.alarms);
            let key = alarms.next;
            alarms.next += 1;
            alarms.armed.insert(key, Alarm { waker, timer: None });
            key
        };
        let ring = Ring { alarms: self.alarms.clone(), watcher: self.watcher.clone(), key };
        let timer = timer::arm(deadline, Waker::from(Arc::new(ring)));
        if let Some(alarm) = lock(&self.alarms).armed.get_mut(&key) {
            alarm.timer = Some(timer);
        }
        AlarmKey::new(key)
    }

    fn disarm(&self, key: AlarmKey) -> Option<Waker> {
        let key = key.get()?;
        let alarm = lock(&self.alarms).armed.remove(&key)?;
        if let Some(timer) = alarm.timer {
            drop(timer::disarm(timer));
        }
        Some(alarm.waker)
    }

    fn may_ring(&self) -> bool {
        !lock(&self.alarms).armed.is_empty()
    }
}

impl fmt::Debug for SystemClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemClock").field("alarms", &lock(&self.alarms).armed.len()).finish()
    }
}
