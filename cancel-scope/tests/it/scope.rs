use std::{future::poll_fn, panic::AssertUnwindSafe, pin::pin, sync::Arc, task::Poll};

use anyio_cancel_scope::{
    BoxError, CancelError, CancelExt, CancelScope, Cancelled, Cause, check_cancelled, checkpoint, move_on_after, now,
    ok, shield, sleep, sleep_forever,
};

use crate::support::{Probe, SECOND, Slot, forever, never, on_another_thread};

#[test]
fn a_body_that_completes_gives_some() {
    let scope = CancelScope::new();
    assert_eq!(Probe::new(scope.run(async { Ok::<_, Cancelled>(7) })).ready(), Ok(Some(7)));
    assert!(!scope.cancel_called());
    assert!(!scope.cancelled_caught());
}

// anyio: tests/test_taskgroups.py::test_cancel_before_entering_scope
#[test]
fn a_cancel_before_entry_is_seen_at_the_first_checkpoint() {
    let scope = CancelScope::new();
    scope.cancel();
    let mut reached = false;
    let mut run = Probe::new(scope.run(async {
        reached = true;
        checkpoint().await?;
        unreachable!("the checkpoint is cancelled");
        #[allow(unreachable_code)]
        Ok::<(), Cancelled>(())
    }));
    assert_eq!(run.ready(), Ok(None));
    drop(run);
    assert!(reached);
    assert!(scope.cancelled_caught());
}

#[test]
fn a_cancel_wakes_the_task_once() {
    let scope = CancelScope::new();
    let mut run = Probe::new(scope.run(forever()));
    run.pending();
    scope.cancel();
    assert_eq!(run.wakes(), 1);
    assert_eq!(run.ready(), Ok(None));
}

// R11
#[test]
fn a_cancel_from_another_thread_reaches_the_scope() {
    let scope = CancelScope::new();
    let mut run = Probe::new(scope.run(forever()));
    run.pending();
    on_another_thread(|| scope.cancel());
    assert_eq!(run.woken_ready(), Ok(None));
}

// R11
#[test]
fn a_cancel_from_another_thread_is_seen_by_the_poll_under_way() {
    let scope = CancelScope::new();
    let other = scope.clone();
    let mut run = Probe::new(scope.run(async {
        check_cancelled()?;
        on_another_thread(|| other.cancel());
        assert!(check_cancelled().is_err());
        forever().await
    }));
    assert_eq!(run.ready(), Ok(None));
}

// R11
#[test]
fn a_cancel_from_another_thread_between_the_wait_and_the_end_of_its_first_poll_is_not_lost() {
    let scope = CancelScope::new();
    let mut wait = Box::pin(forever());
    let other = scope.clone();
    let mut told = false;
    let mut run = Probe::new(scope.run(poll_fn(move |cx| {
        let polled = wait.as_mut().poll(cx);
        if !std::mem::replace(&mut told, true) {
            on_another_thread(|| other.cancel());
        }
        polled
    })));
    assert_eq!(run.poll(), Poll::Pending);
    assert_eq!(run.woken_ready(), Ok(None));
}

// R11
#[test]
fn the_first_cancel_counts() {
    let scope = CancelScope::new();
    scope.cancel_because("first");
    scope.cancel_because("second");
    scope.cancel();
    assert_eq!(scope.cause(), Some(Cause::Called(Some("first".into()))));
}

// anyio: tests/test_taskgroups.py::test_level_cancellation
#[test]
fn every_checkpoint_in_a_cancelled_scope_is_cancelled_until_it_is_left() {
    // R1
    let scope = CancelScope::new();
    scope.cancel();
    let mut seen = 0;
    let mut run = Probe::new(async {
        let inside = scope.run(async {
            for _ in 0..5 {
                seen += usize::from(checkpoint().await.is_err());
                seen += usize::from(sleep(SECOND).await.is_err());
                seen += usize::from(never().await.is_err());
            }
            forever().await
        });
        assert_eq!(inside.await, Ok(None));
        checkpoint().await
    });
    assert_eq!(run.ready(), Ok(()));
    drop(run);
    assert_eq!(seen, 15);
}

