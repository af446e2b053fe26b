//! `gather`.

use std::{cell::Cell, future, io};

use anyio_cancel_scope::{CancelScope, yield_now};
use anyio_task_group::gather;
use futures::FutureExt;

use crate::support::{Census, Gate, Log, Probe, err, fail, forever, panic_of, run, told};

// anyio: tests/test_concurrency_utils.py::test_gather_results_in_order
#[test]
fn values_come_in_the_order_of_the_futures_whatever_the_order_of_their_ends() {
    let gates = [Gate::new(), Gate::new(), Gate::new()];
    gates[2].open();
    let return_when = async |value: usize| {
        gates[value].wait().await;
        if value > 0 {
            gates[value - 1].open();
        }
        io::Result::Ok(value)
    };
    assert_eq!(run(gather([return_when(0), return_when(1), return_when(2)])).unwrap(), [0, 1, 2]);
}

// anyio: tests/test_concurrency_utils.py::test_gather_propagates_exception
#[test]
fn a_failure_cancels_the_others_and_comes_out_as_it_is() {
    let log = Log::new();
    let result = run(gather((0..3).map(async |n| {
        if n == 1 {
            yield_now().await;
            fail("boom").await
        } else {
            let result = forever().await;
            log.add("cancelled");
            result
        }
    })));
    assert_eq!(result.unwrap_err().to_string(), "boom");
    assert_eq!(log.all().len(), 2);
}

#[test]
fn several_failures_come_as_a_group() {
    assert_eq!(told(&run(gather(["a", "b"].map(fail))).unwrap_err()), "[a, b]");
}

#[test]
fn no_futures_give_no_values() {
    assert_eq!(run(gather(Vec::<future::Ready<io::Result<()>>>::new())).unwrap(), []);
}

#[test]
fn futures_and_values_may_borrow() {
    let words = [String::from("a"), String::from("bc")];
    let borrowed: Vec<&str> = run(gather(words.iter().map(async |word| io::Result::Ok(word.as_str())))).unwrap();
    assert_eq!(borrowed, ["a", "bc"]);

    let mut numbers = [1, 2, 3];
    run(gather(numbers.iter_mut().map(async |number| {
        *number *= 2;
        yield_now().await;
        *number += 1;
        io::Result::Ok(())
    })))
    .unwrap();
    assert_eq!(numbers, [3, 5, 7]);
}

#[test]
fn futures_need_not_be_send() {
    let sum = Cell::new(0);
    let values = run(gather((0..3).map(async |n| {
        sum.set(sum.get() + n);
        io::Result::Ok(std::rc::Rc::new(n))
    })));
    assert_eq!((values.unwrap().len(), sum.get()), (3, 3));
}

#[test]
fn it_is_interrupted_from_outside() {
    let scope = CancelScope::new();
    let mut all = Probe::new(scope.run(gather((0..3).map(async |n| if n == 0 { Ok(()) } else { forever().await }))));
    all.waits();
    scope.cancel();
    assert!(matches!(all.finish(), Ok(None)));
}

#[test]
fn values_that_are_all_there_win_over_a_cancellation() {
    let scope = CancelScope::new();
    scope.cancel();
    assert_eq!(run(scope.enter(gather((0..3).map(async |n| io::Result::Ok(n))))).unwrap(), [0, 1, 2]);
}

/// What was interrupted by a cancellation that is hidden when all have ended is missing all the same.
#[test]
fn it_never_gives_fewer_values_than_there_are_futures() {
    let (outer, inner) = (CancelScope::new(), CancelScope::new());
    outer.cancel();
    let result = run(outer.enter(inner.enter(gather((0..2).map(async |n| {
        if n == 0 {
            forever().await?;
        } else {
            inner.set_shielded(true);
        }
        io::Result::Ok(n)
    })))));
    assert!(result.is_err(), "{result:?}");
}

#[test]
fn a_panic_cancels_the_others_and_resumes() {
    let log = Log::new();
    let text = panic_of(|| {
        run(gather((0..2).map(async |n| {
            if n == 0 {
                panic!("boom");
            }
            let result = forever().await;
            log.add("cancelled");
            result
        })))
    });
    assert_eq!((text.as_str(), log.all().len()), ("boom", 1));
}

#[test]
fn dropping_it_drops_futures_and_values() {
    let census = Census::new();
    let mut all = Probe::new(gather((0..5).map(|n| {
        let alive = census.one();
        async move {
            if n > 2 {
                forever().await?;
            }
            io::Result::Ok(alive)
        }
    })));
    assert_eq!(census.count(), 5);
    all.waits();
    assert_eq!(census.count(), 5);
    all.drop_future();
    assert_eq!(census.count(), 0);
}

#[test]
fn more_futures_than_one_turn_takes_are_all_polled() {
    let values = run(gather((0..2000).map(async |n| {
        yield_now().await;
        io::Result::Ok(n)
    })));
    assert_eq!(values.unwrap(), (0..2000).collect::<Vec<_>>());
}

#[test]
fn it_is_boxed_and_sent() {
    let boxed = gather([async { Err::<(), _>(err("x")) }]).boxed();
    assert!(run(boxed).is_err());
}
