use std::future;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use anyio_future_contract::{Contract, Suite};

use crate::{event, semaphore};

/// A planted deadlock is certain, so it is waited for as long as a loaded machine takes for the other claims, and no longer.
const PATIENCE: Duration = Duration::from_secs(2);

const DEADLOCK: &str = "deadlock: no end in 2s, a lock is held in foreign code";

/// Returns the lines of the suite's message, one for each broken claim.
fn broken<F: Send + Sync + 'static, T: 'static>(suite: Suite<F, T>) -> Vec<String> {
    let payload = panic::catch_unwind(AssertUnwindSafe(|| suite.check())).expect_err("the planted bug is not caught");
    let message = payload.downcast::<String>().expect("the message is text");
    let mut lines = message.lines().map(str::to_owned);
    assert_eq!(lines.next().as_deref(), Some("the contract is broken:"));
    lines.collect()
}

fn broken_event(bug: event::Bug) -> Vec<String> {
    broken(event::suite(bug).patience(PATIENCE))
}

fn broken_semaphore(bug: semaphore::Bug) -> Vec<String> {
    broken(semaphore::suite(bug).patience(PATIENCE))
}

#[test]
fn a_correct_event_passes() {
    event::suite(event::Bug::None).check();
}

#[test]
fn a_correct_event_passes_as_a_grant_to_all() {
    event::suite(event::Bug::None).passed_on(event::Event::is_set).check();
}

#[test]
fn a_correct_semaphore_passes() {
    semaphore::suite(semaphore::Bug::None).check();
}

#[test]
fn catches_a_future_that_does_not_wait() {
    let broken = broken_event(event::Bug::IsAlwaysReady);
    assert_eq!(broken[0], "pending until due: the future is ready before it is due");
}

#[test]
fn catches_a_future_that_misses_what_was_due_before() {
    let broken = broken_event(event::Bug::ForgetsThatItIsSet);
    assert_eq!(
        broken[..2],
        [
            "due before it is made: the future is due, but pending",
            "due before its first poll: the future is due, but pending",
        ]
    );
}

#[test]
fn catches_a_future_that_keeps_no_waker() {
    let broken = broken_event(event::Bug::KeepsNoWaker);
    assert_eq!(broken[0], "pending until due: the future is pending, but keeps no waker");
}

#[test]
fn catches_a_future_that_forgets_to_update_its_waker() {
    let broken = broken_event(event::Bug::KeepsTheFirstWaker);
    assert_eq!(broken, ["waker replaced: the future is due, but its last waker is not woken"]);
}

#[test]
fn catches_a_future_that_adds_a_waker_at_each_poll() {
    let broken = broken_event(event::Bug::AddsAWakerAtEachPoll);
    assert_eq!(
        broken,
        [
            "waker replaced: the future was polled with a new waker, but keeps the old one",
            "spurious polls: after 1000 polls 1000 copies of the waker live, and not 1",
        ]
    );
}

#[test]
fn catches_a_future_that_leaks_its_waker_on_drop() {
    let broken = broken_event(event::Bug::LeaksItsWakerOnDrop);
    assert_eq!(broken, ["dropped while waiting: the future is dropped, but a copy of its waker lives"]);
}

#[test]
fn catches_a_future_that_leaks_its_waker_when_due() {
    let broken = broken_event(event::Bug::LeaksItsWakerWhenSet);
    let ready = "the future was ready and is dropped, but a copy of its waker lives";
    assert_eq!(
        broken,
        [
            format!("woken when due: {ready}"),
            "dropped when due: the future is dropped, but a copy of its waker lives".to_owned(),
            format!("waker replaced: {ready}"),
            format!("spurious polls: {ready}"),
        ]
    );
}

#[test]
fn catches_a_future_that_is_woken_too_early() {
    let broken = broken_event(event::Bug::WakesTooEarly);
    assert_eq!(broken[0], "pending until due: the future is woken before it is due");
}

#[test]
fn catches_a_future_that_is_never_woken() {
    let broken = broken_event(event::Bug::NeverWakes);
    assert_eq!(
        broken,
        [
            "woken when due: the future is due, but not woken",
            "waker replaced: the future is due, but its last waker is not woken",
            "spurious polls: the future is due, but not woken",
        ]
    );
}

#[test]
fn catches_a_clone_under_the_lock() {
    let broken = broken_event(event::Bug::ClonesUnderItsLock);
    assert_eq!(broken, [format!("waker re-enters on clone: {DEADLOCK}")]);
}

#[test]
fn catches_a_clone_under_the_lock_that_replaces_another() {
    let broken = broken_event(event::Bug::ClonesUnderItsLockToReplace);
    assert_eq!(broken, [format!("waker re-enters on clone, replacing another: {DEADLOCK}")]);
}

