//! Trees of ten thousand scopes: no recursion of ours, and no quadratic walks.

use std::{future::Future, pin::Pin, thread::Builder, time::Duration};

use anyio_cancel_scope::{CancelExt, CancelScope, Cancelled, VirtualClock, checkpoint, move_on_after, sleep_forever};

use crate::support::{Probe, SECOND, foreign, never};

const DEPTH: usize = 10_000;

fn on_stack(size: usize, f: impl FnOnce() + Send + 'static) {
    Builder::new().stack_size(size).spawn(f).unwrap().join().unwrap();
}

type Body<'a> = Pin<Box<dyn Future<Output = Result<(), Cancelled>> + 'a>>;

/// `DEPTH` limits around `body`, each of which `wrap` puts around.
fn nest<'a>(body: impl Future<Output = Result<(), Cancelled>> + 'a, wrap: impl Fn(Body<'a>) -> Body<'a>) -> Body<'a> {
    let mut nest: Body<'a> = Box::pin(body);
    for _ in 0..DEPTH {
        nest = wrap(nest);
    }
    nest
}

fn limit<'a>(limit: Duration) -> impl Fn(Body<'a>) -> Body<'a> {
    move |body| Box::pin(async move { move_on_after(limit, body).await.map(|_| ()) })
}

#[test]
fn a_chain_of_linked_handles_is_cancelled_and_freed_on_a_small_stack() {
    on_stack(64 * 1024, || {
        let mut chain = vec![CancelScope::new()];
        for at in 0..DEPTH {
            chain.push(CancelScope::new().linked(&chain[at]));
        }
        chain[0].cancel();
        assert!(chain.iter().all(CancelScope::cancel_called));
        drop(chain);
    });
}

#[test]
fn a_chain_of_linked_handles_is_freed_from_either_end() {
    on_stack(64 * 1024, || {
        for backwards in [true, false] {
            let mut chain = vec![CancelScope::new()];
            for at in 0..DEPTH {
                chain.push(CancelScope::new().linked(&chain[at]));
            }
            if backwards {
                while chain.pop().is_some() {}
            } else {
                chain.drain(..).for_each(drop);
            }
        }
    });
}

#[test]
fn a_deep_nest_is_cancelled_from_outside() {
    on_stack(256 << 20, || {
        let root = CancelScope::new();
        let mut run = Probe::new(root.run(nest(sleep_forever(), limit(3600 * SECOND))));
        run.pending();
        for _ in 0..10 {
            run.pending();
        }
        root.cancel();
        assert_eq!(run.woken_ready(), Ok(None));
    });
}

#[test]
fn a_deep_nest_of_passed_deadlines_is_entered_and_left() {
    on_stack(256 << 20, || {
        let mut run = Probe::new(nest(checkpoint(), limit(Duration::ZERO)));
        assert_eq!(run.drive_ready(), Ok(()));
    });
}

#[test]
fn a_deep_nest_of_one_deadline_fires_and_is_left() {
    on_stack(256 << 20, || {
        let clock = VirtualClock::new();
        let mut run = Probe::new(clock.run(nest(sleep_forever(), limit(SECOND))));
        run.pending();
        assert_eq!(clock.alarms(), DEPTH);
        clock.advance(SECOND);
        assert_eq!(run.woken_ready(), Ok(()));
        assert_eq!(clock.alarms(), 0);
    });
}

#[test]
fn a_deep_nest_is_dropped_midway() {
    on_stack(256 << 20, || {
        let clock = VirtualClock::new();
        let mut run = Probe::new(clock.run(nest(sleep_forever(), limit(SECOND))));
        run.pending();
        run.drop_future();
        assert_eq!((clock.alarms(), run.held()), (0, 0));
    });
}

#[test]
fn a_change_at_the_bottom_of_a_deep_nest_does_not_make_each_level_walk_up() {
    on_stack(256 << 20, || {
        let root = CancelScope::new();
        let bottom = async {
            let scope = CancelScope::new();
            scope.cancel();
            scope.run(checkpoint()).await?;
            sleep_forever().await
        };
        let mut run = Probe::new(root.run(nest(bottom, limit(3600 * SECOND))));
        run.pending();
        root.cancel();
        assert_eq!(run.woken_ready(), Ok(None));
    });
}

#[test]
fn a_deep_nest_in_which_each_level_has_a_waker_of_its_own_is_cancelled_from_outside() {
    on_stack(256 << 20, || {
        let root = CancelScope::new();
        let wrap =
            |body| -> Body<'static> { Box::pin(foreign(async { CancelScope::new().run(body).await.map(|_| ()) })) };
        let mut run = Probe::new(root.run(nest(never(), wrap)));
        run.pending();
        root.cancel();
        assert!(run.is_woken());
        assert_eq!(run.drive_ready(), Ok(None));
    });
}

#[test]
fn a_deep_nest_moves_to_another_scope_at_once() {
    on_stack(256 << 20, || {
        let (first, second) = (CancelScope::new(), CancelScope::new());
        let mut held = nest(sleep_forever(), limit(3600 * SECOND));
        Probe::new(first.enter(&mut held)).pending();
        let mut run = Probe::new(second.run(held));
        run.pending();
        first.cancel();
        run.pending();
        second.cancel();
        assert_eq!(run.woken_ready(), Ok(None));
    });
}

#[test]
fn bound_work_below_a_deep_nest_sees_the_root() {
    on_stack(256 << 20, || {
        let (root, bottom) = (CancelScope::new(), CancelScope::new());
        let inside = async { bottom.run(sleep_forever()).await.map(|_| ()) };
        let mut run = Probe::new(root.run(nest(inside, limit(3600 * SECOND))));
        run.pending();
        let mut bound = Probe::new(sleep_forever().in_scope(&bottom));
        for _ in 0..100 {
            bound.pending();
        }
        root.cancel();
        assert!(bound.woken_ready().is_err());
        assert_eq!(run.woken_ready(), Ok(None));
    });
}
