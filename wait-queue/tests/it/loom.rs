//! Every interleaving of a tiny semaphore on top of the queue, as its users are to be built.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use ::loom::future::block_on;
use ::loom::sync::{Arc, Mutex, MutexGuard};
use ::loom::thread;
use anyio_wait_queue::{Left, Ticket, WaitQueue};

#[derive(Clone)]
struct Semaphore(Arc<Mutex<State>>);

struct State {
    permits: usize,
    queue: WaitQueue,
}

impl State {
    fn release(&mut self) -> Option<Waker> {
        match self.queue.grant(()) {
            Ok((waker, ())) => Some(waker),
            Err(()) => {
                self.permits += 1;
                None
            }
        }
    }
}

impl Semaphore {
    fn new(permits: usize) -> Self {
        Self(Arc::new(Mutex::new(State { permits, queue: WaitQueue::new() })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn acquire(&self) -> Acquire {
        Acquire { semaphore: self.clone(), ticket: None }
    }

    fn release(&self) {
        let waker = self.lock().release();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// One that is in line already, of a task that nobody will poll again.
    fn queued(&self) -> Acquire {
        let mut acquire = self.acquire();
        assert!(Pin::new(&mut acquire).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        acquire
    }

    fn assert_idle_with(&self, permits: usize) {
        let state = self.lock();
        assert_eq!((state.permits, state.queue.waiting(), state.queue.granted()), (permits, 0, 0));
    }
}

struct Acquire {
    semaphore: Semaphore,
    ticket: Option<Ticket>,
}

impl Future for Acquire {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Acquire { semaphore, ticket } = &mut *self;
        let waker = cx.waker().clone();
        let mut state = semaphore.lock();
        if state.queue.claim(ticket).is_some() {
            return Poll::Ready(());
        }
        match ticket {
            Some(held) => {
                let stale = state.queue.refresh(held, waker);
                drop(state);
                drop(stale);
            }
            None if state.permits > 0 => {
                state.permits -= 1;
                return Poll::Ready(());
            }
            None => *ticket = Some(state.queue.join((), waker)),
        }
        Poll::Pending
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            let left = self.semaphore.lock().queue.leave(ticket);
            if let Left::Granted(()) = left {
                self.semaphore.release();
            }
        }
    }
}

// H2
#[test]
fn two_releases_wake_two() {
    // Without a bound it passes too, in four minutes.
    let mut model = ::loom::model::Builder::new();
    model.preemption_bound = Some(5);
    model.check(|| {
        let semaphore = Semaphore::new(0);
        let waiters = [semaphore.clone(), semaphore.clone()]
            .map(|semaphore| thread::spawn(move || block_on(semaphore.acquire())));
        semaphore.release();
        semaphore.release();
        for waiter in waiters {
            waiter.join().unwrap();
        }
        semaphore.assert_idle_with(0);
    });
}

// H2
#[test]
fn a_waiter_dropped_after_its_grant_passes_it_on() {
    ::loom::model(|| {
        let semaphore = Semaphore::new(0);
        let first = semaphore.queued();
        let second = thread::spawn({
            let semaphore = semaphore.clone();
            move || block_on(semaphore.acquire())
        });
        semaphore.release();
        drop(first);
        second.join().unwrap();
        semaphore.assert_idle_with(0);
    });
}

// H2
#[test]
fn a_cancel_against_a_grant_loses_nothing() {
    ::loom::model(|| {
        let semaphore = Semaphore::new(0);
        let (first, second) = (semaphore.queued(), semaphore.queued());
        let releases = thread::spawn({
            let semaphore = semaphore.clone();
            move || semaphore.release()
        });
        let leaves = thread::spawn(move || drop(second));
        drop(first);
        releases.join().unwrap();
        leaves.join().unwrap();
        semaphore.assert_idle_with(1);
    });
}

// H1
#[test]
fn a_task_that_moved_is_woken_by_its_new_waker() {
    ::loom::model(|| {
        let semaphore = Semaphore::new(0);
        let moved = semaphore.queued();
        let releases = thread::spawn({
            let semaphore = semaphore.clone();
            move || semaphore.release()
        });
        block_on(moved);
        releases.join().unwrap();
        semaphore.assert_idle_with(0);
    });
}
