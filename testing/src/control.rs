//! What watches one run of a test: it counts the points at which it may be cancelled, cancels at one of them, and decides in
//! which order things run.
//!
//! # Invariants
//! 1. `counted` numbers the points of a run, from 1; with the same choices it is the same each time.
//! 2. No lock is held while a scope is cancelled.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use anyio_cancel_scope::{
    CancelScope, Cause,
    host::{Moment, Observer, Point, cancel, nearest_named},
};

use crate::dice::Dice;

/// Where the order is up to the dice, one operation in so many at most gives way at its entry: from run to run it is another
/// number, for what shows where hardly anybody does is not what shows where all do.
const GIVES_WAY: usize = 8;

pub(crate) struct Control {
    seed: Option<u64>,
    dice: Option<Dice>,
    /// One operation in so many gives way.
    gives_way: usize,
    sweep: Option<Sweep>,
    /// Something outside of all tasks was at work.
    outside: AtomicBool,
}

/// How a run is cancelled.
pub(crate) struct Sweep {
    whom: Whom,
    /// The number of the point; 0 to count them only.
    at: usize,
    counted: AtomicUsize,
    struck: Mutex<Option<Point>>,
}

/// What is cancelled.
#[derive(Clone)]
pub(crate) enum Whom {
    /// The whole test.
    Test(CancelScope),
    /// The nearest scope around that has this name.
    Named(&'static str),
}

impl Control {
    pub(crate) fn new(seed: Option<u64>) -> Self {
        let dice = seed.map(Dice::new);
        let gives_way = dice.as_ref().map_or(0, |dice| 1 + dice.below(GIVES_WAY));
        Self { seed, dice, gives_way, sweep: None, outside: AtomicBool::new(false) }
    }

    /// Cancels at the point of this number; 0 counts only.
    pub(crate) fn cancelling(self, whom: Whom, at: usize) -> Self {
        let sweep = Sweep { whom, at, counted: AtomicUsize::new(0), struck: Mutex::new(None) };
        Self { sweep: Some(sweep), ..self }
    }

    /// How many points were reached.
    pub(crate) fn points(&self) -> usize {
        self.sweep.as_ref().map_or(0, |sweep| sweep.counted.load(Ordering::Relaxed))
    }

    /// The point at which it was cancelled.
    pub(crate) fn struck(&self) -> Option<Point> {
        let struck = self.sweep.as_ref()?.struck.lock();
        *struck.unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn was_outside(&self) -> bool {
        self.outside.load(Ordering::Relaxed)
    }
}

impl Sweep {
    /// Counts the point; tells whether it is the one.
    fn is_due(&self, point: Point) -> bool {
        let due = self.counted.fetch_add(1, Ordering::Relaxed) + 1 == self.at;
        if due {
            *self.struck.lock().unwrap_or_else(PoisonError::into_inner) = Some(point);
        }
        due
    }

    fn reached(&self, point: Point) {
        let reason = || Some(Arc::from("the cancellation sweep"));
        match &self.whom {
            Whom::Test(root) => {
                if self.is_due(point) {
                    root.cancel_because("the cancellation sweep");
                }
            }
            Whom::Named(name) => {
                if let Some(scope) = nearest_named(name)
                    && self.is_due(point)
                {
                    cancel(&scope, Cause::Called(reason()));
                }
            }
        }
    }
}

impl Observer for Control {
    fn reached(&self, point: Point) {
        if let Some(sweep) = &self.sweep {
            sweep.reached(point);
        }
    }

    fn outside(&self) {
        self.outside.store(true, Ordering::Relaxed);
    }

    fn gives_way(&self) -> bool {
        self.dice.as_ref().is_some_and(|dice| dice.below(self.gives_way) == 0)
    }

    fn decides(&self) -> bool {
        self.dice.is_some()
    }

    fn choose(&self, count: usize) -> usize {
        self.dice.as_ref().map_or(0, |dice| dice.below(count))
    }

    fn told(&self) -> Option<String> {
        let order =
            self.seed.map(|seed| (format!("under the order of seed {seed}"), format!("`ANYIO_TEST_SEED={seed}`")));
        let struck = self.sweep.as_ref().zip(self.struck()).map(|(Sweep { at, .. }, point)| {
            (format!("cancelled at point {at} ({})", told(point)), format!("`ANYIO_TEST_SWEEP={at}`"))
        });
        let (what, again): (Vec<_>, Vec<_>) = order.into_iter().chain(struck).unzip();
        if what.is_empty() {
            return None;
        }
        Some(format!("It was run {}; to have that again: {}", what.join(", "), again.join(" ")))
    }
}

/// The point in words.
pub(crate) fn told(point: Point) -> String {
    let Point { moment, verb, place } = point;
    match moment {
        Moment::Entry => format!("as `{verb}` at {place} was entered"),
        Moment::Pending => format!("when `{verb}` at {place} began to wait"),
        Moment::Resumed => format!("after `{verb}` at {place} was woken, before it looked at its result"),
    }
}
