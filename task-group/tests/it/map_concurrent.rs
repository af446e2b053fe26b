//! `map_concurrent`.

use std::{
    cell::{Cell, RefCell},
    io,
};

use anyio_cancel_scope::{CancelError, CancelScope, shield, yield_now};
use anyio_task_group::map_concurrent;

use crate::support::{Census, Gate, Log, Probe, fail, forever, panic_of, run, told};

// anyio: tests/test_concurrency_utils.py::test_map_results_ordering
#[test]
fn values_come_in_the_order_of_the_items() {
    let gates = [Gate::new(), Gate::new(), Gate::new()];
    gates[2].open();
    let values = run(map_concurrent(0..3, 3, async |value: usize| {
        gates[value].wait().await;
        if value > 0 {
            gates[value - 1].open();
        }
        io::Result::Ok(value * 2)
    }));
    assert_eq!(values.unwrap(), [0, 2, 4]);
}

// anyio: tests/test_concurrency_utils.py::test_map_empty_args
#[test]
fn no_items_give_no_values() {
    assert_eq!(run(map_concurrent([], 2, async |value: u32| io::Result::Ok(value * 2))).unwrap(), []);
}

// anyio: tests/test_concurrency_utils.py::test_map_propagates_exception
#[test]
fn a_failure_comes_out_and_no_more_items_are_taken() {
    let taken = Cell::new(0);
    let items = (1..100).inspect(|_| taken.set(taken.get() + 1));
    let result = run(map_concurrent(items, 2, async |value| {
        yield_now().await;
        if value == 2 { fail("boom").await } else { forever().await }
    }));
    assert_eq!(result.unwrap_err().to_string(), "boom");
    assert_eq!(taken.get(), 2);
}

#[test]
#[should_panic(expected = "a limit of 0 would never run anything; give 1 or more")]
fn a_limit_of_zero_panics() {
    drop(map_concurrent([1], 0, async |n| io::Result::Ok(n)));
}

#[test]
fn never_more_than_the_limit_run_at_once_and_never_fewer_than_there_could() {
    for limit in [1, 3, 7] {
        let (running, most) = (Cell::new(0), Cell::new(0));
        let values = run(map_concurrent(0..50, limit, async |n| {
            running.set(running.get() + 1);
            most.set(most.get().max(running.get()));
            assert!(running.get() <= limit);
            for _ in 0..=n % 4 {
                yield_now().await;
            }
            running.set(running.get() - 1);
            io::Result::Ok(n)
        }));
        assert_eq!(values.unwrap(), (0..50).collect::<Vec<_>>());
        assert_eq!(most.get(), limit);
    }
}

#[test]
fn items_are_taken_when_there_is_room_for_them() {
    let taken = Cell::new(0);
    let gates: Vec<Gate> = (0..4).map(|_| Gate::new()).collect();
    let mut all = Probe::new(map_concurrent(gates.iter().inspect(|_| taken.set(taken.get() + 1)), 2, async |gate| {
        gate.wait().await;
        io::Result::Ok(())
    }));
    for (open, want) in [(None, 2), (Some(1), 3), (Some(0), 4), (Some(3), 4)] {
        if let Some(open) = open {
            let open: usize = open;
            gates[open].open();
        }
        all.waits();
        assert_eq!(taken.get(), want);
    }
    gates[2].open();
    assert_eq!(all.finish().unwrap().len(), 4);
}

#[test]
fn an_endless_iterator_is_never_run_ahead_of() {
    let taken = Cell::new(0);
    let mut all =
        Probe::new(map_concurrent(std::iter::repeat(()).inspect(|()| taken.set(taken.get() + 1)), 10, async |()| {
            forever().await
        }));
    all.waits();
    assert_eq!(taken.get(), 10);
}

#[test]
fn items_and_values_may_borrow() {
    let words = [String::from("a"), String::from("bc")];
    let values: Vec<&str> = run(map_concurrent(&words, 1, async |word| io::Result::Ok(word.as_str()))).unwrap();
    assert_eq!(values, ["a", "bc"]);
    let mut numbers = [1, 2];
    run(map_concurrent(&mut numbers, 2, async |number| {
        *number += 1;
        io::Result::Ok(())
    }))
    .unwrap();
    assert_eq!(numbers, [2, 3]);
}

