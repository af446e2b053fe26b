//! Random programs: one at a time against a model that is a list, and several at once, which must come out even.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    thread,
};

use anyio_cancel_scope::CancelScope;
use anyio_future_contract::Polled;
use anyio_sync::{CapacityLimiter, LimiterToken, Lock, OwnedLockGuard, Semaphore, SemaphorePermit};
use proptest::prelude::*;

use crate::support::{BoxedFuture, ends, fresh_budget};

/// What is limited, whichever way.
#[derive(Clone)]
enum Limited {
    Semaphore(Semaphore),
    Limiter(CapacityLimiter, Arc<AtomicUsize>),
    Lock(Arc<Lock<u32>>),
}

/// Something of it. It is released when it is dropped.
#[allow(dead_code, reason = "it is only kept")]
enum Share {
    Permit(SemaphorePermit),
    Token(LimiterToken),
    Guard(OwnedLockGuard<u32>),
}

impl Limited {
    /// How much one may ask for at once.
    fn most(&self) -> usize {
        if matches!(self, Self::Semaphore(_)) { 3 } else { 1 }
    }

    fn acquire(&self, amount: usize) -> BoxedFuture<Option<Share>> {
        match self.clone() {
            Self::Semaphore(semaphore) => {
                Box::pin(async move { semaphore.acquire_many(amount).await.ok().map(Share::Permit) })
            }
            Self::Limiter(limiter, keys) => Box::pin(async move {
                match keys.fetch_add(1, Ordering::Relaxed) {
                    key if key % 2 == 0 => limiter.acquire_for(key).await.ok().map(Share::Token),
                    _ => limiter.acquire().await.ok().map(Share::Token),
                }
            }),
            Self::Lock(lock) => Box::pin(async move { lock.lock_owned().await.ok().map(Share::Guard) }),
        }
    }

    fn try_acquire(&self, amount: usize) -> Option<Share> {
        match self {
            Self::Semaphore(semaphore) => semaphore.try_acquire_many(amount).map(Share::Permit),
            Self::Limiter(limiter, _) => limiter.try_acquire().map(Share::Token),
            Self::Lock(lock) => lock.try_lock_owned().map(Share::Guard),
        }
    }

    /// How much is free, and how many wait.
    fn numbers(&self) -> (isize, usize) {
        match self {
            Self::Semaphore(semaphore) => {
                let statistics = semaphore.statistics();
                (statistics.available_permits as isize, statistics.tasks_waiting)
            }
            Self::Limiter(limiter, _) => (limiter.available_tokens(), limiter.statistics().tasks_waiting),
            Self::Lock(lock) => {
                let statistics = lock.statistics();
                (isize::from(!statistics.locked), statistics.tasks_waiting)
            }
        }
    }

    /// Changes how much there is by so much, if that can be.
    fn change(&self, total: usize) -> Option<usize> {
        match self {
            Self::Limiter(limiter, _) => {
                limiter.set_total_tokens(total);
                Some(total)
            }
            _ => None,
        }
    }
}

