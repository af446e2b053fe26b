//! Models of the scope tree: real wrappers polled by hand, against cancels from another thread.
//!
//! Each model ends with the same claim: whoever is effectively cancelled finds out without anybody waking it from outside.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use loom::{
    model::Builder,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    thread,
};

use crate::{CancelExt, CancelScope, Cancelled, Checkpoint};

/// A waker that notes that it was woken.
struct Bell(AtomicBool);

impl Bell {
    fn new() -> (Arc<Self>, Waker) {
        let bell = Arc::new(Self(AtomicBool::new(false)));
        (bell.clone(), Waker::from(bell))
    }

    fn take(&self) -> bool {
        self.0.swap(false, SeqCst)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

/// A wait that ends only by cancellation.
struct Never(Checkpoint);

fn never() -> Never {
    Never(Checkpoint::new(&"never"))
}

impl Future for Never {
    type Output = Result<(), Cancelled>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        std::task::ready!(self.0.poll_entry(cx))?;
        self.0.poll_pending(cx).map(Err)
    }
}

/// Polls its future with a waker of its own, as sub-executors do; polls it only when that was woken.
struct Apart<F> {
    fut: Pin<Box<F>>,
    bell: Arc<Inner>,
}

struct Inner {
    woken: AtomicBool,
    outer: loom::sync::Mutex<Option<Waker>>,
}

impl Wake for Inner {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, SeqCst);
        let outer = self.outer.lock().unwrap().clone();
        if let Some(outer) = outer {
            outer.wake();
        }
    }
}

fn apart<F: Future>(fut: F) -> Apart<F> {
    let bell = Arc::new(Inner { woken: AtomicBool::new(true), outer: loom::sync::Mutex::new(None) });
    Apart { fut: Box::pin(fut), bell }
}

impl<F: Future> Future for Apart<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        *self.bell.outer.lock().unwrap() = Some(cx.waker().clone());
        if !self.bell.woken.swap(false, SeqCst) {
            return Poll::Pending;
        }
        let waker = Waker::from(self.bell.clone());
        self.fut.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

/// Polls while it is woken; a future that is still pending then was forgotten.
fn drive<F: Future>(mut fut: Pin<&mut F>, bell: &Bell, waker: &Waker) -> F::Output {
    let mut first = true;
    while std::mem::take(&mut first) || bell.take() {
        if let Poll::Ready(output) = fut.as_mut().poll(&mut Context::from_waker(waker)) {
            return output;
        }
    }
    panic!("cancelled, pending, and never woken");
}

// R11, invariant 2 of `seat`
#[test]
fn a_cancel_during_the_first_poll_is_not_lost() {
    check(|| {
        let scope = CancelScope::new();
        let mut fut = pin!(scope.run(never()));
        let (bell, waker) = Bell::new();
        let canceller = thread::spawn(move || scope.cancel());
        let first = fut.as_mut().poll(&mut Context::from_waker(&waker));
        canceller.join().unwrap();
        if first.is_pending() {
            assert_eq!(drive_woken(fut, &bell, &waker), Ok(None));
        }
    });
}

/// As [`drive`], for a future that was polled before.
fn drive_woken<F: Future>(mut fut: Pin<&mut F>, bell: &Bell, waker: &Waker) -> F::Output {
    while bell.take() {
        if let Poll::Ready(output) = fut.as_mut().poll(&mut Context::from_waker(waker)) {
            return output;
        }
    }
    panic!("cancelled, pending, and never woken");
}

// Invariant 2 of `tree`
#[test]
fn a_cancel_while_a_wait_enters_the_lists_is_not_lost() {
    check(|| {
        let outer = CancelScope::new();
        let mut fut = pin!(outer.run(CancelScope::new().run(apart(never()))));
        let fut = &mut fut;
        let (bell, waker) = Bell::new();
        let canceller = thread::spawn(move || outer.cancel());
        let first = flatten(fut.as_mut().poll(&mut Context::from_waker(&waker)));
        canceller.join().unwrap();
        if first.is_pending() {
            let ended = drive_woken(fut.as_mut(), &bell, &waker);
            assert_eq!(ended, Ok(None));
        }
    });
}

