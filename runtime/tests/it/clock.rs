//! A virtual clock under `run`.

use std::{
    future::{Future, poll_fn},
    io,
    sync::{Arc, Barrier},
    task::Poll,
    time::{Duration, Instant},
};

use anyio_cancel_scope::{
    CancelScope, Cause, Clock, RunRecord, VirtualClock, host::Outside, move_on_after, now, shield, sleep,
    sleep_forever, with_clock, yield_now,
};
use anyio_future_contract::Sleeper;
use anyio_runtime::{Builder, offload};
use anyio_task_group::{gather, task_group};

use crate::support::ends;

const HOUR: Duration = Duration::from_secs(3600);

/// Runs what `make` makes with a clock that jumps, on no worker, one, and three.
fn jumping<F: Future<Output = ()>>(make: impl Fn() -> F + Send + 'static) {
    ends(move || {
        for count in [0, 1, 3] {
            let begun = Instant::now();
            Builder::new().worker_threads(count).clock(VirtualClock::autojump()).run(make());
            assert!(begun.elapsed() < HOUR, "it waited for real time");
        }
    });
}

#[test]
fn it_jumps_to_the_next_deadline() {
    jumping(async || {
        let begun = now();
        sleep(HOUR).await.unwrap();
        assert_eq!(now() - begun, HOUR);
        assert_eq!(move_on_after(HOUR, sleep_forever()).await, Ok(None));
        assert_eq!(now() - begun, 2 * HOUR);
    });
}

