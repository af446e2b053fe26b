//! Random trees of scopes, shields, sub-executors and joins in one task, while another thread cancels, shields, stops and
//! unshields at random; judged by a model that looks at every flag on the way up.
//!
//! When the other thread is done, the task is polled only as long as it is woken. Then no wait may be left that is
//! effectively cancelled, or whose stop began: its wake-up would be lost. And no wait may have ended without reason.
//!
//! `ANYIO_STRESS_ROUNDS` sets the number of rounds, `ANYIO_STRESS_SEED` the first seed (a failure prints its own).

use std::{
    cell::Cell,
    future::{Future, pending},
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use anyio_cancel_scope::{CancelExt, CancelScope, Cancelled, sleep_forever, stopping};
use futures::{future::join_all, stream::FuturesUnordered, stream::StreamExt};

use crate::support::fresh_budget;

/// xorshift64*: small, seeded, the same everywhere.
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n
    }
}

/// A scope, and the index of the one around it.
struct Place {
    scope: CancelScope,
    parent: Option<usize>,
    links: Vec<usize>,
    /// Between its first poll and its end: only then does it have a parent.
    runs: Rc<Cell<bool>>,
    cancelled_by_us: Arc<AtomicBool>,
    stopped_by_us: Arc<AtomicBool>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Sleep,
    Foreign,
    /// Ignores the first cancellations, and waits anew.
    Stubborn,
    Stopping,
    UnlessStopping,
}

struct Wait {
    at: usize,
    kind: Kind,
    ended: Rc<Cell<bool>>,
}

struct Tree {
    places: Vec<Place>,
    waits: Vec<Wait>,
}

type Work = Pin<Box<dyn Future<Output = ()>>>;

impl Tree {
    fn place(&mut self, dice: &mut Dice, parent: Option<usize>) -> usize {
        let mut scope = CancelScope::new();
        if dice.below(4) == 0 {
            scope = scope.shielded();
        }
        let mut links = Vec::new();
        if !self.places.is_empty() && dice.below(6) == 0 {
            let other = dice.below(self.places.len());
            scope = scope.linked(&self.places[other].scope);
            links.push(other);
        }
        let (cancelled_by_us, stopped_by_us) = Default::default();
        let runs = Rc::default();
        self.places.push(Place { scope, parent, links, runs, cancelled_by_us, stopped_by_us });
        self.places.len() - 1
    }

    /// Runs `work` in the scope `at`.
    fn run(&self, at: usize, work: impl Future<Output = ()> + 'static) -> Work {
        let runs = self.places[at].runs.clone();
        let entered = self.places[at].scope.enter(work);
        Box::pin(async move {
            runs.set(true);
            entered.await;
            runs.set(false);
        })
    }

    /// Some work in the scope `at`.
    fn work(&mut self, dice: &mut Dice, at: usize, depth: usize) -> Work {
        match dice.below(if depth == 0 { 2 } else { 8 }) {
            0 | 1 => self.wait(dice, at),
            2..=4 => {
                let inner = self.place(dice, Some(at));
                let work = self.work(dice, inner, depth - 1);
                self.run(inner, work)
            }
            5 | 6 => {
                let many = 1 + dice.below(3);
                let works: Vec<_> = (0..many).map(|_| self.work(dice, at, depth - 1)).collect();
                if dice.below(3) == 0 {
                    return Box::pin(async { drop(join_all(works).await) });
                }
                Box::pin(async { works.into_iter().collect::<FuturesUnordered<_>>().for_each(|()| async {}).await })
            }
            _ => {
                let elsewhere = dice.below(self.places.len());
                let work = self.work(dice, elsewhere, depth - 1);
                Box::pin(work.in_scope(&self.places[elsewhere].scope))
            }
        }
    }

    fn wait(&mut self, dice: &mut Dice, at: usize) -> Work {
        let kind = [Kind::Sleep, Kind::Foreign, Kind::Stubborn, Kind::Stopping, Kind::UnlessStopping][dice.below(5)];
        let ended = Rc::new(Cell::new(false));
        self.waits.push(Wait { at, kind, ended: ended.clone() });
        Box::pin(async move {
            match kind {
                Kind::Sleep => drop(sleep_forever().await),
                Kind::Foreign => drop(pending::<()>().cancellable().await),
                Kind::Stubborn => {
                    for _ in 0..3 {
                        let _: Result<(), Cancelled> = sleep_forever().await;
                    }
                }
                Kind::Stopping => drop(stopping().await),
                Kind::UnlessStopping => drop(pending::<()>().unless_stopping().await),
            }
            ended.set(true);
        })
    }

