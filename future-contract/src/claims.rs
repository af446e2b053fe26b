//! The claims of a [`Suite`], one function each.
//!
//! A claim makes its own fixture, and says in a sentence what it saw when it is broken. The claims go from the plain to the
//! subtle, so the first broken one is the one to look at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;

use crate::{BoxedFuture, Polled, ReentrantWaker, Suite};

const SPURIOUS_POLLS: usize = 1000;

pub(crate) type Verdict = Result<(), String>;

/// A claim's name and its check.
pub(crate) type ClaimOf<F, T> = (&'static str, fn(&Arc<Suite<F, T>>) -> Verdict);

type Waiting<T> = Polled<BoxedFuture<'static, T>>;

/// The claims that every future has to meet.
pub(crate) fn of_all<F: Send + Sync + 'static, T: 'static>() -> [ClaimOf<F, T>; 15] {
    [
        ("due before it is made", due_before_it_is_made),
        ("due before its first poll", due_before_its_first_poll),
        ("pending until due", pending_until_due),
        ("woken when due", woken_when_due),
        ("dropped before its first poll", dropped_before_its_first_poll),
        ("dropped while waiting", dropped_while_waiting),
        ("dropped when due", dropped_when_due),
        ("waker replaced", waker_replaced),
        ("spurious polls", spurious_polls),
        ("waker re-enters on wake", reenters_on_wake),
        ("waker re-enters on drop, woken", reenters_on_drop_when_woken),
        ("waker re-enters on drop, replaced", reenters_on_drop_when_replaced),
        ("waker re-enters on drop, with its future", reenters_on_drop_with_its_future),
        ("waker re-enters on clone", reenters_on_clone),
        ("waker re-enters on clone, replacing another", reenters_on_clone_when_replacing),
    ]
}

/// The claims that only make sense where a future is granted something that others then lack.
pub(crate) fn of_grants<F: Send + Sync + 'static, T: 'static>() -> [ClaimOf<F, T>; 4] {
    [
        ("grant passed on, unpolled", grant_passed_on_unpolled),
        ("grant passed on", grant_passed_on),
        ("grant passed on to the next in line", grant_passed_on_in_line),
        ("waker re-enters on wake, passed on to", reenters_when_passed_on_to),
    ]
}

fn due_before_it_is_made<F: Send + Sync + 'static, T: 'static>(suite: &Arc<Suite<F, T>>) -> Verdict {
    let fixture = suite.fixture();
    (suite.due)(&fixture);
    ends(suite.unpolled(&fixture))
}

fn due_before_its_first_poll<F: Send + Sync + 'static, T: 'static>(suite: &Arc<Suite<F, T>>) -> Verdict {
    let fixture = suite.fixture();
    let future = suite.unpolled(&fixture);
    (suite.due)(&fixture);
    ends(future)
}

fn pending_until_due<F: Send + Sync + 'static, T: 'static>(suite: &Arc<Suite<F, T>>) -> Verdict {
    let fixture = suite.fixture();
    let future = suite.waiting(&fixture)?;
    ensure(future.live_wakers() > 0, "the future is pending, but keeps no waker")
}

fn woken_when_due<F: Send + Sync + 'static, T: 'static>(suite: &Arc<Suite<F, T>>) -> Verdict {
    let fixture = suite.fixture();
    let future = suite.waiting(&fixture)?;
    (suite.due)(&fixture);
    ensure(future.is_woken(), "the future is due, but not woken")?;
    ends(future)
}

fn dropped_before_its_first_poll<F: Send + Sync + 'static, T: 'static>(suite: &Arc<Suite<F, T>>) -> Verdict {
    let fixture = suite.fixture();
    drop(suite.unpolled(&fixture));
    (suite.due)(&fixture);
    suite.next_is_ready(&fixture)
}

fn dropped_while_waiting<F: Send + Sync + 'static, T: 'static>(suite: &Arc<Suite<F, T>>) -> Verdict {
    let fixture = suite.fixture();
    let future = suite.waiting(&fixture)?;
    leaves_nothing(future, "the future is dropped, but a copy of its waker lives")?;
    (suite.due)(&fixture);
    suite.next_is_ready(&fixture)
}

fn dropped_when_due<F: Send + Sync + 'static, T: 'static>(suite: &Arc<Suite<F, T>>) -> Verdict {
    let fixture = suite.fixture();
    let future = suite.waiting(&fixture)?;
    (suite.due)(&fixture);
    leaves_nothing(future, "the future is dropped, but a copy of its waker lives")
}

fn waker_replaced<F: Send + Sync + 'static, T: 'static>(suite: &Arc<Suite<F, T>>) -> Verdict {
    let fixture = suite.fixture();
    let mut future = suite.waiting(&fixture)?;
    let old = future.replace_waker();
    suite.still_waits(&mut future)?;
    let kept = old.live_wakers();
    (suite.due)(&fixture);
    ensure(future.is_woken(), "the future is due, but its last waker is not woken")?;
    ensure(kept == 0, "the future was polled with a new waker, but keeps the old one")?;
    ensure(old.wakes() == 0, "a waker is woken that the future no longer has")?;
    ends(future)
}

fn spurious_polls<F: Send + Sync + 'static, T: 'static>(suite: &Arc<Suite<F, T>>) -> Verdict {
    let fixture = suite.fixture();
    let mut future = suite.waiting(&fixture)?;
    for _ in 1..SPURIOUS_POLLS {
        suite.still_waits(&mut future)?;
    }
    let (live, most) = (future.live_wakers(), suite.most_wakers);
    ensure(live <= most, &format!("after {SPURIOUS_POLLS} polls {live} copies of the waker live, and not {most}"))?;
    (suite.due)(&fixture);
    ensure(future.is_woken(), "the future is due, but not woken")?;
    ends(future)
}

fn reenters_on_wake<F: Send + Sync + 'static, T: 'static>(suite: &Arc<Suite<F, T>>) -> Verdict {
    let fixture = suite.fixture();
    let waker = ReentrantWaker::new().on_wake(reentry(suite, &fixture));
    let _future = suite.waiting_with(&fixture, waker);
    (suite.due)(&fixture);
    Ok(())
}

fn reenters_on_drop_when_woken<F: Send + Sync + 'static, T: 'static>(suite: &Arc<Suite<F, T>>) -> Verdict {
    let fixture = suite.fixture();
    let waker = ReentrantWaker::new().on_drop(reentry(suite, &fixture));
    let _future = suite.waiting_with(&fixture, waker);
    (suite.due)(&fixture);
    Ok(())
}

fn reenters_on_drop_when_replaced<F: Send + Sync + 'static, T: 'static>(suite: &Arc<Suite<F, T>>) -> Verdict {
    let fixture = suite.fixture();
    let waker = ReentrantWaker::new().on_drop(reentry(suite, &fixture));
    let mut future = suite.waiting_with(&fixture, waker);
    let _ = future.poll();
    Ok(())
}

fn reenters_on_drop_with_its_future<F: Send + Sync + 'static, T: 'static>(suite: &Arc<Suite<F, T>>) -> Verdict {
    let fixture = suite.fixture();
    let waker = ReentrantWaker::new().on_drop(reentry(suite, &fixture));
    drop(suite.waiting_with(&fixture, waker));
    Ok(())
}

fn reenters_on_clone<F: Send + Sync + 'static, T: 'static>(suite: &Arc<Suite<F, T>>) -> Verdict {
    let fixture = suite.fixture();
    let waker = ReentrantWaker::new().on_clone(reentry(suite, &fixture));
    let _future = suite.waiting_with(&fixture, waker);
    Ok(())
}

fn reenters_on_clone_when_replacing<F: Send + Sync + 'static, T: 'static>(suite: &Arc<Suite<F, T>>) -> Verdict {
    let fixture = suite.fixture();
    let mut future = suite.waiting(&fixture)?;
    let waker = ReentrantWaker::new().on_clone(reentry(suite, &fixture));
    let _ = future.poll_with(&waker.into_waker());
    Ok(())
}

fn grant_passed_on_unpolled<F: Send + Sync + 'static, T: 'static>(suite: &Arc<Suite<F, T>>) -> Verdict {
    let fixture = suite.fixture();
    let future = suite.unpolled(&fixture);
    (suite.due)(&fixture);
    drop(future);
    suite.has_grant(&fixture)
}

fn grant_passed_on<F: Send + Sync + 'static, T: 'static>(suite: &Arc<Suite<F, T>>) -> Verdict {
    let fixture = suite.fixture();
    let future = suite.waiting(&fixture)?;
    (suite.due)(&fixture);
    drop(future);
    suite.has_grant(&fixture)
}

fn grant_passed_on_in_line<F: Send + Sync + 'static, T: 'static>(suite: &Arc<Suite<F, T>>) -> Verdict {
    let fixture = suite.fixture();
    let (first, second) = (suite.waiting(&fixture)?, suite.waiting(&fixture)?);
    (suite.due)(&fixture);
    ensure(first.is_woken() || second.is_woken(), "two futures wait, one is due, and neither is woken")?;
    let (granted, next) = if first.is_woken() { (first, second) } else { (second, first) };
    drop(granted);
    ensure(next.is_woken(), "the future that was granted is dropped, but the next in line is not woken")?;
    ends(next)
}

fn reenters_when_passed_on_to<F: Send + Sync + 'static, T: 'static>(suite: &Arc<Suite<F, T>>) -> Verdict {
    let fixture = suite.fixture();
    let first = suite.waiting(&fixture)?;
    let waker = ReentrantWaker::new().on_wake(reentry(suite, &fixture));
    let _second = suite.waiting_with(&fixture, waker);
    (suite.due)(&fixture);
    drop(first);
    Ok(())
}

impl<F: Send + Sync + 'static, T: 'static> Suite<F, T> {
    fn fixture(&self) -> Arc<F> {
        Arc::new((self.make)())
    }

    fn unpolled(&self, fixture: &Arc<F>) -> Waiting<T> {
        Polled::new((self.future)(Arc::clone(fixture)))
    }

    /// Makes a future, and polls it once.
    fn waiting(&self, fixture: &Arc<F>) -> Result<Waiting<T>, String> {
        let mut future = self.unpolled(fixture);
        self.still_waits(&mut future)?;
        Ok(future)
    }

    /// Polls a future that is not due.
    fn still_waits(&self, future: &mut Waiting<T>) -> Verdict {
        ensure(future.poll().is_pending(), "the future is ready before it is due")?;
        ensure(!future.is_woken(), "the future is woken before it is due")
    }

    /// Makes a future that is due, so that it tells whether a grant is still there.
    fn next_is_ready(&self, fixture: &Arc<F>) -> Verdict {
        let mut next = self.unpolled(fixture);
        ensure(next.poll().is_ready(), "the next future is pending, so the dropped one has taken what was due")
    }

    /// Makes a future and polls it with `waker`, of which the future then has the only copies.
    fn waiting_with(&self, fixture: &Arc<F>, waker: ReentrantWaker) -> Waiting<T> {
        let mut future = self.unpolled(fixture);
        let _ = future.poll_with(&waker.into_waker());
        future
    }

    /// Does with the fixture what a waker may do: it makes a future due, and makes, polls and drops another one.
    fn reenter(&self, fixture: &Arc<F>) {
        (self.due)(fixture);
        let mut other = (self.future)(Arc::clone(fixture));
        let _ = other.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }

    fn has_grant(&self, fixture: &F) -> Verdict {
        let has_grant = self.passed_on.as_ref().is_none_or(|passed_on| passed_on(fixture));
        ensure(has_grant, "the grant of the dropped future is lost")
    }
}

fn ensure(holds: bool, otherwise: &str) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}

/// Polls a future that is due, and drops it.
fn ends<T>(mut future: Waiting<T>) -> Verdict {
    let Poll::Ready(_output) = future.poll() else {
        return Err("the future is due, but pending".to_owned());
    };
    leaves_nothing(future, "the future was ready and is dropped, but a copy of its waker lives")
}

fn leaves_nothing<T>(future: Waiting<T>, otherwise: &str) -> Verdict {
    ensure(future.into_counts().live_wakers() == 0, otherwise)
}

/// Calls `suite.reenter` the first time only: a waker that is kept after its wake-up would be woken again without end. It
/// does not while a panic unwinds, because a second panic would abort the process and lose the message.
fn reentry<F, T>(suite: &Arc<Suite<F, T>>, fixture: &Arc<F>) -> impl Fn() + Send + Sync + 'static
where
    F: Send + Sync + 'static,
    T: 'static,
{
    let (suite, fixture) = (Arc::clone(suite), Arc::clone(fixture));
    let entered = AtomicBool::new(false);
    move || {
        if !thread::panicking() && !entered.swap(true, Ordering::SeqCst) {
            suite.reenter(&fixture);
        }
    }
}