#[test]
fn the_function_may_change_what_it_captured() {
    let mut calls = 0;
    run(map_concurrent(0..3, 1, |n| {
        calls += 1;
        async move { io::Result::Ok(n) }
    }))
    .unwrap();
    assert_eq!(calls, 3);
}

#[test]
fn cancelled_from_outside_it_takes_no_more_items_and_drops_none() {
    let scope = CancelScope::new();
    let (taken, log) = (Cell::new(0), Log::new());
    let gate = Gate::new();
    let mut items = (0..10).inspect(|_| taken.set(taken.get() + 1));
    let mut all = Probe::new(scope.enter(map_concurrent(&mut items, 2, async |_| {
        let result = forever().await;
        shield(gate.wait()).await;
        log.add("clean");
        result
    })));
    all.waits();
    scope.cancel();
    all.waits();
    gate.open();
    assert!(all.finish().unwrap_err().is_cancelled());
    drop(all);
    assert_eq!(log.all().len(), 2);
    assert_eq!(taken.get(), 2);
    assert_eq!(items.next(), Some(2));
}

#[test]
fn in_a_cancelled_scope_it_takes_no_item() {
    let scope = CancelScope::new();
    scope.cancel();
    let result = run(scope.enter(map_concurrent((0..3).inspect(|_| panic!("taken")), 2, async |n| io::Result::Ok(n))));
    assert!(result.unwrap_err().is_cancelled());
}

#[test]
fn values_that_are_all_there_win_over_a_cancellation() {
    let scope = CancelScope::new();
    let gate = Gate::new();
    let mut all = Probe::new(scope.enter(map_concurrent(0..2, 2, async |n| {
        shield(gate.wait()).await;
        io::Result::Ok(n)
    })));
    all.waits();
    scope.cancel();
    all.waits();
    gate.open();
    assert_eq!(all.finish().unwrap(), [0, 1]);
}

#[test]
fn panics_of_the_function_the_iterator_and_the_futures_resume() {
    let f = panic_of(|| run(map_concurrent(0..3, 2, |_| -> std::future::Ready<io::Result<()>> { panic!("f") })));
    let iter = panic_of(|| run(map_concurrent((0..3).inspect(|_| panic!("iter")), 2, async |n| io::Result::Ok(n))));
    let future = panic_of(|| {
        run(map_concurrent(0..3, 2, async |n| {
            if n == 1 {
                panic!("future");
            }
            forever().await
        }))
    });
    assert_eq!((f.as_str(), iter.as_str(), future.as_str()), ("f", "iter", "future"));
}

#[test]
fn dropping_it_drops_futures_values_and_the_rest_of_the_items() {
    let census = Census::new();
    let items: Vec<_> = (0..10).map(|n| (n, census.one())).collect();
    let mut all = Probe::new(map_concurrent(items, 3, async |(n, alive)| {
        if n > 3 {
            forever().await?;
        }
        io::Result::Ok(alive)
    }));
    all.waits();
    assert_eq!(census.count(), 10);
    all.drop_future();
    assert_eq!(census.count(), 0);
}

#[test]
fn several_failures_come_as_a_group_and_the_error_of_one_ends_all() {
    let order = RefCell::new(Vec::new());
    let result = run(map_concurrent(["a", "b", "c"], 3, async |text| {
        order.borrow_mut().push(text);
        if text == "c" {
            return forever().await;
        }
        fail(text).await
    }));
    assert_eq!(told(&result.unwrap_err()), "[a, b]");
    assert_eq!(*order.borrow(), ["a", "b", "c"]);
}

#[test]
fn a_thousand_items_at_once() {
    let values = run(map_concurrent(0..1000, usize::MAX, async |n| {
        yield_now().await;
        io::Result::Ok(n)
    }));
    assert_eq!(values.unwrap().len(), 1000);
}