    /// The places from `at` upwards.
    fn upwards(&self, at: usize) -> impl Iterator<Item = &Place> {
        let above = |place: &&Place| place.parent.filter(|_| place.runs.get()).map(|parent| &self.places[parent]);
        std::iter::successors(Some(&self.places[at]), above)
    }

    fn is_cancelled(&self, at: usize) -> bool {
        for place in self.upwards(at) {
            if place.scope.cancel_called() {
                return true;
            }
            if place.scope.is_shielded() {
                return false;
            }
        }
        false
    }

    fn is_stopping(&self, at: usize) -> bool {
        self.upwards(at).any(|place| place.stopped_by_us.load(Ordering::SeqCst))
    }

    /// Whether somebody stopped a place that is or was around.
    fn was_stopped(&self, at: usize) -> bool {
        let around = std::iter::successors(Some(at), |at| self.places[*at].parent);
        around.into_iter().any(|at| self.places[at].stopped_by_us.load(Ordering::SeqCst))
    }

    /// Whether somebody cancelled a place around, or one that it is linked to by some way, shields or not.
    fn may_be_cancelled(&self, at: usize) -> bool {
        let mut seen = vec![false; self.places.len()];
        let mut open = vec![at];
        while let Some(at) = open.pop() {
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            let place = &self.places[at];
            if place.cancelled_by_us.load(Ordering::SeqCst) {
                return true;
            }
            open.extend(place.parent);
            open.extend(&place.links);
        }
        false
    }

    fn judge(&self, seed: u64) {
        for (at, place) in self.places.iter().enumerate() {
            for link in &place.links {
                let linked = !self.is_cancelled(*link) || place.scope.cancel_called();
                assert!(linked, "seed {seed}: {link} is cancelled, and {at}, linked to it, is not");
            }
            let justified = !place.scope.cancel_called() || self.may_be_cancelled(at);
            assert!(justified, "seed {seed}: scope {at} was cancelled by nobody");
        }
        for (at, wait) in self.waits.iter().enumerate() {
            let sees_stops = matches!(wait.kind, Kind::Stopping | Kind::UnlessStopping);
            if wait.ended.get() {
                let stopped = sees_stops && self.was_stopped(wait.at);
                assert!(stopped || self.may_be_cancelled(wait.at), "seed {seed}: wait {at} ended without reason");
            } else {
                let stopped = sees_stops && self.is_stopping(wait.at);
                let cancelled = wait.kind != Kind::UnlessStopping && self.is_cancelled(wait.at);
                assert!(!stopped && !cancelled, "seed {seed}: nobody woke wait {at}, a {:?} in {}", wait.kind, wait.at);
            }
        }
    }
}

#[derive(Default)]
struct Bell {
    rung: AtomicBool,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::SeqCst);
    }
}

/// What the other thread does: the scope, and with which of the four verbs.
type Deed = (CancelScope, usize, Arc<AtomicBool>);

fn deeds(tree: &Tree, dice: &mut Dice) -> Vec<Deed> {
    (0..1 + dice.below(8))
        .map(|_| {
            let place = &tree.places[dice.below(tree.places.len())];
            let verb = dice.below(6);
            let ours = if verb == 0 { &place.cancelled_by_us } else { &place.stopped_by_us };
            (place.scope.clone(), verb, ours.clone())
        })
        .collect()
}

fn do_it((scope, verb, ours): &Deed) {
    match verb {
        0 => {
            ours.store(true, Ordering::SeqCst);
            scope.cancel();
        }
        1 => {
            ours.store(true, Ordering::SeqCst);
            scope.stop(Duration::MAX);
        }
        2 | 3 => scope.set_shielded(true),
        _ => scope.set_shielded(false),
    }
}

