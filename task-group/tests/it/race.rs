//! `race`.

use std::{future, io};

use anyio_cancel_scope::{CancelError, CancelScope, Cause, cancel_cause, shield, yield_now};
use anyio_task_group::race;

use crate::support::{Census, Gate, Log, OnDrop, Probe, err, fail, forever, panic_of, run, told};

#[test]
fn the_first_value_wins_and_the_losers_are_cancelled_and_waited_for() {
    let (gate, log) = (Gate::new(), Log::new());
    let mut winner = Probe::new(race((0..3).map(async |n| {
        if n == 1 {
            yield_now().await;
            return io::Result::Ok(n);
        }
        let result = forever().await;
        assert_eq!(cancel_cause(), Some(Cause::Called(Some("the race is won".into()))));
        shield(gate.wait()).await;
        log.add("clean");
        result.map(|()| n)
    })));
    winner.waits();
    gate.open();
    assert_eq!(winner.finish().unwrap(), 1);
    assert_eq!(log.all().len(), 2);
}

#[test]
fn one_that_fails_loses_and_the_race_goes_on() {
    let winner = run(race((0..3).map(async |n| {
        for _ in 0..n {
            yield_now().await;
        }
        if n < 2 { Err(err("lost")) } else { Ok(n) }
    })));
    assert_eq!(winner.unwrap(), 2);
}

#[test]
fn when_all_fail_their_errors_come_out() {
    assert_eq!(told(&run(race(["a", "b", "c"].map(fail))).unwrap_err()), "[a, b, c]");
    assert_eq!(told(&run(race([fail("only")])).unwrap_err()), "only");
}

#[test]
fn with_a_winner_the_errors_of_the_losers_are_dropped() {
    let winner = run(race((0..2).map(async |n| {
        if n == 0 {
            return io::Result::Ok(n);
        }
        let _ = forever().await;
        Err(err("clean-up"))
    })));
    assert_eq!(winner.unwrap(), 0);
}

#[test]
fn a_panic_of_a_loser_is_not_dropped() {
    let text = panic_of(|| {
        run(race((0..2).map(async |n| {
            if n == 0 {
                return io::Result::Ok(n);
            }
            let _ = forever().await;
            panic!("loser")
        })))
    });
    assert_eq!(text, "loser");
}

#[test]
#[should_panic(expected = "race: nothing to race; give at least one future")]
fn an_empty_race_panics() {
    drop(race(Vec::<future::Ready<io::Result<()>>>::new()));
}

#[test]
fn one_that_completes_as_well_is_too_late() {
    let census = Census::new();
    let winner = run(race((0..3).map(async |n| io::Result::Ok((n, census.one())))));
    let (n, _alive) = winner.unwrap();
    assert_eq!((n, census.count()), (0, 1));
}

/// A value of a loser may do anything when it is dropped; it is not dropped under a lock of ours.
#[test]
fn the_value_of_a_loser_may_panic_when_dropped() {
    let text = panic_of(|| {
        run(race((0..2).map(async |n| {
            let bomb = OnDrop(move || {
                if n == 1 {
                    panic!("loser's value");
                }
            });
            io::Result::Ok(bomb)
        })))
    });
    assert_eq!(text, "loser's value");
}

#[test]
fn values_may_borrow_and_need_not_be_send() {
    let words = [String::from("a"), String::from("bc")];
    let first = run(race(words.iter().map(async |word| io::Result::Ok(std::rc::Rc::new(word.as_str())))));
    assert_eq!(*first.unwrap(), "a");
}

#[test]
fn it_is_interrupted_from_outside() {
    let scope = CancelScope::new();
    let mut all = Probe::new(scope.run(race([forever(), forever()])));
    all.waits();
    scope.cancel();
    assert!(matches!(all.finish(), Ok(None)));
    // One that had failed before says nothing about the work that is missing.
    let scope = CancelScope::new();
    let mut all =
        Probe::new(scope.enter(race((0..2).map(async |n| if n == 0 { fail("early").await } else { forever().await }))));
    all.waits();
    scope.cancel();
    assert!(all.finish().unwrap_err().is_cancelled());
}

#[test]
fn a_winner_in_a_cancelled_scope_wins_all_the_same() {
    let scope = CancelScope::new();
    scope.cancel();
    let winner = run(scope.enter(race((0..2).map(async |n| {
        if n == 0 {
            forever().await?;
        }
        io::Result::Ok(n)
    }))));
    assert_eq!(winner.unwrap(), 1);
}

#[test]
fn a_stray_cancelled_is_a_failure_like_any_other() {
    let scope = CancelScope::new();
    scope.cancel();
    let stray = run(scope.enter(forever())).unwrap_err();
    let mut strays = vec![stray];
    let error = run(race((0..1).map(|_| {
        let stray = strays.pop().unwrap();
        async move { io::Result::<()>::Err(stray) }
    })));
    assert!(error.unwrap_err().is_cancelled());
}

#[test]
fn dropping_it_drops_all() {
    let census = Census::new();
    let mut all = Probe::new(race((0..3).map(|_| {
        let alive = census.one();
        async move {
            forever().await?;
            io::Result::Ok(alive)
        }
    })));
    all.waits();
    assert_eq!(census.count(), 3);
    all.drop_future();
    assert_eq!(census.count(), 0);
}