// anyio: tests/test_taskgroups.py::test_cancelled_not_caught
#[test]
fn a_body_without_checkpoints_completes_in_a_cancelled_scope() {
    let scope = CancelScope::new();
    let cancel = scope.clone();
    let mut run = Probe::new(scope.run(async move {
        cancel.cancel();
        Ok::<_, Cancelled>("done")
    }));
    assert_eq!(run.ready(), Ok(Some("done")));
    assert!(scope.cancel_called());
    assert!(!scope.cancelled_caught());
}

#[test]
fn a_body_that_swallows_its_cancellation_completes() {
    let scope = CancelScope::new();
    scope.cancel();
    let mut run = Probe::new(scope.run(async {
        forever().await.unwrap_err();
        Ok::<_, Cancelled>("swallowed")
    }));
    assert_eq!(run.ready(), Ok(Some("swallowed")));
    assert!(!scope.cancelled_caught());
}

// R7
#[test]
fn a_real_error_wins_over_the_cancellation() {
    let scope = CancelScope::new();
    scope.cancel();
    let mut run = Probe::new(scope.run(async {
        forever().await.unwrap_err();
        Err::<(), BoxError>("disk full".into())
    }));
    assert_eq!(run.ready().unwrap_err().to_string(), "disk full");
    assert!(!scope.cancelled_caught());
}

// R7; anyio: tests/test_taskgroups.py::test_cancelled_raises_beyond_origin_unshielded
#[test]
fn the_outermost_visible_cancelled_scope_absorbs() {
    let (outer, inner) = (CancelScope::new(), CancelScope::new());
    let mut passed = false;
    let mut run = Probe::new(outer.run(async {
        let result = inner.run(async {
            inner.cancel();
            outer.cancel();
            forever().await
        });
        let result = result.await;
        passed = result.is_err();
        result
    }));
    assert_eq!(run.ready(), Ok(None));
    drop(run);
    assert!(passed);
    assert!(outer.cancelled_caught());
    assert!(!inner.cancelled_caught());
}

// R7; anyio: tests/test_taskgroups.py::test_cancelled_raises_beyond_origin_shielded
#[test]
fn a_cancelled_shield_absorbs_though_the_outer_scope_is_cancelled() {
    let (outer, inner) = (CancelScope::new(), CancelScope::new().shielded());
    let mut run = Probe::new(outer.run(async {
        inner.cancel();
        outer.cancel();
        assert_eq!(inner.run(forever()).await, Ok(None));
        forever().await
    }));
    assert_eq!(run.ready(), Ok(None));
    assert!(inner.cancelled_caught());
    assert!(outer.cancelled_caught());
}

// R7
#[test]
fn the_exit_is_decided_by_the_shield_as_it_is_then() {
    let (outer, inner) = (CancelScope::new(), CancelScope::new());
    let mut run = Probe::new(outer.run(async {
        let result = inner.run(async {
            inner.cancel();
            outer.cancel();
            let result = forever().await;
            inner.set_shielded(true);
            result
        });
        assert_eq!(result.await, Ok(None));
        Ok::<_, Cancelled>(())
    }));
    assert_eq!(run.ready(), Ok(Some(())));
    assert!(inner.cancelled_caught());
}

// R7
#[test]
fn a_stray_cancelled_comes_out_unchanged() {
    let dead = CancelScope::new();
    dead.cancel();
    let stray = Probe::new(dead.enter(checkpoint())).ready().unwrap_err();
    let scope = CancelScope::new();
    assert_eq!(Probe::new(scope.run(async { Err::<(), _>(stray) })).ready(), Err(checkpoint_error()));
    assert!(!scope.cancelled_caught());
}

fn checkpoint_error() -> Cancelled {
    let scope = CancelScope::new();
    scope.cancel();
    Probe::new(scope.enter(checkpoint())).ready().unwrap_err()
}

// R7
#[test]
fn a_scope_between_passes_its_ancestors_cancellation_on() {
    let (outer, inner) = (CancelScope::new(), CancelScope::new());
    let mut run = Probe::new(outer.run(async { inner.run(forever()).await }));
    run.pending();
    outer.cancel();
    assert_eq!(run.woken_ready(), Ok(None));
    assert!(!inner.cancel_called());
    assert!(!inner.cancelled_caught());
}

