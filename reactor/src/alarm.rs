//! The alarm: for which tick the system is to call, and who tells it.
//!
//! A pure machine under the driver's lock. The *handle* with which the system is told is a value in it; who has to move
//! the alarm takes the handle out, tells the system with no lock held, and puts the handle back only if nothing changed
//! meanwhile.
//!
//! ```text
//! want(earlier tick) -> handle     (or nothing: the alarm is early enough, or somebody has the handle and will see)
//!   loop: look(set_for) -> Set(tick, revision) --> unlock, tell the system, lock, set_for = revision
//!                       -> Unchanged           --> put the handle back, done
//! the alarm rings -> expire, fire what is due, want(what is next)
//! ```
//!
//! # Invariants
//!
//! 1. `wanted` is at most every tick that is armed, except between an `expire` and the `want` which follows it.
//! 2. `revision` changes whenever `wanted` is written.
//! 3. While the handle is in its place, the system was told of `wanted` after `wanted` was last written, or `wanted` is
//!    [`NEVER`].
//!
//! So no deadline is slept through. Take an armed tick `t`, and no ring under way. By 1, `wanted <= t`. If the handle
//! is out, its holder will see the present revision and tell the system. If it is in its place, the system was told by
//! 3, and has not rung since (that would have written `wanted`), so it still will. The revision is compared, not the
//! tick: an alarm that rang before its setter came back may have been asked for again with the same tick.
//!
//! The test below walks through every order in which two arming threads and the rings can interleave.

/// The tick of no deadline.
pub(crate) const NEVER: u64 = u64::MAX;

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Alarm<H> {
    wanted: u64,
    revision: u64,
    /// `None` while somebody sets it.
    handle: Option<H>,
}

/// What the holder of the handle has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Look {
    /// Tell the system of the tick (unless it is [`NEVER`]), then look again with the revision.
    Set { tick: u64, revision: u64 },
    /// Put the handle back, under the same lock.
    Unchanged,
}

impl<H> Alarm<H> {
    pub(crate) fn new(handle: H) -> Self {
        Self { wanted: NEVER, revision: 0, handle: Some(handle) }
    }

    /// Asks for an alarm at `tick` or before. Who gets the handle has to set it.
    #[must_use = "a handle that is taken out must be set and put back"]
    pub(crate) fn want(&mut self, tick: u64) -> Option<H> {
        if tick >= self.wanted {
            return None;
        }
        self.wanted = tick;
        self.revision += 1;
        self.handle.take()
    }

    /// Compares the revision for which the holder has told the system with the present one.
    pub(crate) fn look(&self, set_for: Option<u64>) -> Look {
        if set_for == Some(self.revision) {
            Look::Unchanged
        } else {
            Look::Set { tick: self.wanted, revision: self.revision }
        }
    }

    pub(crate) fn put_back(&mut self, handle: H) {
        debug_assert!(self.handle.is_none(), "there is only one handle");
        self.handle = Some(handle);
    }

    /// The alarm has rung: what was wanted before counts no more.
    pub(crate) fn expire(&mut self) {
        self.wanted = NEVER;
        self.revision += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::*;

    #[test]
    fn only_an_earlier_tick_moves_the_alarm() {
        let mut alarm = Alarm::new("handle");
        assert_eq!(alarm.want(NEVER), None);
        assert_eq!(alarm.want(10), Some("handle"));
        alarm.put_back("handle");
        assert_eq!(alarm.want(10), None);
        assert_eq!(alarm.want(11), None);
        assert_eq!(alarm.want(9), Some("handle"));
    }

    /// One thread of the model, between two of its critical sections.
    #[derive(Clone, PartialEq, Eq, Hash)]
    enum Thread {
        /// Arms these ticks, last one first.
        Arming(Vec<u64>),
        /// Has the handle; afterwards the rest is armed.
        Looking(Option<u64>, Vec<u64>),
        Telling(Look, Vec<u64>),
        /// The reactor's thread, called at this tick.
        Expiring(u64),
        Firing(u64),
        Resetting,
    }

    #[derive(Clone, PartialEq, Eq, Hash)]
    struct World {
        alarm: Alarm<()>,
        /// What the system was told last, if it has not rung.
        told: Option<u64>,
        armed: BTreeSet<(u64, usize)>,
        threads: Vec<Thread>,
    }

    impl World {
        /// Lets one thread do its next step; `None` when it has nothing to do.
        fn step(&self, index: usize) -> Option<World> {
            let mut world = self.clone();
            let next = match world.threads[index].clone() {
                // The last thread is the reactor's: it rings when it has nothing else to do.
                Thread::Arming(_) if index + 1 == world.threads.len() => Thread::Expiring(world.told.take()?),
                Thread::Arming(mut ticks) => {
                    let tick = ticks.pop()?;
                    world.armed.insert((tick, index * 10 + ticks.len()));
                    world.ask(tick, ticks)
                }
                Thread::Looking(set_for, rest) => match world.alarm.look(set_for) {
                    Look::Unchanged => {
                        world.alarm.put_back(());
                        Thread::Arming(rest)
                    }
                    set @ Look::Set { .. } => Thread::Telling(set, rest),
                },
                Thread::Telling(Look::Set { tick, revision }, rest) => {
                    if tick != NEVER {
                        world.told = Some(tick);
                    }
                    Thread::Looking(Some(revision), rest)
                }
                Thread::Telling(Look::Unchanged, _) => unreachable!(),
                Thread::Expiring(now) => {
                    world.alarm.expire();
                    Thread::Firing(now)
                }
                Thread::Firing(now) => {
                    world.armed.retain(|&(tick, _)| tick > now);
                    Thread::Resetting
                }
                Thread::Resetting => match world.armed.first().copied() {
                    Some((tick, _)) => world.ask(tick, Vec::new()),
                    None => Thread::Arming(Vec::new()),
                },
            };
            world.threads[index] = next;
            Some(world)
        }

        fn ask(&mut self, tick: u64, rest: Vec<u64>) -> Thread {
            match self.alarm.want(tick) {
                Some(()) => Thread::Looking(None, rest),
                None => Thread::Arming(rest),
            }
        }
    }

    #[test]
    fn no_order_of_arming_and_ringing_sleeps_through_a_deadline() {
        let mut ends = 0;
        for first in [[5, 5], [3, 5], [5, 3]] {
            for second in [[5, 5], [3, 5], [5, 3], [7, 1]] {
                let threads =
                    vec![Thread::Arming(first.to_vec()), Thread::Arming(second.to_vec()), Thread::Arming(Vec::new())];
                let mut seen = HashSet::new();
                let mut open = vec![World { alarm: Alarm::new(()), told: None, armed: BTreeSet::new(), threads }];
                while let Some(world) = open.pop() {
                    let next: Vec<_> = (0..world.threads.len()).filter_map(|index| world.step(index)).collect();
                    if next.is_empty() {
                        ends += 1;
                        assert!(world.armed.is_empty(), "everybody sleeps, and {:?} is still armed", world.armed);
                        assert!(world.alarm.handle.is_some());
                    }
                    for world in next {
                        if seen.insert(world.clone()) {
                            open.push(world);
                        }
                    }
                }
            }
        }
        assert!(ends > 0);
    }
}