fn round(seed: u64, other: &mpsc::Sender<(Vec<Deed>, Arc<AtomicUsize>)>) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    dice.below(2);
    let mut tree = Tree { places: Vec::new(), waits: Vec::new() };
    let root = tree.place(&mut dice, None);
    let work = tree.work(&mut dice, root, 5);
    let mut task: Option<Work> = Some(tree.run(root, work));
    let bell = Arc::new(Bell { rung: AtomicBool::new(true) });
    let waker = Waker::from(bell.clone());
    let poll = |task: &mut Option<Work>| {
        if let Some(work) = task
            && work.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
        {
            *task = None;
        }
    };
    if dice.below(2) == 0 {
        bell.rung.store(false, Ordering::SeqCst);
        poll(&mut task);
    }
    // 0: sent, 1: both run, 2: the other one is done.
    let state = Arc::new(AtomicUsize::new(0));
    other.send((deeds(&tree, &mut dice), state.clone())).unwrap();
    while state.compare_exchange(1, 3, Ordering::SeqCst, Ordering::SeqCst).is_err() {
        std::thread::yield_now();
    }
    loop {
        let is_done = state.load(Ordering::SeqCst) == 2;
        if bell.rung.swap(false, Ordering::SeqCst) {
            poll(&mut task);
        } else if is_done {
            break;
        } else {
            std::hint::spin_loop();
        }
    }
    tree.judge(seed);
    drop(task);
    for (at, place) in tree.places.iter().enumerate() {
        assert_eq!(Arc::strong_count(place.scope.node()), 1, "seed {seed}: scope {at} is held by somebody");
    }
    assert_eq!(Arc::strong_count(&bell), 2, "seed {seed}: a waker is held by somebody");
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

#[test]
fn whatever_is_effectively_cancelled_in_the_end_was_woken() {
    fresh_budget();
    let (send, receive) = mpsc::channel::<(Vec<Deed>, Arc<AtomicUsize>)>();
    let other = std::thread::spawn(move || {
        for (deeds, state) in receive {
            state.store(1, Ordering::SeqCst);
            while state.load(Ordering::SeqCst) != 3 {
                std::thread::yield_now();
            }
            deeds.iter().for_each(do_it);
            drop(deeds);
            state.store(2, Ordering::SeqCst);
        }
    });
    let (first, rounds) = (number("ANYIO_STRESS_SEED", 1), number("ANYIO_STRESS_ROUNDS", 5000));
    for seed in first..first + rounds {
        round(seed, &send);
    }
    drop(send);
    other.join().unwrap();
}

/// The same without a thread: a change between any two polls, and changes while a poll is under way.
#[test]
fn whatever_is_effectively_cancelled_in_the_end_was_woken_on_one_thread() {
    fresh_budget();
    let first = number("ANYIO_STRESS_SEED", 1);
    for seed in first..first + number("ANYIO_STRESS_ROUNDS", 5000) {
        let mut dice = Dice(seed.wrapping_mul(0xD1B5_4A32_D192_ED03) | 1);
        dice.below(2);
        let mut tree = Tree { places: Vec::new(), waits: Vec::new() };
        let root = tree.place(&mut dice, None);
        let work = tree.work(&mut dice, root, 5);
        let during = deeds(&tree, &mut dice);
        // One branch of the task does the deeds inside a poll, between the first polls of its siblings.
        let inside = async move { during.iter().for_each(do_it) };
        let more = tree.work(&mut dice, root, 4);
        let works: Vec<Work> = vec![work, Box::pin(inside), more];
        let all = async { works.into_iter().collect::<FuturesUnordered<_>>().for_each(|()| async {}).await };
        let mut task: Work = tree.run(root, all);
        let bell = Arc::new(Bell { rung: AtomicBool::new(true) });
        let waker = Waker::from(bell.clone());
        let mut is_over = false;
        for _ in 0..4 {
            while !is_over && bell.rung.swap(false, Ordering::SeqCst) {
                is_over = matches!(task.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Ready(()));
            }
            tree.judge(seed);
            deeds(&tree, &mut dice).iter().for_each(do_it);
        }
        drop(task);
        assert!(tree.places.iter().all(|place| Arc::strong_count(place.scope.node()) == 1), "seed {seed}");
    }
}