#[test]
fn enter_absorbs_nothing_and_gives_the_error_as_it_is() {
    #[derive(Debug, PartialEq)]
    struct Refused(&'static str);
    let scope = CancelScope::new();
    scope.cancel();
    let send = async { forever().await.map_err(|_| Refused("item")) };
    assert_eq!(Probe::new(scope.enter(send)).ready(), Err(Refused("item")));
    assert!(scope.cancel_called());
    assert!(!scope.cancelled_caught());
}

// anyio: tests/test_taskgroups.py::test_cancel_scope_cleared
#[test]
fn a_scope_that_was_left_holds_for_nobody() {
    let scope = CancelScope::new();
    let mut run = Probe::new(async {
        scope.run(async { Ok::<_, Cancelled>(()) }).await?;
        scope.cancel();
        checkpoint().await
    });
    assert_eq!(run.ready(), Ok(()));
}

// anyio: tests/test_taskgroups.py::TestUncancel::test_uncancel_after_scope_cancel
// anyio: tests/test_taskgroups.py::TestUncancel::test_cancel_counter_nested_scopes
// anyio: tests/test_taskgroups.py::TestUncancel::test_uncancel_cancelled_scope_based_checkpoint
#[test]
fn nothing_is_cancelled_after_nested_scopes_were_left() {
    for cancel_inner in [true, false] {
        let (outer, inner) = (CancelScope::new(), CancelScope::new());
        let mut run = Probe::new(async {
            let inside = outer.run(async {
                outer.cancel();
                let result = inner.run(async {
                    if cancel_inner {
                        inner.cancel();
                    }
                    forever().await
                });
                let result = result.await;
                assert!(check_cancelled().is_err());
                result.map(|_| ())
            });
            assert_eq!(inside.await, Ok(None));
            check_cancelled()?;
            CancelScope::new().run(checkpoint()).await
        });
        assert_eq!(run.ready(), Ok(Some(())));
    }
}

// anyio: tests/test_taskgroups.py::test_escaping_cancelled_error_from_cancelled_task
#[test]
fn a_scope_that_is_cancelled_after_a_timeout_inside_it_completes() {
    let (clock, scope) = (anyio_cancel_scope::VirtualClock::new(), CancelScope::new());
    let mut run = Probe::new(clock.run(scope.run(async {
        assert_eq!(move_on_after(SECOND, sleep_forever()).await?, None);
        scope.cancel();
        Ok::<_, Cancelled>("done")
    })));
    run.pending();
    clock.advance(SECOND);
    assert_eq!(run.woken_ready(), Ok(Some("done")));
    assert!(scope.cancel_called() && !scope.cancelled_caught());
}

// anyio: tests/test_taskgroups.py::test_cancel_scope_in_another_task
#[test]
fn a_scope_run_by_one_task_is_cancelled_by_another() {
    let scope = CancelScope::new();
    let mut one = Probe::new(scope.run(forever()));
    let mut other = Probe::new(async { scope.cancel() });
    one.pending();
    other.ready();
    assert_eq!(one.woken_ready(), Ok(None));
}

// R6: "borrowed futures too"
#[test]
fn a_future_that_holds_a_wrapper_polled_first_outside_and_then_under_a_limit_ends() {
    let scope = CancelScope::new();
    let mut held = Box::pin(shield_free(scope.clone()));
    let clock = anyio_cancel_scope::VirtualClock::new();
    assert!(Probe::new(clock.run(&mut held)).poll().is_pending());
    let mut limited = Probe::new(clock.run(move_on_after(SECOND, &mut held)));
    limited.pending();
    clock.advance(SECOND);
    assert_eq!(limited.woken_ready(), Ok(None));
}

async fn shield_free(scope: CancelScope) -> Result<(), Cancelled> {
    scope.run(forever()).await.map(|_| ())
}

// R6
#[test]
fn a_wrapper_that_was_polled_in_a_scope_which_was_cancelled_and_left_goes_on() {
    let (left, slot) = (CancelScope::new(), Slot::default());
    let mut held = Box::pin(CancelScope::new().run(slot.take()));
    let mut run = Probe::new(async {
        let looked = left.run(async {
            poll_fn(|cx| Poll::Ready(held.as_mut().poll(cx).is_pending())).await.then_some(()).unwrap();
            left.cancel();
            forever().await
        });
        assert_eq!(looked.await, Ok(None));
        held.await
    });
    run.pending();
    slot.put(3);
    assert_eq!(run.woken_ready(), Ok(Some(3)));
}

// R6
#[test]
fn a_future_is_cancelled_by_the_scope_in_which_it_is_polled_not_made() {
    let (maker, poller) = (CancelScope::new(), CancelScope::new());
    let mut made = None;
    Probe::new(maker.enter(async { made = Some(CancelScope::new().run(forever())) })).ready();
    let made = made.unwrap();
    let mut run = Probe::new(poller.run(async { made.await.map(|_| ()) }));
    run.pending();
    maker.cancel();
    assert!(!run.is_woken());
    poller.cancel();
    assert_eq!(run.woken_ready(), Ok(None));
}

// R6
#[test]
fn a_wrapper_moved_three_times_belongs_to_the_last_scope() {
    let scopes: Vec<_> = (0..3).map(|_| CancelScope::new()).collect();
    let mut held = Box::pin(CancelScope::new().run(forever()));
    for scope in &scopes {
        Probe::new(scope.enter(&mut held)).pending();
    }
    for scope in &scopes {
        scope.cancel();
    }
    let mut alone = Probe::new(held);
    alone.pending();
}

// R6
#[test]
fn a_scope_run_inside_itself_ends_and_is_cancelled() {
    let scope = CancelScope::new();
    let mut run = Probe::new(scope.run(forever()).in_scope(&scope));
    run.pending();
    scope.cancel();
    assert_eq!(run.woken_ready(), Err(checkpoint_error()));
}

// R6
#[test]
fn a_scope_run_below_itself_makes_no_circle() {
    let (scope, between) = (CancelScope::new(), CancelScope::new());
    let mut run = Probe::new(between.run(scope.run(forever()).in_scope(&between)).in_scope(&scope));
    run.pending();
    scope.cancel();
    assert!(run.woken_ready().is_err());
}

// R6
#[test]
fn a_scope_moved_below_its_own_child_makes_no_circle() {
    let (scope, child) = (CancelScope::new(), CancelScope::new());
    let mut run = Box::pin(scope.run(async { child.run(forever()).await }));
    Probe::new(&mut run).pending();
    let mut below = Probe::new(run.in_scope(&child));
    below.pending();
    below.pending();
    child.cancel();
    scope.cancel();
    assert!(below.is_woken());
    assert!(below.drive().is_ready());
}

// R6
#[test]
fn two_scopes_run_below_each_other_on_two_threads_make_no_circle() {
    for _ in 0..500 {
        let (one, other) = (CancelScope::new(), CancelScope::new());
        let both = std::sync::Barrier::new(2);
        std::thread::scope(|threads| {
            for (scope, below) in [(&one, &other), (&other, &one)] {
                let both = &both;
                threads.spawn(move || {
                    let mut run = Probe::new(scope.run(sleep_forever()).in_scope(below));
                    both.wait();
                    assert!(run.poll().is_pending());
                    both.wait();
                    scope.cancel();
                    assert!(run.drive().is_ready());
                });
            }
        });
    }
}

#[test]
fn the_waker_of_the_last_poll_is_the_one_that_is_woken() {
    let scope = CancelScope::new();
    let mut run = Probe::new(scope.run(forever()));
    run.pending();
    let old = run.replace_waker();
    run.pending();
    scope.cancel();
    assert_eq!(old.wakes(), 0);
    assert_eq!(run.woken_ready(), Ok(None));
}

#[test]
fn a_task_may_move_between_threads() {
    let (outer, inner) = (CancelScope::new(), CancelScope::new());
    let mut task = Box::pin(outer.run(inner.run(sleep_forever())));
    let count = Arc::<crate::support::Count>::default();
    let waker = std::task::Waker::from(count.clone());
    for _ in 0..3 {
        on_another_thread(|| {
            let cx = &mut std::task::Context::from_waker(&waker);
            assert!(task.as_mut().poll(cx).is_pending());
        });
    }
    on_another_thread(|| outer.cancel());
    assert_eq!(count.wakes(), 1);
    on_another_thread(|| {
        let cx = &mut std::task::Context::from_waker(&waker);
        assert_eq!(task.as_mut().poll(cx), Poll::Ready(Ok(None)));
    });
}

#[test]
#[should_panic(
    expected = "this scope was run or entered before; make a new CancelScope for each section, or bind further futures to \
                this one with `in_scope`"
)]
fn run_twice_panics_and_names_the_cure() {
    let scope = CancelScope::new();
    drop(scope.run(forever()));
    drop(scope.run(forever()));
}

