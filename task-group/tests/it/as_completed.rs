//! `as_completed`.

use std::{future, io};

use anyio_cancel_scope::{CancelError, CancelScope, Cause, cancel_cause, shield, yield_now};
use anyio_task_group::{Completed, as_completed, current_task};

use crate::support::{Census, Gate, Log, Probe, err, fail, forever, panic_of, run, told};

async fn collect<T>(mut results: Completed<T>) -> io::Result<Vec<T>> {
    let mut all = Vec::new();
    while let Some(value) = results.next().await? {
        all.push(value);
    }
    Ok(all)
}

// anyio: tests/test_concurrency_utils.py::test_as_completed_ordering
#[test]
fn values_come_in_the_order_in_which_the_futures_end() {
    let gates = [Gate::new(), Gate::new(), Gate::new()];
    let triggers = [None, Some(2), Some(0)];
    gates[1].open();
    let return_when = async |value: usize| {
        gates[value].wait().await;
        if let Some(next) = triggers[value] {
            gates[next].open();
        }
        io::Result::Ok(value + 1)
    };
    assert_eq!(run(as_completed((0..3).map(return_when), collect)).unwrap(), [2, 3, 1]);
}

// anyio: tests/test_concurrency_utils.py::test_as_completed_naming
#[test]
fn the_tasks_have_the_names_of_where_their_futures_were_written() {
    async fn first() -> io::Result<String> {
        Ok(current_task().unwrap().name().to_owned())
    }
    async fn second() -> io::Result<String> {
        Ok(current_task().unwrap().name().to_owned())
    }
    let names = |of: Vec<String>| of[0].clone();
    let (a, b) = (run(as_completed([first()], collect)).unwrap(), run(as_completed([second()], collect)).unwrap());
    let (a, b) = (names(a), names(b));
    assert!(a.ends_with("::first") && b.ends_with("::second"), "{a} {b}");
}

// anyio: tests/test_concurrency_utils.py::test_as_completed_no_coroutines (there an error; here the end comes at once)
#[test]
fn no_futures_give_the_end_at_once() {
    assert_eq!(run(as_completed(Vec::<future::Ready<io::Result<()>>>::new(), collect)).unwrap(), []);
}

// anyio: tests/test_concurrency_utils.py::test_as_completed_propagates_exception
#[test]
fn a_failure_cancels_the_others_and_the_body() {
    let log = Log::new();
    let futures = (0..2).map(async |n| {
        if n == 1 {
            return fail("boom").await;
        }
        let result = forever().await;
        log.add("future");
        result
    });
    let result = run(as_completed(futures, async |mut results| {
        let error = results.next().await.unwrap_err();
        assert_eq!(cancel_cause(), Some(Cause::TaskFailed));
        log.add("body");
        io::Result::<()>::Err(error.into())
    }));
    assert_eq!(result.unwrap_err().to_string(), "boom");
    assert_eq!(log.all().len(), 2);
}

// anyio: tests/test_concurrency_utils.py::test_as_completed_early_exit
#[test]
fn leaving_early_cancels_the_rest_and_waits_for_them() {
    let (gate, log) = (Gate::new(), Log::new());
    let futures = (0..3).map(async |n| {
        if n == 0 {
            return io::Result::Ok(n);
        }
        let result = forever().await;
        shield(gate.wait()).await;
        log.add("clean");
        result.map(|()| n)
    });
    let mut first = Probe::new(as_completed(futures, async |mut results| io::Result::Ok(results.next().await?)));
    first.waits();
    gate.open();
    assert_eq!(first.finish().unwrap(), Some(0));
    assert_eq!(log.all().len(), 2);
}

#[test]
fn an_error_of_the_body_cancels_the_rest() {
    let result = run(as_completed([forever()], async |_results| io::Result::<()>::Err(err("body"))));
    assert_eq!(result.unwrap_err().to_string(), "body");
}

#[test]
fn a_future_that_fails_after_the_body_left_comes_out() {
    let futures = [async {
        let _ = forever().await;
        fail("clean-up").await
    }];
    let result = run(as_completed(futures, async |_results| io::Result::Ok(1)));
    assert_eq!(told(&result.unwrap_err()), "clean-up");
}

