//! How many threads there are, and how many closures run.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyio_cancel_scope::CancelScope;
use anyio_runtime::run;
use anyio_sync::CapacityLimiter;
use anyio_task_group::gather;
use anyio_threads::to_thread;

use crate::support::{Gate, OnDrop, ends, start, until};

/// Counts what is at work, and remembers who worked.
#[derive(Clone, Default)]
struct Shift {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    threads: Arc<Mutex<HashSet<thread::ThreadId>>>,
}

impl Shift {
    fn work(&self) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        self.threads.lock().unwrap().insert(thread::current().id());
        thread::yield_now();
        self.now.fetch_sub(1, Ordering::SeqCst);
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    fn threads(&self) -> usize {
        self.threads.lock().unwrap().len()
    }
}

// T1
#[test]
fn a_thousand_closures_under_eight_tokens_never_exceed_eight() {
    ends(|| {
        let (limiter, shift) = (CapacityLimiter::new(8), Shift::default());
        run(async {
            let calls = (0..1000).map(|_| {
                let shift = shift.clone();
                to_thread::run_sync(move || shift.work()).limiter(&limiter)
            });
            gather(calls).await.unwrap();
        });
        assert!(shift.most() <= 8 && shift.threads() <= 8, "{} at once, {} threads", shift.most(), shift.threads());
        assert_eq!(limiter.available_tokens(), 8);
    });
}

// T1
#[test]
fn a_thousand_closures_some_of_them_abandoned_never_exceed_eight() {
    ends(|| {
        let (limiter, shift) = (CapacityLimiter::new(8), Shift::default());
        run(async {
            let calls = (0..1000).map(|number| {
                let shift = shift.clone();
                let scope = CancelScope::new();
                let cancel = scope.clone();
                let call = to_thread::run_sync(move || {
                    if number % 3 == 0 {
                        cancel.cancel();
                    }
                    shift.work();
                });
                let call = call.limiter(&limiter).abandon_on_cancel(true);
                async move { scope.run(call).await }
            });
            gather(calls).await.unwrap();
        });
        assert!(shift.most() <= 8, "{} at once", shift.most());
        until(|| limiter.available_tokens() == 8);
    });
}

// T3
#[test]
fn a_burst_of_256_under_the_default_limiter_has_no_more_than_40_threads() {
    ends(|| {
        let shift = Shift::default();
        run(async {
            for _ in 0..20 {
                let calls = (0..256).map(|_| {
                    let shift = shift.clone();
                    to_thread::run_sync(move || shift.work())
                });
                gather(calls).await.unwrap();
            }
        });
        assert!(shift.threads() <= 40, "{} threads", shift.threads());
    });
}

// Nobody waits behind one that blocks.
#[test]
fn closures_that_wait_for_each_other_all_run() {
    ends(|| {
        run(async {
            let barrier = Arc::new(std::sync::Barrier::new(30));
            let calls = (0..30).map(|_| {
                let barrier = barrier.clone();
                to_thread::run_sync(move || barrier.wait().is_leader())
            });
            gather(calls).await.unwrap();
        });
    });
}

// T3
#[test]
fn limiters_share_the_threads() {
    ends(|| {
        let shift = Shift::default();
        run(async {
            for limiter in [CapacityLimiter::new(1), CapacityLimiter::new(1)] {
                for _ in 0..10 {
                    let shift = shift.clone();
                    to_thread::run_sync(move || shift.work()).limiter(&limiter).await.unwrap();
                }
            }
        });
        assert_eq!(shift.threads(), 1);
    });
}

#[test]
fn a_raised_limiter_lets_more_in() {
    ends(|| {
        run(async {
            let (limiter, gate) = (CapacityLimiter::new(0), Gate::default());
            let (theirs, raised) = (gate.clone(), limiter.clone());
            let opener = thread::spawn(move || {
                until(|| raised.statistics().tasks_waiting == 3);
                raised.set_total_tokens(3);
                theirs.wait_for(3);
                theirs.open();
            });
            let calls = (0..3).map(|_| {
                let gate = gate.clone();
                to_thread::run_sync(move || gate.pass()).limiter(&limiter)
            });
            gather(calls).await.unwrap();
            opener.join().unwrap();
        });
    });
}

#[test]
fn the_destructor_of_a_value_that_nobody_wants_keeps_no_other_closure_waiting() {
    ends(|| {
        run(async {
            let (gate, inside) = (Gate::default(), Gate::default());
            let (theirs, at) = (gate.clone(), inside.clone());
            let value = OnDrop(move || at.pass());
            let mut call = to_thread::run_sync(move || {
                theirs.pass();
                value
            });
            start(&mut call).await;
            gate.wait_for(1);
            drop(call);
            gate.open();
            inside.wait_for(1);
            // It ends only when another closure has run.
            let open = inside.clone();
            to_thread::run_sync(move || open.open()).await.unwrap();
        });
    });
}