#[test]
#[should_panic(expected = "CancelScope::enter: this scope was run or entered before")]
fn enter_after_run_panics() {
    let scope = CancelScope::new();
    drop(scope.run(forever()));
    drop(scope.enter(forever()));
}

#[test]
fn the_panic_of_a_second_run_is_at_the_callers_line() {
    let scope = CancelScope::new();
    drop(scope.run(forever()));
    let place = Arc::new(std::sync::Mutex::new(None));
    let here = std::thread::current().id();
    let old = std::panic::take_hook();
    let noted = place.clone();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == here {
            *noted.lock().unwrap() = info.location().map(|at| (at.file().to_owned(), at.line()));
        }
    }));
    let line = line!() + 1;
    let second = std::panic::catch_unwind(AssertUnwindSafe(|| drop(scope.run(forever()))));
    std::panic::set_hook(old);
    assert!(second.is_err());
    assert_eq!(place.lock().unwrap().take(), Some((file!().to_owned(), line)));
}

#[test]
fn a_panic_in_a_poll_puts_the_enclosing_scope_back() {
    let (outer, inner) = (CancelScope::new(), CancelScope::new());
    inner.cancel();
    let mut run = Probe::new(outer.enter(async {
        let mut inside = pin!(inner.enter(async {
            assert!(check_cancelled().is_err());
            std::panic::resume_unwind(Box::new("out"));
        }));
        let caught =
            poll_fn(|cx| Poll::Ready(std::panic::catch_unwind(AssertUnwindSafe(|| inside.as_mut().poll(cx))).is_err()));
        assert!(caught.await);
        assert!(check_cancelled().is_ok());
        forever().await
    }));
    run.pending();
    outer.cancel();
    assert!(run.woken_ready().is_err());
    assert!(check_cancelled().is_ok());
}