#[test]
fn sleepers_wake_in_the_order_of_their_deadlines() {
    jumping(async || {
        let order = std::sync::Mutex::new(Vec::new());
        task_group(async |tg| -> io::Result<()> {
            for hours in [3, 1, 2] {
                let order = &order;
                tg.start_soon(async move {
                    sleep(hours * HOUR).await?;
                    order.lock().unwrap().push(hours);
                    io::Result::Ok(())
                });
            }
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(*order.lock().unwrap(), [1, 2, 3]);
    });
}

#[test]
fn offloaded_sleepers_wake_in_that_order_too() {
    jumping(async || {
        let begun = now();
        let hours = gather([3, 1, 2].map(|hours| {
            offload(async move {
                sleep(hours * HOUR).await?;
                io::Result::Ok(now())
            })
        }));
        let woken = hours.await.unwrap();
        assert_eq!(woken, [3, 1, 2].map(|hours| begun + hours * HOUR));
    });
}

#[test]
fn it_does_not_jump_while_a_worker_is_busy() {
    ends(|| {
        for _ in 0..100 {
            let (meet, there) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
            let barriers = (meet.clone(), there.clone());
            Builder::new().worker_threads(1).clock(VirtualClock::autojump()).run(async move {
                let begun = now();
                let busy = offload(async move {
                    meet.wait();
                    // The other side sleeps by now, or will: the time stands still as long as this poll lasts.
                    there.wait();
                    now()
                });
                let both = task_group(async |tg| -> io::Result<()> {
                    let busy = tg.start_soon(busy.map_ok());
                    tg.start_soon(async move {
                        sleep(HOUR).await?;
                        io::Result::Ok(())
                    });
                    yield_now().await;
                    barriers.0.wait();
                    barriers.1.wait();
                    assert_eq!(busy.join().await?, begun);
                    Ok(())
                });
                both.await.unwrap();
                assert_eq!(now() - begun, HOUR);
            });
        }
    });
}

trait MapOk: Future + Sized {
    fn map_ok(self) -> impl Future<Output = io::Result<Self::Output>> {
        async { Ok(self.await) }
    }
}

impl<F: Future> MapOk for F {}

#[test]
fn it_does_not_jump_while_a_thread_of_ours_works() {
    ends(|| {
        let clock = VirtualClock::autojump();
        Builder::new().clock(clock.clone()).run(async {
            let begun = now();
            let at_work = RunRecord::current().outside(Outside::Thread);
            let thread = std::thread::spawn(move || {
                // Whatever the run does meanwhile, the time stands still.
                let seen = clock.now();
                drop(at_work);
                seen
            });
            sleep(HOUR).await.unwrap();
            assert_eq!(thread.join().unwrap(), begun);
        });
    });
}

#[test]
fn while_descriptors_are_waited_for_it_does_not_jump() {
    ends(|| {
        Builder::new().clock(VirtualClock::autojump()).run(async {
            let begun = now();
            let waits = RunRecord::current().outside(Outside::Descriptor);
            let (ready, readiness) = futures::channel::oneshot::channel();
            // What comes in from outside, in real time.
            let outside = std::thread::spawn(move || ready.send(()));
            let waited = move_on_after(HOUR, async {
                readiness.await.unwrap();
                Ok::<_, io::Error>(now())
            });
            assert_eq!(waited.await.unwrap(), Some(begun));
            drop(waits);
            outside.join().unwrap().unwrap();
            sleep(HOUR).await.unwrap();
            assert_eq!(now() - begun, HOUR);
        });
    });
}

#[test]
fn while_descriptors_are_waited_for_it_jumps_after_a_quiet_time_if_told_to() {
    ends(|| {
        for count in [0, 2] {
            let quiet = Duration::from_millis(5);
            let clock = VirtualClock::autojump_after(quiet);
            let begun = Instant::now();
            Builder::new().worker_threads(count).clock(clock).run(async {
                let _waits = RunRecord::current().outside(Outside::Descriptor);
                sleep(HOUR).await.unwrap();
                sleep(HOUR).await.unwrap();
            });
            assert!(begun.elapsed() >= 2 * quiet);
        }
    });
}

// A poll that takes long is no quiet time.
#[test]
fn whatever_happens_begins_the_quiet_time_anew() {
    ends(|| {
        let quiet = Duration::from_millis(100);
        Builder::new().worker_threads(0).clock(VirtualClock::autojump_after(quiet)).run(async {
            let _waits = RunRecord::current().outside(Outside::Descriptor);
            let here = Sleeper::here();
            let mut slept = Box::pin(sleep(HOUR));
            let (mut polls, mut busy_until) = (0, None);
            poll_fn(|cx| {
                polls += 1;
                if polls == 1 {
                    let (waker, here) = (cx.waker().clone(), here.clone());
                    std::thread::spawn(move || {
                        here.wait_until_asleep();
                        waker.wake();
                    });
                }
                let slept = slept.as_mut().poll(cx);
                if polls == 2 && slept.is_pending() {
                    std::thread::sleep(quiet);
                    busy_until = Some(Instant::now());
                }
                slept
            })
            .await
            .unwrap();
            // Where the thread comes too late the hour is over before.
            assert!(busy_until.is_none_or(|busy| busy.elapsed() >= quiet));
        });
    });
}

#[test]
fn a_clock_that_is_moved_by_hand_stands_still() {
    ends(|| {
        let clock = VirtualClock::new();
        let hand = clock.clone();
        Builder::new().clock(clock).run(async {
            let begun = now();
            let mut slept = Box::pin(sleep(HOUR));
            poll_fn(|cx| {
                assert!(slept.as_mut().poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            for _ in 0..1000 {
                yield_now().await;
            }
            assert_eq!(now(), begun);
            hand.advance(HOUR);
            slept.await.unwrap();
        });
    });
}

#[test]
fn under_another_executor_a_clock_that_jumps_stands_still() {
    let clock = VirtualClock::autojump();
    let hand = clock.clone();
    futures::executor::block_on(with_clock(Arc::new(clock), async {
        let begun = now();
        yield_now().await;
        assert_eq!(now(), begun);
        hand.advance(HOUR);
        assert_eq!(now() - begun, HOUR);
    }));
}

#[test]
fn another_clock_may_be_put_in_place_inside() {
    jumping(async || {
        let begun = now();
        let inner = VirtualClock::new();
        let hand = inner.clone();
        let moved = inner.run(async {
            let scope = CancelScope::after(HOUR);
            let ended = scope
                .run(async {
                    hand.advance(HOUR);
                    sleep_forever().await
                })
                .await;
            (ended, scope.cause())
        });
        assert_eq!(moved.await, (Ok(None), Some(Cause::Deadline)));
        assert_eq!(now(), begun);
    });
}

#[test]
fn a_thousand_hours_with_wake_ups_in_between_are_exact() {
    jumping(async || {
        let begun = now();
        gather((0..10_u32).map(async |n| {
            for _ in 0..100 {
                if n % 2 == 0 {
                    sleep(HOUR).await?;
                } else {
                    offload(async { sleep(HOUR).await }).await?;
                }
                yield_now().await;
            }
            io::Result::Ok(())
        }))
        .await
        .unwrap();
        assert_eq!(now() - begun, 100 * HOUR);
    });
}

#[test]
fn a_clean_up_with_a_limit_of_its_own_needs_no_real_time() {
    jumping(async || {
        let begun = now();
        let late = move_on_after(HOUR, async {
            let ended = sleep_forever().await;
            shield(move_on_after(HOUR, sleep_forever())).await?;
            ended
        });
        assert_eq!(late.await, Ok(None));
        assert_eq!(now() - begun, 2 * HOUR);
    });
}