fn flatten<T>(poll: Poll<T>) -> Poll<()> {
    poll.map(|_| ())
}

#[test]
fn two_waits_that_enter_through_one_place_are_both_told() {
    check(|| {
        let top = CancelScope::new();
        let middle = CancelScope::new();
        let (first_bell, first_waker) = Bell::new();
        let (second_bell, second_waker) = Bell::new();
        // The middle scope is made to have its place below the top one.
        let mut host = Box::pin(top.run(middle.run(never())));
        let (_host_bell, host_waker) = Bell::new();
        assert!(host.as_mut().poll(&mut Context::from_waker(&host_waker)).is_pending());
        let other = {
            let middle = middle.clone();
            thread::spawn(move || {
                let mut wait = Box::pin(never().in_scope(&middle));
                let polled = wait.as_mut().poll(&mut Context::from_waker(&second_waker));
                (wait, polled.is_ready())
            })
        };
        let canceller = thread::spawn(move || top.cancel());
        let mut wait = Box::pin(never().in_scope(&middle));
        let ended = wait.as_mut().poll(&mut Context::from_waker(&first_waker)).is_ready();
        canceller.join().unwrap();
        let (_other, other_ended) = other.join().unwrap();
        assert!(ended || first_bell.take(), "the first wait was not told");
        assert!(other_ended || second_bell.take(), "the second wait was not told");
    });
}

// R8
#[test]
fn taking_a_shield_away_tells_what_is_below() {
    check(|| {
        let outer = CancelScope::new();
        let inner = CancelScope::new().shielded();
        let handle = inner.clone();
        let mut fut = pin!(outer.run(inner.run(never())));
        let (bell, waker) = Bell::new();
        let (first, second) = {
            let canceller = thread::spawn(move || outer.cancel());
            let unshielder = thread::spawn(move || handle.set_shielded(false));
            let first = fut.as_mut().poll(&mut Context::from_waker(&waker));
            canceller.join().unwrap();
            unshielder.join().unwrap();
            (first, ())
        };
        let () = second;
        if first.is_pending() {
            assert_eq!(drive_woken(fut, &bell, &waker), Ok(None));
        }
    });
}

// R13
#[test]
fn a_stop_is_seen_behind_a_shield() {
    check(|| {
        let scope = CancelScope::new();
        let mut fut = pin!(scope.run(crate::shield(crate::stopping())));
        let (bell, waker) = Bell::new();
        let stopper = thread::spawn(move || crate::tree::stop(&(scope.node().clone() as _)));
        let first = fut.as_mut().poll(&mut Context::from_waker(&waker));
        stopper.join().unwrap();
        if first.is_pending() {
            assert_eq!(drive_woken(fut, &bell, &waker), Ok(Some(())));
        }
    });
}

// R14
#[test]
fn a_link_made_during_a_cancel_is_not_lost() {
    check(|| {
        let outer = CancelScope::new();
        let inner = CancelScope::new();
        let mut host = Box::pin(outer.run(inner.run(never())));
        let (_bell, waker) = Bell::new();
        assert!(host.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let canceller = thread::spawn(move || outer.cancel());
        let linked = CancelScope::new().linked(&inner);
        canceller.join().unwrap();
        assert!(linked.cancel_called());
    });
}

#[test]
fn leaving_during_a_cancel_leaves_nothing_behind() {
    check(|| {
        let outer = CancelScope::new();
        let node = Arc::downgrade(outer.node());
        let mut fut = Box::pin(outer.run(apart(CancelScope::new().run(never()))));
        let (_bell, waker) = Bell::new();
        assert!(fut.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let canceller = thread::spawn(move || outer.cancel());
        drop(fut);
        canceller.join().unwrap();
        assert!(node.upgrade().is_none(), "nothing holds the scope any more");
    });
}

#[test]
fn the_driver_itself_finds_out() {
    check(|| {
        let scope = CancelScope::new();
        scope.cancel();
        let (bell, waker) = Bell::new();
        assert_eq!(drive(pin!(scope.run(never())), &bell, &waker), Ok(None));
    });
}