fn limited() -> impl Strategy<Value = (Limited, usize)> {
    prop_oneof![
        (0..4_usize).prop_map(|n| (Limited::Semaphore(Semaphore::new(n)), n)),
        (0..4_usize).prop_map(|n| (Limited::Limiter(CapacityLimiter::new(n), Arc::default()), n)),
        Just(()).prop_map(|()| (Limited::Lock(Arc::new(Lock::new(0))), 1)),
    ]
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Acquire {
        amount: usize,
    },
    TryAcquire {
        amount: usize,
    },
    /// Those that follow name something by its place among what is there.
    Poll(usize),
    Cancel(usize),
    Drop(usize),
    Release(usize),
    Total(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let any = 0..64_usize;
    prop_oneof![
        4 => (1..4_usize).prop_map(|amount| Step::Acquire { amount }),
        1 => (1..4_usize).prop_map(|amount| Step::TryAcquire { amount }),
        4 => any.clone().prop_map(Step::Poll),
        1 => any.clone().prop_map(Step::Cancel),
        2 => any.clone().prop_map(Step::Drop),
        4 => any.clone().prop_map(Step::Release),
        1 => (0..4_usize).prop_map(Step::Total),
    ]
}

/// What there should be, by the rules: a number, and a list.
struct Model {
    total: usize,
    spare: isize,
    line: VecDeque<(usize, usize)>,
    granted: Vec<usize>,
}

impl Model {
    fn has(&self, amount: usize) -> bool {
        self.spare >= amount as isize
    }

    fn settle(&mut self) {
        while let Some(&(id, amount)) = self.line.front()
            && self.has(amount)
        {
            self.spare -= amount as isize;
            self.granted.push(id);
            self.line.pop_front();
        }
    }

    fn take(&mut self, amount: usize) -> bool {
        let takes = self.line.is_empty() && self.has(amount);
        self.spare -= if takes { amount as isize } else { 0 };
        takes
    }

    fn release(&mut self, amount: usize) {
        self.spare += amount as isize;
        self.settle();
    }

    fn set_total(&mut self, total: usize) {
        self.spare += total as isize - self.total as isize;
        self.total = total;
        self.settle();
    }

    /// Ends a wait: whether it had its grant.
    fn leave(&mut self, id: usize) -> bool {
        if let Some(at) = self.granted.iter().position(|&granted| granted == id) {
            self.granted.swap_remove(at);
            return true;
        }
        self.line.retain(|&(other, _)| other != id);
        self.settle();
        false
    }

    fn knows(&self, id: usize) -> bool {
        self.granted.contains(&id) || self.line.iter().any(|&(other, _)| other == id)
    }
}

struct Wait {
    id: usize,
    amount: usize,
    scope: CancelScope,
    future: Polled<BoxedFuture<Option<Share>>>,
}

fn run_against_the_model(limited: &Limited, total: usize, steps: &[Step]) {
    let mut model = Model { total, spare: total as isize, line: VecDeque::new(), granted: Vec::new() };
    let (mut waits, mut shares): (Vec<Wait>, Vec<(usize, Share)>) = Default::default();
    for (id, &step) in steps.iter().enumerate() {
        match step {
            Step::Acquire { amount } => {
                let (scope, amount) = (CancelScope::new(), amount.min(limited.most()));
                let future: BoxedFuture<_> = Box::pin(scope.enter(limited.acquire(amount)));
                waits.push(Wait { id, amount, scope, future: Polled::new(future) });
            }
            Step::TryAcquire { amount } => {
                let amount = amount.min(limited.most());
                let share = limited.try_acquire(amount);
                assert_eq!(share.is_some(), model.take(amount), "{step:?}");
                shares.extend(share.map(|share| (amount, share)));
            }
            Step::Poll(at) if !waits.is_empty() => {
                let at = at % waits.len();
                let wait = &mut waits[at];
                let is_entered = model.knows(wait.id);
                let is_cancelled = wait.scope.cancel_called();
                fresh_budget();
                match wait.future.poll() {
                    Poll::Pending => {
                        if !is_entered {
                            assert!(!is_cancelled && !model.take(wait.amount), "{step:?}");
                            model.line.push_back((wait.id, wait.amount));
                        }
                        assert!(!is_cancelled && !model.granted.contains(&wait.id), "{step:?}");
                    }
                    Poll::Ready(share) => {
                        let should =
                            if is_entered { model.leave(wait.id) } else { !is_cancelled && model.take(wait.amount) };
                        assert_eq!(share.is_some(), should, "{step:?}");
                        assert!(share.is_some() || is_cancelled, "{step:?}");
                        shares.extend(share.map(|share| (wait.amount, share)));
                        waits.remove(at);
                    }
                }
            }
            Step::Cancel(at) if !waits.is_empty() => {
                let at = at % waits.len();
                waits[at].scope.cancel();
            }
            Step::Drop(at) if !waits.is_empty() => {
                let wait = waits.remove(at % waits.len());
                if model.knows(wait.id) && model.leave(wait.id) {
                    model.release(wait.amount);
                }
            }
            Step::Release(at) if !shares.is_empty() => {
                let (amount, share) = shares.remove(at % shares.len());
                drop(share);
                model.release(amount);
            }
            Step::Total(total) => {
                if let Some(total) = limited.change(total) {
                    model.set_total(total);
                }
            }
            Step::Poll(_) | Step::Cancel(_) | Step::Drop(_) | Step::Release(_) => {}
        }
        assert_eq!(limited.numbers(), (model.spare, model.line.len()), "{step:?}");
        for wait in &waits {
            let is_due = model.granted.contains(&wait.id) || (model.knows(wait.id) && wait.scope.cancel_called());
            assert!(!is_due || wait.future.is_woken(), "{step:?}: due, and not woken");
        }
    }
    drop((waits, shares));
    assert_eq!(limited.numbers(), (model.total as isize, 0), "all of it came back");
}

/// What a thread does, in turn.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Polls so often, and drops the wait.
    Give {
        amount: usize,
        polls: usize,
    },
    /// Cancels after so many polls, and polls to the end.
    Cancel {
        amount: usize,
        polls: usize,
    },
    Try {
        amount: usize,
    },
    Release,
    Total(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (1..4_usize, 0..5_usize).prop_map(|(amount, polls)| Act::Give { amount, polls }),
        3 => (1..4_usize, 0..5_usize).prop_map(|(amount, polls)| Act::Cancel { amount, polls }),
        1 => (1..4_usize).prop_map(|amount| Act::Try { amount }),
        3 => Just(Act::Release),
        1 => (0..4_usize).prop_map(Act::Total),
    ]
}

