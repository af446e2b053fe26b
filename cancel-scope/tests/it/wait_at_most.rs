use std::{cell::Cell, pin::pin, rc::Rc, time::Duration};

use anyio_cancel_scope::{
    CancelScope, Cancelled, VirtualClock, checkpoint, current_effective_deadline, sleep, wait_at_most,
};
use futures::stream::{FuturesUnordered, StreamExt};

use crate::support::{Dropped, Probe, SECOND, Slot, forever};

#[test]
fn it_gives_the_value_or_none() {
    let (clock, slot) = (VirtualClock::new(), Slot::default());
    let mut run = Probe::new(clock.run(wait_at_most(SECOND, slot.take())));
    run.pending();
    slot.put(4);
    assert_eq!(run.woken_ready(), Some(Ok(4)));
    assert_eq!(clock.alarms(), 0);
    let mut run = Probe::new(clock.run(wait_at_most(SECOND, slot.take())));
    run.pending();
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), None);
    assert_eq!(clock.alarms(), 0);
}

// R15
#[test]
fn in_a_loop_over_a_borrowed_future_it_keeps_the_work() {
    let (clock, slot) = (VirtualClock::new(), Slot::default());
    let mut run = Probe::new(clock.run(async {
        let mut work = pin!(slot.take());
        let mut reports = 0;
        loop {
            match wait_at_most(SECOND, work.as_mut()).await {
                Some(done) => break Ok::<_, Cancelled>((reports, done?)),
                None => reports += 1,
            }
        }
    }));
    run.pending();
    for _ in 0..3 {
        clock.advance(SECOND);
        run.waits();
    }
    slot.put(9);
    assert_eq!(run.woken_ready(), Ok((3, 9)));
}

// R15
#[test]
fn around_next_it_keeps_every_child_and_an_outer_cancel_still_reaches_them() {
    let (clock, outer) = (VirtualClock::new(), CancelScope::new());
    let slots: Vec<Slot> = (0..3).map(|_| Slot::default()).collect();
    let mut run = Probe::new(clock.run(outer.run(async {
        let mut children: FuturesUnordered<_> = slots.iter().map(Slot::take).collect();
        for _ in 0..3 {
            assert_eq!(wait_at_most(SECOND, children.next()).await, None);
            assert_eq!(children.len(), 3);
        }
        let mut ends = Vec::new();
        while let Some(end) = wait_at_most(SECOND, children.next()).await.expect("in time") {
            ends.push(end.ok());
        }
        assert_eq!(ends, [Some(1), None, None]);
        checkpoint().await
    })));
    run.waits();
    for _ in 0..3 {
        clock.advance(SECOND);
        assert!(run.is_woken());
        run.waits();
    }
    slots[0].put(1);
    run.waits();
    outer.cancel();
    assert!(run.is_woken());
    assert_eq!(run.drive_ready(), Ok(None));
}

// R15
#[test]
fn it_makes_no_scope() {
    let clock = VirtualClock::new();
    let mut run = Probe::new(clock.run(wait_at_most(SECOND, async { current_effective_deadline() })));
    assert_eq!(run.ready(), Some(None));
}

// R12: "looks at its future once more before it gives up"
#[test]
fn it_looks_once_more_so_that_a_forced_yield_is_no_time_out() {
    let slot = Slot::default();
    slot.put(1);
    let mut run = Probe::new(async {
        for _ in 0..127 {
            checkpoint().await?;
        }
        Ok::<_, Cancelled>(wait_at_most(Duration::ZERO, slot.take()).await)
    });
    assert_eq!(run.ready(), Ok(Some(Ok(1))));
}

// R4
#[test]
fn it_is_no_checkpoint() {
    let scope = CancelScope::new();
    scope.cancel();
    assert_eq!(Probe::new(scope.enter(wait_at_most(SECOND, async { 1 }))).ready(), Some(1));
}

#[test]
fn a_cancel_ends_what_it_waits_for() {
    let (clock, scope) = (VirtualClock::new(), CancelScope::new());
    let mut run = Probe::new(clock.run(scope.enter(wait_at_most(SECOND, forever()))));
    run.pending();
    scope.cancel();
    assert!(run.woken_ready().expect("it is the work's own end").is_err());
}

#[test]
fn the_time_counts_from_the_first_poll_and_overflow_is_never() {
    let clock = VirtualClock::new();
    let mut run = Probe::new(clock.run(wait_at_most(SECOND, forever())));
    clock.advance(SECOND);
    run.pending();
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), None);
    let mut run = Probe::new(clock.run(wait_at_most(Duration::MAX, forever())));
    run.pending();
    assert_eq!(clock.alarms(), 0);
}

#[test]
fn what_it_was_given_is_dropped_with_it_only() {
    let (clock, dropped) = (VirtualClock::new(), Rc::new(Cell::new(false)));
    let guard = Dropped(dropped.clone());
    let work = async move {
        let _held = guard;
        sleep(60 * SECOND).await
    };
    let mut run = Probe::new(clock.run(wait_at_most(SECOND, work)));
    run.pending();
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), None);
    assert!(dropped.get());
    assert_eq!(clock.alarms(), 0);
}