#[test]
fn values_may_borrow_and_need_not_be_send() {
    let words = [String::from("a"), String::from("bc")];
    let all =
        run(as_completed(words.iter().map(async |word| io::Result::Ok(std::rc::Rc::new(word.as_str()))), collect));
    assert_eq!(all.unwrap().iter().map(|word| word.len()).sum::<usize>(), 3);
}

#[test]
fn a_cancelled_next_loses_nothing() {
    let gate = Gate::new();
    let futures = [1, 2].map(async |n| {
        gate.wait().await;
        io::Result::Ok(n)
    });
    let all = run(as_completed(futures, async |mut results| {
        let scope = CancelScope::new();
        let (interrupted, ()) = futures::join!(scope.enter(results.next()), async {
            yield_now().await;
            scope.cancel();
        });
        assert!(interrupted.is_err());
        gate.open();
        collect(results).await
    }));
    assert_eq!(all.unwrap(), [1, 2]);
}

// R3
#[test]
fn a_value_that_is_there_wins_over_a_cancellation() {
    let gate = Gate::new();
    let futures = [async {
        gate.wait().await;
        io::Result::Ok(1)
    }];
    let all = run(as_completed(futures, async |mut results| {
        let scope = CancelScope::new();
        let (next, ()) = futures::join!(scope.enter(results.next()), async {
            yield_now().await;
            gate.open();
            yield_now().await;
            scope.cancel();
        });
        assert_eq!(next, Ok(Some(1)));
        io::Result::Ok(())
    }));
    all.unwrap();
}

#[test]
fn dropped_nexts_lose_nothing() {
    let futures = (0..3).map(async |n| {
        for _ in 0..n {
            yield_now().await;
        }
        io::Result::Ok(n)
    });
    let all = run(as_completed(futures, async |mut results| {
        let mut all = Vec::new();
        for _ in 0..20 {
            if let Some(Ok(Some(value))) = futures_lite::future::poll_once(results.next()).await {
                all.push(value);
            }
            yield_now().await;
        }
        assert_eq!(results.next().await, Ok(None));
        io::Result::Ok(all)
    }));
    assert_eq!(all.unwrap(), [0, 1, 2]);
}

#[test]
fn it_is_interrupted_from_outside() {
    let scope = CancelScope::new();
    let mut all = Probe::new(scope.run(as_completed([forever(), forever()], collect)));
    all.waits();
    scope.cancel();
    assert!(matches!(all.finish(), Ok(None)));
    let scope = CancelScope::new();
    scope.cancel();
    let error = run(scope.enter(as_completed([forever()], async |_results| io::Result::Ok(1))));
    assert!(error.unwrap_err().is_cancelled());
}

#[test]
fn panics_resume() {
    let future =
        panic_of(|| run(as_completed([async { if true { panic!("future") } else { io::Result::Ok(()) } }], collect)));
    let body = panic_of(|| {
        run(as_completed([forever()], async |_results| if true { panic!("body") } else { io::Result::Ok(()) }))
    });
    assert_eq!((future.as_str(), body.as_str()), ("future", "body"));
}

#[test]
fn dropping_it_drops_futures_values_and_the_body() {
    let census = Census::new();
    let in_body = census.one();
    let futures = (0..4).map(|n| {
        let alive = census.one();
        async move {
            if n > 1 {
                forever().await?;
            }
            io::Result::Ok(alive)
        }
    });
    let mut all = Probe::new(as_completed(futures, async move |results| {
        let _kept = (in_body, results);
        forever().await
    }));
    all.waits();
    assert_eq!(census.count(), 5);
    all.drop_future();
    assert_eq!(census.count(), 0);
}

#[test]
fn values_that_the_body_did_not_take_are_dropped() {
    let census = Census::new();
    let futures = (0..4).map(|_| {
        let alive = census.one();
        async move { io::Result::Ok(alive) }
    });
    run(as_completed(futures, async |results| {
        yield_now().await;
        drop(results);
        io::Result::Ok(())
    }))
    .unwrap();
    assert_eq!(census.count(), 0);
}