// anyio: tests/test_taskgroups.py::test_no_spin_on_done_task_in_cancel_scope; anyio#1111
#[test]
fn a_task_that_will_not_stop_is_not_woken_again_and_again() {
    let scope = CancelScope::new();
    let mut run = Probe::new(scope.run(shield(sleep_forever())));
    run.pending();
    scope.cancel();
    for _ in 0..10 {
        run.pending();
    }
    assert_eq!(run.wakes(), 1);
}

#[test]
fn completed_makes_none_a_cancellation() {
    use anyio_cancel_scope::CompletedExt;
    let error = Ok::<Option<()>, BoxError>(None).completed().unwrap_err();
    assert!(error.is_cancelled());
    assert_eq!(ok(Some(1)).completed().unwrap(), 1);
}

#[test]
fn a_scope_tells_its_name_and_state_in_debug() {
    let scope = CancelScope::at(now()).named("upload").shielded();
    scope.cancel_because("enough");
    let text = format!("{scope:?}");
    assert!(text.contains("upload") && text.contains("enough") && text.contains("shielded: true"), "{text}");
}

#[test]
fn a_waker_that_panics_takes_nobodys_wake_up_with_it() {
    struct Panics;
    impl std::task::Wake for Panics {
        fn wake(self: Arc<Self>) {
            std::panic::resume_unwind(Box::new("from the waker"));
        }
    }
    let (pool, one, other) = (CancelScope::new(), CancelScope::new(), CancelScope::new());
    let (one, other) = (one.linked(&pool), other.linked(&pool));
    let waker = std::task::Waker::from(Arc::new(Panics));
    let mut bad = Box::pin(one.run(forever()));
    assert!(bad.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
    let mut worse = Box::pin(forever().in_scope(&pool));
    assert!(worse.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_pending());
    let mut good = Probe::new(other.run(forever()));
    good.pending();
    assert!(std::panic::catch_unwind(AssertUnwindSafe(|| pool.cancel())).is_err());
    assert_eq!(good.woken_ready(), Ok(None));
}
