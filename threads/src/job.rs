//! One closure on its way through a worker thread, as its task and its worker share it.
//!
//! ```text
//!   QUEUED ──claimed by a worker──▶ BEGUN ──told, or dropped unwanted──▶ ENDED (its task takes the outcome)
//!      └──its task gives it up, or finds that it was refused──▶ WITHDRAWN
//! ```
//!
//! # Invariants
//! 1. Whoever moves the claim away from `QUEUED` has the closure, and nobody else: it is run by the worker, or dropped by the task.
//! 2. `ENDED` is set under the lock, after the outcome is there and the token has gone back. Then the task is woken. With the
//!    outcome it gets the luggage back: counts of references that two processors change take longer than all the rest.
//! 3. A task that gives up a begun job says so under the lock. So either it finds the outcome, or the worker finds that nobody
//!    wants it, and drops it where the context of the closure holds.
//! 4. After `WITHDRAWN` there is nothing foreign in it.

use std::{
    borrow::Cow,
    future::Future,
    io,
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use anyio_cancel_scope::{
    CancelExt, Cancelled, InScope, RunRecord,
    host::{AtWork, Carried, Outside},
};
use anyio_context_vars::Snapshot;
use anyio_runtime::host::{LeftOver, left_over};
use anyio_sync::CapacityLimiter;

use crate::{
    answer::caught,
    crowd::Crowd,
    host::{BoxedCall, Host, Seat},
    linger::{LOOKS, Linger},
    loan::Token,
    pool::{Payload, Pool, Work, drop_caught},
    roster::Claimed,
    shown::Shown,
    sync::{AtomicBool, AtomicU8, Mutex, Ordering},
};

const QUEUED: u8 = 0;
const BEGUN: u8 = 1;
const WITHDRAWN: u8 = 2;
const ENDED: u8 = 3;

pub(crate) type Outcome<T> = Result<T, Payload>;

pub(crate) struct Job<F, T> {
    claim: AtomicU8,
    /// Whether there is a call; only who tries for one goes by it.
    calls: AtomicBool,
    name: Cow<'static, str>,
    place: &'static Location<'static>,
    state: Mutex<State<F, T>>,
}

struct State<F, T> {
    /// Until it is begun or withdrawn.
    work: Option<(InScope<Once<F>>, Luggage)>,
    /// Of the closure; none is left of what nobody wants.
    outcome: Option<(Option<Outcome<T>>, Luggage)>,
    told: Option<(Outcome<T>, Luggage)>,
    /// No worker will come for it.
    refused: Option<Arc<io::Error>>,
    waker: Option<Waker>,
    call: Option<BoxedCall>,
    /// Its place in the task tree.
    abandoned: Option<Shown>,
}

/// What a closure takes along, and brings back.
pub(crate) struct Luggage {
    carried: Carried,
    variables: Snapshot,
    token: Option<Token>,
    /// Not there while it is in the seat of the worker.
    home: Option<(CapacityLimiter, Arc<RunRecord>)>,
    at_work: Option<AtWork>,
}

impl Luggage {
    /// Runs `f` where what holds at the task holds, with what it panics with.
    fn enter<R>(&mut self, f: impl FnOnce() -> R) -> Result<R, Payload> {
        let Self { carried, variables, .. } = self;
        caught(|| carried.enter(|| variables.enter_mut(f)))
    }

    /// Drops an outcome that nobody wants; a panic, be it the outcome or that of a destructor, comes out.
    fn drop_inside<T>(&mut self, outcome: Option<Outcome<T>>) -> Result<(), Payload> {
        match outcome {
            None => Ok(()),
            Some(Ok(output)) => self.enter(|| drop(output)),
            Some(Err(payload)) => Err(payload),
        }
    }

    /// Lets go of it. Values of the user go with the last of their variables.
    pub(crate) fn unpack(self, pool: &Pool) {
        let Self { carried, variables, home, at_work, .. } = self;
        for dropped in [drop_caught((carried, variables)), drop_caught(home), drop_caught(at_work)] {
            pool.keep_panic_of(dropped);
        }
    }
}

/// What a task finds.
pub(crate) enum Look<T> {
    Ended(Outcome<T>, Luggage),
    /// It is still queued, and nobody will ever take it from there.
    Refused(Arc<io::Error>),
    /// A call of the worker's, to be polled.
    Call(BoxedCall),
    Queued,
    Begun,
}

impl<F, T> Job<F, T> {
    /// The closure, with what holds here.
    pub(crate) fn new(
        f: F,
        (name, place): (Cow<'static, str>, &'static Location<'static>),
        (token, limiter): (Token, CapacityLimiter),
        run: Arc<RunRecord>,
        waker: Option<Waker>,
    ) -> Self
    where
        F: FnOnce() -> T,
    {
        let luggage = Luggage {
            carried: Carried::take(),
            variables: Snapshot::take(),
            token: Some(token),
            at_work: Some(run.outside(Outside::Thread)),
            home: Some((limiter, run)),
        };
        let state = State {
            work: Some((Once(Some(f)).in_current_scope(), luggage)),
            outcome: None,
            told: None,
            refused: None,
            waker,
            call: None,
            abandoned: None,
        };
        Self { claim: AtomicU8::new(QUEUED), calls: AtomicBool::new(false), name, place, state: Mutex::new(state) }
    }

    fn is(&self, claim: u8) -> bool {
        self.claim.load(Ordering::SeqCst) == claim
    }

    /// Whether there is an outcome, or was one that nobody wants.
    pub(crate) fn has_ended(&self) -> bool {
        self.is(ENDED)
    }

    /// Whether a look at it would find something, as far as one can tell without its lock.
    pub(crate) fn has_news(&self) -> bool {
        self.calls.load(Ordering::Relaxed) || self.has_ended()
    }

    fn claim_as(&self, new: u8) -> bool {
        self.claim.compare_exchange(QUEUED, new, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Looks at it, and has `cx` woken for what comes later.
    pub(crate) fn look(&self, cx: &Context<'_>) -> Look<T> {
        let mut fresh = None;
        loop {
            let mut state = self.state.lock();
            if let Some((outcome, luggage)) = state.told.take() {
                return Look::Ended(outcome, luggage);
            }
            if let Some(error) = state.refused.take() {
                return Look::Refused(error);
            }
            let mut stale = None;
            if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                if fresh.is_none() {
                    drop(state);
                    fresh = Some(cx.waker().clone());
                    continue;
                }
                stale = std::mem::replace(&mut state.waker, fresh.take());
            }
            let call = state.call.take();
            if call.is_some() {
                self.calls.store(false, Ordering::Relaxed);
            }
            drop(state);
            drop(stale);
            return match call {
                Some(call) => Look::Call(call),
                None if self.is(QUEUED) => Look::Queued,
                None => Look::Begun,
            };
        }
    }

    /// Takes back a job that has not begun, and drops the closure; `false` if it has.
    pub(crate) fn withdraw(&self) -> bool {
        if !self.claim_as(WITHDRAWN) {
            return false;
        }
        let (work, waker) = {
            let mut state = self.state.lock();
            (state.work.take(), state.waker.take())
        };
        drop(waker);
        // The closure first, and then its token.
        drop(work);
        true
    }

    /// Withdraws it, or leaves it to its worker. What ended just now is still returned (R3).
    pub(crate) fn give_up(&self, pool: &Pool, cancelled: Cancelled) -> Outcome<Result<T, Cancelled>> {
        let ended = if self.withdraw() { None } else { self.abandon(pool) };
        ended.map_or(Ok(Err(cancelled)), |outcome| outcome.map(Ok))
    }

    /// Nobody awaits the job any more, which has begun. If it has just ended, its outcome comes out.
    pub(crate) fn abandon(&self, pool: &Pool) -> Option<Outcome<T>> {
        let shown = Shown::new(self.name.clone(), self.place, (&"run_sync (abandoned)", self.place));
        let mut abandoned = Some(shown);
        let (told, waker, call) = {
            let mut state = self.state.lock();
            let told = state.told.take();
            if told.is_none() {
                state.abandoned = abandoned.take();
            }
            (told, state.waker.take(), state.call.take())
        };
        drop(waker);
        drop(call);
        drop(abandoned);
        let (outcome, luggage) = told?;
        luggage.unpack(pool);
        Some(outcome)
    }
}

impl<F, T> Claimed for Job<F, T> {
    fn claim(&self) -> bool {
        self.claim_as(BEGUN)
    }

    fn is_withdrawn(&self) -> bool {
        self.is(WITHDRAWN)
    }
}

impl<F, T> Work for Job<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn run(self: Arc<Self>, crowd: &Arc<Crowd>) {
        // By invariant 1.
        let Some((mut work, mut luggage)) = self.state.lock().work.take() else { return };
        let Some((limiter, run)) = luggage.home.take() else { unreachable!("it is begun once") };
        let (host, name, at_work) = (self.clone(), self.name.clone(), luggage.at_work.take());
        let (linger, crowd) = (Linger::new(LOOKS), crowd.clone());
        let seat = Seat { host, name, started_at: self.place, limiter, run, at_work, linger, crowd };
        let (polled, mut seat) = seat.sit(|| {
            luggage.enter(|| {
                let mut cx = Context::from_waker(Waker::noop());
                Pin::new(&mut work).poll(&mut cx)
            })
        });
        let outcome = match polled {
            Ok(Poll::Ready(output)) => Ok(output),
            Ok(Poll::Pending) => unreachable!("a closure is not pending"),
            Err(payload) => Err(payload),
        };
        // The closure is gone; this leaves its scope.
        drop(work);
        let mut outcome = Some(outcome);
        if self.is_gone() {
            // Here, as long as it takes: while this worker tells of an end, it is taken for one that looks for the next job.
            let (dropped, own) = seat.sit(|| luggage.drop_inside(outcome.take()));
            (outcome, seat) = (dropped.err().map(Err), own);
        }
        luggage.home = Some((seat.limiter, seat.run));
        luggage.at_work = seat.at_work;
        self.state.lock().outcome = Some((outcome, luggage));
    }

    fn finish(&self, pool: &Pool) {
        let (mut outcome, mut luggage, is_abandoned) = {
            let mut state = self.state.lock();
            let Some((outcome, luggage)) = state.outcome.take() else { return };
            (outcome, luggage, state.abandoned.is_some())
        };
        if is_abandoned {
            pool.keep_panic_of(luggage.drop_inside(outcome.take()));
        }
        // What that wakes is of others.
        pool.keep_panic_of(drop_caught(luggage.token.take()));
        // Until all is told.
        let at_work = luggage.at_work.take();
        let (waker, unwanted, abandoned) = {
            let mut state = self.state.lock();
            // By invariant 3.
            let unwanted = match outcome {
                Some(outcome) if state.abandoned.is_none() => {
                    state.told = Some((outcome, luggage));
                    self.claim.store(ENDED, Ordering::SeqCst);
                    None
                }
                outcome => Some((outcome, luggage)),
            };
            (state.waker.take(), unwanted, state.abandoned.take())
        };
        pool.keep_panic_of(waker.map_or(Ok(()), |waker| caught(|| waker.wake())));
        if let Some((outcome, mut luggage)) = unwanted {
            pool.keep_panic_of(luggage.drop_inside(outcome));
            luggage.unpack(pool);
            self.claim.store(ENDED, Ordering::SeqCst);
        }
        drop(abandoned);
        pool.keep_panic_of(drop_caught(at_work));
    }

    fn left_over(&self) -> Option<LeftOver> {
        (!self.has_ended()).then(|| left_over(self.name.clone(), self.place))
    }

    fn refuse(&self, why: &Arc<io::Error>, pool: &Pool) {
        let waker = {
            let mut state = self.state.lock();
            state.refused = Some(why.clone());
            state.waker.take()
        };
        pool.keep_panic_of(waker.map_or(Ok(()), |waker| caught(|| waker.wake())));
    }
}

impl<F, T> Host for Job<F, T>
where
    F: Send,
    T: Send,
{
    fn call(&self, call: BoxedCall) -> Result<(), BoxedCall> {
        let waker = {
            let mut state = self.state.lock();
            if state.abandoned.is_some() {
                return Err(call);
            }
            state.call = Some(call);
            self.calls.store(true, Ordering::Relaxed);
            state.waker.clone()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    fn is_gone(&self) -> bool {
        self.state.lock().abandoned.is_some()
    }
}

/// A closure as a future that is ready at once.
pub(crate) struct Once<F>(pub(crate) Option<F>);

impl<F> Unpin for Once<F> {}

impl<F: FnOnce() -> T, T> Future for Once<F> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        let f = self.0.take().expect("it is polled once");
        Poll::Ready(f())
    }
}