#[test]
fn catches_a_wake_under_the_lock() {
    let broken = broken_event(event::Bug::WakesUnderItsLock);
    assert_eq!(broken, [format!("waker re-enters on wake: {DEADLOCK}")]);
}

#[test]
fn catches_a_woken_waker_dropped_under_the_lock() {
    let broken = broken_event(event::Bug::DropsTheWokenWakerUnderItsLock);
    assert_eq!(broken, [format!("waker re-enters on drop, woken: {DEADLOCK}")]);
}

#[test]
fn catches_a_stale_waker_dropped_under_the_lock() {
    let broken = broken_event(event::Bug::DropsTheStaleWakerUnderItsLock);
    assert_eq!(broken, [format!("waker re-enters on drop, replaced: {DEADLOCK}")]);
}

#[test]
fn catches_a_leaving_waker_dropped_under_the_lock() {
    let broken = broken_event(event::Bug::DropsTheLeavingWakerUnderItsLock);
    assert_eq!(broken, [format!("waker re-enters on drop, with its future: {DEADLOCK}")]);
}

#[test]
fn catches_a_panic() {
    let broken = broken_event(event::Bug::PanicsWhenSet);
    assert_eq!(broken[0], "due before it is made: it panics: planted");
}

#[test]
fn catches_a_grant_that_is_lost_on_drop() {
    let broken = broken_semaphore(semaphore::Bug::LosesTheGrantOnDrop);
    assert_eq!(
        broken,
        [
            "grant passed on: the grant of the dropped future is lost",
            "grant passed on to the next in line: \
             the future that was granted is dropped, but the next in line is not woken",
        ]
    );
}

#[test]
fn catches_a_grant_that_is_kept_from_those_who_wait() {
    let broken = broken_semaphore(semaphore::Bug::KeepsTheGrantFromTheLine);
    assert_eq!(
        broken,
        ["grant passed on to the next in line: \
          the future that was granted is dropped, but the next in line is not woken"]
    );
}

#[test]
fn catches_a_grant_to_a_future_that_is_gone() {
    let broken = broken_semaphore(semaphore::Bug::LeavesItsPlaceTakenOnDrop);
    assert_eq!(
        broken,
        ["dropped while waiting: the next future is pending, so the dropped one has taken what was due"]
    );
}

#[test]
fn catches_a_grant_passed_on_under_the_lock() {
    let broken = broken_semaphore(semaphore::Bug::PassesOnUnderItsLock);
    assert_eq!(broken, [format!("waker re-enters on wake, passed on to: {DEADLOCK}")]);
}

/// Serves futures by the number they draw when they are made, whether or not they are still there.
#[derive(Default)]
struct Counter {
    drawn: AtomicUsize,
    served: AtomicUsize,
}

#[test]
fn catches_a_future_that_takes_its_grant_along_before_its_first_poll() {
    let suite = Contract::new(Counter::default)
        .future(|counter| {
            let number = counter.drawn.fetch_add(1, Ordering::SeqCst);
            future::poll_fn(move |_| {
                if number < counter.served.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }
            })
        })
        .due(|counter| {
            counter.served.fetch_add(1, Ordering::SeqCst);
        })
        .passed_on(|counter| counter.served.load(Ordering::SeqCst) > counter.drawn.load(Ordering::SeqCst));
    let broken = broken(suite);
    for line in [
        "dropped before its first poll: the next future is pending, so the dropped one has taken what was due",
        "grant passed on, unpolled: the grant of the dropped future is lost",
    ] {
        assert!(broken.iter().any(|broken| broken == line), "{line:?} is not in {broken:#?}");
    }
}

/// Waits in two places at once, so it keeps two copies of its waker. It is for one future at a time.
#[derive(Default)]
struct Pair(Mutex<(bool, [Option<Waker>; 2])>);

impl Pair {
    fn set(&self) {
        let wakers = {
            let mut state = self.0.lock().unwrap();
            state.0 = true;
            mem::take(&mut state.1)
        };
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

struct WaitForPair(Arc<Pair>);

impl Future for WaitForPair {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let wakers = [Some(cx.waker().clone()), Some(cx.waker().clone())];
        let mut state = self.0.0.lock().unwrap();
        if state.0 {
            return Poll::Ready(());
        }
        let stale = mem::replace(&mut state.1, wakers);
        drop(state);
        drop(stale);
        Poll::Pending
    }
}

impl Drop for WaitForPair {
    fn drop(&mut self) {
        let stale = mem::take(&mut self.0.0.lock().unwrap().1);
        drop(stale);
    }
}

#[test]
fn a_future_keeps_as_many_wakers_as_it_is_allowed() {
    let suite = || Contract::new(Pair::default).future(WaitForPair).due(Pair::set);
    suite().most_wakers(2).check();
    assert_eq!(broken(suite()), ["spurious polls: after 1000 polls 2 copies of the waker live, and not 1"]);
}