/// The highest total that there ever is in the programs.
const HIGHEST: usize = 3;

fn run_on_a_thread(limited: &Limited, most: usize, out: &AtomicUsize, acts: &[Act]) {
    let mut shares: Vec<(usize, Share)> = Vec::new();
    for &act in acts {
        let got = match act {
            Act::Give { amount, polls } => {
                let amount = amount.min(limited.most());
                let mut wait = Polled::new(limited.acquire(amount));
                poll_until(&mut wait, polls).flatten().map(|share| (amount, share))
            }
            Act::Cancel { amount, polls } => {
                let (scope, amount) = (CancelScope::new(), amount.min(limited.most()));
                let mut wait = Polled::new(scope.enter(limited.acquire(amount)));
                let got = poll_until(&mut wait, polls).or_else(|| {
                    scope.cancel();
                    poll_until(&mut wait, usize::MAX)
                });
                got.flatten().map(|share| (amount, share))
            }
            Act::Try { amount } => {
                let amount = amount.min(limited.most());
                limited.try_acquire(amount).map(|share| (amount, share))
            }
            Act::Release => {
                if !shares.is_empty() {
                    let (amount, share) = shares.remove(0);
                    out.fetch_sub(amount, Ordering::SeqCst);
                    drop(share);
                }
                None
            }
            Act::Total(total) => {
                limited.change(total);
                None
            }
        };
        if let Some((amount, share)) = got {
            assert!(out.fetch_add(amount, Ordering::SeqCst) + amount <= most, "more is out than there is");
            shares.push((amount, share));
        }
    }
    for (amount, share) in shares {
        out.fetch_sub(amount, Ordering::SeqCst);
        drop(share);
    }
}

fn poll_until<F: Future>(wait: &mut Polled<F>, polls: usize) -> Option<F::Output> {
    for _ in 0..polls {
        if let Poll::Ready(output) = wait.poll() {
            return Some(output);
        }
        thread::yield_now();
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    // H1, H2, R3, R4
    #[test]
    fn any_program_does_what_the_model_does(
        (limited, total) in limited(),
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        run_against_the_model(&limited, total, &steps);
    }

    // H2
    #[test]
    fn programs_on_several_threads_never_have_more_out_than_there_is_and_give_all_of_it_back(
        (limited, total) in limited(),
        programs in proptest::collection::vec(proptest::collection::vec(act(), 1..20), 2..4),
    ) {
        let changes = programs.iter().flatten().any(|act| matches!(act, Act::Total(_)));
        let most = if changes && limited.change(total).is_some() { HIGHEST } else { total };
        let shared = limited.clone();
        ends(move || {
            let out = AtomicUsize::new(0);
            thread::scope(|threads| {
                for program in &programs {
                    threads.spawn(|| run_on_a_thread(&shared, most, &out, program));
                }
            });
        });
        limited.change(total);
        prop_assert_eq!(limited.numbers(), (total as isize, 0));
    }
}

/// `Debug`, for a failure's message.
impl std::fmt::Debug for Limited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Semaphore(semaphore) => semaphore.fmt(f),
            Self::Limiter(limiter, _) => limiter.fmt(f),
            Self::Lock(lock) => lock.fmt(f),
        }
    }
}
