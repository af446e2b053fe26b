//! A `run`, from threads that no task awaits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use anyio_cancel_scope::{CancelExt, Cancelled, sleep};
use anyio_context_vars::context_var;
use anyio_runtime::{Builder, offload, run};
use anyio_sync::Event;
use anyio_threads::{
    from_thread::{self, RunToken, current_token},
    to_thread,
};

use crate::support::{Census, ends, panic_of, words};

context_var! { static NAME: String; }

/// Runs `f` on a thread of no pool while a `run` waits, with any number of workers.
fn from_outside<T: Send + 'static>(f: impl Fn(RunToken) -> T + Send + Sync + Clone + 'static) -> Vec<T> {
    ends(move || {
        [0, 1, 3]
            .map(|workers| {
                let f = f.clone();
                Builder::new().worker_threads(workers).run(async move {
                    let (token, done) = (current_token(), Arc::new(Event::new()));
                    let theirs = done.clone();
                    let thread = thread::spawn(move || {
                        let result = f(token);
                        theirs.set();
                        result
                    });
                    done.wait().await.unwrap();
                    thread.join().unwrap()
                })
            })
            .into()
    })
}

// anyio: tests/test_from_thread.py::TestRunAsyncFromThread::test_run_async_from_unclaimed_thread
#[test]
fn a_foreign_thread_runs_a_future_with_a_token() {
    let outputs = from_outside(|token| {
        token.run(async {
            sleep(Duration::from_millis(1)).await?;
            Ok::<_, Cancelled>(thread::current().id())
        })
    });
    assert!(outputs.into_iter().all(|output| output.unwrap().unwrap() != thread::current().id()));
}

// anyio: tests/test_from_thread.py::TestRunSyncFromThread::test_run_sync_from_unclaimed_thread
#[test]
fn a_foreign_thread_calls_a_closure_with_a_token() {
    assert_eq!(from_outside(|token| token.run_sync(|| 7)), [Ok(7), Ok(7), Ok(7)]);
}

#[test]
fn what_it_runs_is_inside_of_the_run() {
    let outputs = from_outside(|token| {
        token.run(async { to_thread::run_sync(|| 1).await.unwrap() + offload(async { 1 }).await })
    });
    assert_eq!(outputs, [Ok(2), Ok(2), Ok(2)]);
}

#[test]
fn it_sees_the_variables_of_the_thread_that_asks() {
    let outputs = from_outside(|token| {
        futures::executor::block_on(NAME.scope("ada".into(), async move { token.run(async { NAME.get() }) }))
    });
    assert!(outputs.into_iter().all(|name| name.unwrap().as_deref() == Some("ada")));
}

#[test]
fn its_panic_comes_to_the_thread_that_asks() {
    let outputs = from_outside(|token| {
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            token.run(async { std::panic::resume_unwind(Box::new("over there")) })
        }));
        words(&*panicked.map(drop).unwrap_err())
    });
    assert_eq!(outputs, ["over there"; 3]);
}

// anyio: tests/test_from_thread.py::TestRunAsyncFromThread::test_run_async_closed_event_loop; anyio: tests/test_from_thread.py::TestRunSyncFromThread::test_run_sync_closed_event_loop
#[test]
fn the_token_of_a_run_that_has_ended_says_so() {
    ends(|| {
        let token = run(async { current_token() });
        let census = Census::default();
        let (one, other) = (census.one(), census.one());
        let failed = token.run(async move { drop(one) }).unwrap_err();
        assert_eq!(failed.to_string(), "the run has finished");
        assert!(token.run_sync(move || drop(other)).is_err());
        assert_eq!(census.count(), 0);
    });
}

#[test]
fn a_run_that_ends_drops_what_a_token_left_there() {
    ends(|| {
        for workers in [0, 1, 3] {
            let census = Census::default();
            let alive = census.one();
            let thread = Builder::new().worker_threads(workers).run(async move {
                let (token, begun) = (current_token(), Arc::new(Event::new()));
                let theirs = begun.clone();
                let thread = thread::spawn(move || {
                    token.run(async move {
                        let _alive = alive;
                        theirs.set();
                        std::future::pending::<()>().cancellable().await
                    })
                });
                begun.wait().await.unwrap();
                thread
            });
            assert_eq!(thread.join().unwrap().unwrap_err().to_string(), "the run has finished");
            assert_eq!(census.count(), 0);
        }
    });
}

#[test]
fn many_threads_use_a_token_while_its_run_ends() {
    ends(|| {
        for _ in 0..50 {
            let begun = Arc::new(AtomicUsize::new(0));
            let census = Census::default();
            let threads = run({
                let (begun, census) = (begun.clone(), census.clone());
                async move {
                    let token = current_token();
                    let threads: Vec<_> = (0..4)
                        .map(|_| {
                            let (token, begun, census) = (token.clone(), begun.clone(), census.clone());
                            thread::spawn(move || {
                                begun.fetch_add(1, Ordering::SeqCst);
                                loop {
                                    let alive = census.one();
                                    if token.run(async move { drop(alive) }).is_err() {
                                        break;
                                    }
                                }
                            })
                        })
                        .collect();
                    while begun.load(Ordering::SeqCst) < 4 {
                        anyio_cancel_scope::yield_now().await;
                    }
                    threads
                }
            });
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            assert_eq!(census.count(), 0);
        }
    });
}

#[test]
fn a_worker_may_use_the_token_of_its_own_run() {
    ends(|| {
        for workers in [0, 2] {
            let output = Builder::new().worker_threads(workers).run(async {
                to_thread::run_sync(|| current_token().run(async { sleep(Duration::from_millis(1)).await.map(|()| 7) }))
                    .await
            });
            assert_eq!(output, Ok(Ok(Ok(7))));
        }
    });
}

#[test]
fn inside_of_its_own_run_it_says_what_to_do_instead() {
    ends(|| {
        let panicked = panic_of(|| run(async { drop(current_token().run(async {})) }));
        assert!(panicked.contains(".await"), "{panicked}");
        let panicked = panic_of(|| run(offload(async { drop(current_token().run_sync(|| ())) })));
        assert!(panicked.contains(".await"), "{panicked}");
    });
}

#[test]
fn there_is_none_outside_of_any_run() {
    let panicked = panic_of(|| drop(current_token()));
    assert!(panicked.contains("blocking_portal"), "{panicked}");
    ends(|| {
        let panicked = panic_of(|| futures::executor::block_on(async { drop(current_token()) }));
        assert!(panicked.contains("run"), "{panicked}");
    });
}

#[test]
fn a_run_may_ask_another() {
    let outputs = from_outside(|token| run(async move { token.run(async { 7 }) }));
    assert_eq!(outputs, [Ok(7), Ok(7), Ok(7)]);
    assert!(from_thread::run(async {}).is_err());
}
