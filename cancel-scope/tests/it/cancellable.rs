use std::{
    cell::Cell,
    future::{Future, pending, poll_fn, ready},
    io,
    rc::Rc,
    task::Poll,
};

use anyio_cancel_scope::{CancelError, CancelExt, CancelScope, Cancelled, shield};

use crate::support::{Dropped, Probe, Slot, foreign};

/// A foreign wait that tells when it is polled and when it is dropped.
fn watched(polled: &Rc<Cell<bool>>, dropped: &Rc<Cell<bool>>) -> impl Future<Output = ()> + use<> {
    let (polled, guard) = (polled.clone(), Dropped(dropped.clone()));
    poll_fn(move |_| {
        let _held = &guard;
        polled.set(true);
        Poll::Pending
    })
}

#[test]
fn a_value_passes_through() {
    assert_eq!(Probe::new(ready(3).cancellable()).ready(), Ok(3));
}

// R4
#[test]
fn entered_in_a_cancelled_scope_it_is_not_polled_and_dropped_before_cancelled_is_returned() {
    let (polled, dropped) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
    let scope = CancelScope::new();
    scope.cancel();
    let mut run = Probe::new(scope.run(async {
        let mut work = Box::pin(watched(&polled, &dropped).cancellable());
        let result = work.as_mut().await;
        assert!(dropped.get(), "it is still there when the clean-up begins");
        result
    }));
    assert_eq!(run.ready(), Ok(None));
    assert!(!polled.get());
}

// R4
#[test]
fn cancelled_while_it_waits_it_is_dropped_before_cancelled_is_returned() {
    let (polled, dropped) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
    let scope = CancelScope::new();
    let mut run = Probe::new(scope.run(async {
        let mut work = Box::pin(watched(&polled, &dropped).cancellable());
        let result = work.as_mut().await;
        assert!(dropped.get());
        result
    }));
    run.pending();
    assert!(polled.get() && !dropped.get());
    scope.cancel();
    assert_eq!(run.woken_ready(), Ok(None));
}

#[test]
fn a_finished_future_is_dropped_at_once() {
    let dropped = Rc::new(Cell::new(false));
    let guard = Dropped(dropped.clone());
    let mut work = Box::pin(
        async move {
            let _held = guard;
        }
        .cancellable(),
    );
    assert_eq!(Probe::new(&mut work).ready(), Ok(()));
    assert!(dropped.get());
}

#[test]
fn or_cancelled_flattens_the_errors() {
    let scope = CancelScope::new();
    let mut run = Probe::new(scope.enter(pending::<io::Result<()>>().or_cancelled()));
    run.pending();
    scope.cancel();
    let error = run.woken_ready().unwrap_err();
    assert!(error.is_cancelled());
    assert_eq!(error.kind(), io::ErrorKind::Other);
    let broken = Probe::new(async { Err::<(), _>(io::Error::from(io::ErrorKind::BrokenPipe)) }.or_cancelled()).ready();
    assert_eq!(broken.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}

#[test]
fn a_shield_around_it_holds() {
    let (scope, slot) = (CancelScope::new(), Slot::default());
    let mut run = Probe::new(scope.enter(shield(slot.take().cancellable())));
    run.pending();
    scope.cancel();
    run.pending();
    slot.put(1);
    assert_eq!(run.woken_ready(), Ok(Ok(1)));
}

#[test]
fn inside_a_foreign_executor_it_is_reached() {
    let scope = CancelScope::new();
    let mut run = Probe::new(scope.run(foreign(pending::<()>().cancellable())));
    run.pending();
    scope.cancel();
    assert_eq!(run.woken_ready(), Ok(None));
}

#[test]
fn a_future_that_panics_when_it_is_dropped_leaves_the_scope_as_it_was() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("from the destructor"));
        }
    }
    let guard = Panics;
    let work = poll_fn(move |_| {
        let _held = &guard;
        Poll::<()>::Pending
    });
    let scope = CancelScope::new();
    let mut run = Probe::new(scope.run(work.cancellable()));
    run.pending();
    scope.cancel();
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run.poll())).is_err());
    assert_eq!(anyio_cancel_scope::check_cancelled(), Ok::<_, Cancelled>(()));
}
