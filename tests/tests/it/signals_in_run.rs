//! `Builder::cancel_on_signals`: the first signal cancels, the second kills, and nothing of it is left. Each test has a process
//! of its own.

use std::{
    future::Future,
    hint::spin_loop,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use anyio::{
    Builder, CancelExt, CancelScope, Cancelled, Cause, Result, cancel_cause, checkpoint, move_on_after, now, offload,
    ok, open_signal_receiver, run, scope::VirtualClock, shield, signals::Signal, sleep, sleep_forever, task_group,
    yield_now,
};

use crate::{
    child::{child, disposition, raise, say, set},
    common::words,
};

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);
const SIGINT: Option<Cause> = Some(Cause::Signal(2));

fn on_ctrl_c() -> Builder {
    Builder::new().worker_threads(2).cancel_on_signals([Signal::INT, Signal::TERM])
}

/// Says that it is ready, and waits for the cancellation.
async fn until_cancelled() -> std::result::Result<(), Cancelled> {
    say("ready");
    sleep_forever().await
}

// R10
#[test]
fn the_first_one_cancels_the_root_and_is_its_cause() {
    let mut child = child!(|| {
        on_ctrl_c().run(async {
            assert_eq!(cancel_cause(), None);
            assert!(until_cancelled().await.is_err());
            assert_eq!(cancel_cause(), SIGINT);
            assert!(checkpoint().await.is_err(), "and it stays cancelled");
        });
    });
    child.says("ready");
    child.send(Signal::INT);
    child.ends().well();
}

// R10
#[test]
fn the_cause_is_the_signal_that_came() {
    let mut child = child!(|| {
        on_ctrl_c().run(async {
            assert!(until_cancelled().await.is_err());
            assert_eq!(cancel_cause(), Some(Cause::Signal(15)));
        });
    });
    child.says("ready");
    child.send(Signal::TERM);
    child.ends().well();
}

// R8
#[test]
fn shielded_clean_up_runs_to_its_end_and_run_returns_the_output() {
    let mut child = child!(|| {
        let output = on_ctrl_c().run(async {
            let ended = until_cancelled().await;
            shield(async {
                sleep(MS).await?;
                assert_eq!(offload(async { 7 }).await, 7);
                yield_now().await;
                say("cleaned up");
                ended
            })
            .await
            .map_err(|_| "the output")
        });
        assert_eq!(output, Err("the output"));
        say("the process goes on");
    });
    child.says("ready");
    child.send(Signal::INT);
    child.says("cleaned up");
    child.says("the process goes on");
    child.ends().well();
}

// R7: nobody but the root is cancelled, and that has no `None` to give.
#[test]
fn a_cancellation_that_nobody_handles_comes_out() {
    let mut child = child!(|| {
        let ended = on_ctrl_c().run(task_group(async |tg| -> Result<()> {
            tg.start_soon(async { ok(until_cancelled().await?) });
            Ok(())
        }));
        assert!(ended.unwrap_err().is::<Cancelled>());
    });
    child.says("ready");
    child.send(Signal::INT);
    child.ends().well();
}

// R12
#[test]
fn a_loop_that_never_waits_is_cancelled_at_its_checkpoints() {
    let mut child = child!(|| {
        on_ctrl_c().run(async {
            say("ready");
            while checkpoint().await.is_ok() {}
            assert_eq!(cancel_cause(), SIGINT);
        });
    });
    child.says("ready");
    child.send(Signal::INT);
    child.ends().well();
}

#[test]
fn one_that_came_before_the_first_wait_cancels_it() {
    child!(|| {
        on_ctrl_c().run(async {
            raise(Signal::INT);
            assert!(sleep_forever().await.is_err());
            assert_eq!(cancel_cause(), SIGINT);
        });
    })
    .ends()
    .well();
}

#[test]
fn one_that_nobody_asked_about_has_its_old_effect() {
    let mut child = child!(|| on_ctrl_c().run(async { until_cancelled().await.unwrap() }));
    child.says("ready");
    child.send(Signal::HUP);
    child.ends().by(Signal::HUP).having_said("ready");
}

#[test]
fn the_second_one_kills_at_once() {
    let mut child = child!(|| {
        on_ctrl_c()
            .run(async {
                let _ = until_cancelled().await;
                shield(async {
                    say("cleaning up");
                    sleep_forever().await
                })
                .await
            })
            .unwrap();
    });
    child.says("ready");
    child.send(Signal::INT);
    child.says("cleaning up");
    child.send(Signal::INT);
    child.ends().by(Signal::INT).having_said("cleaning up");
}

#[test]
fn another_one_of_them_kills_as_well_and_is_what_it_dies_of() {
    let mut child = child!(|| {
        on_ctrl_c()
            .run(async {
                let _ = until_cancelled().await;
                say("cancelled");
                shield(sleep_forever()).await
            })
            .unwrap();
    });
    child.says("ready");
    child.send(Signal::INT);
    child.says("cancelled");
    child.send(Signal::TERM);
    child.ends().by(Signal::TERM).having_said("cancelled");
}

#[test]
fn the_second_one_kills_where_every_thread_is_in_a_blocking_loop() {
    let mut child = child!(|| {
        on_ctrl_c()
            .run(async {
                let receiver = open_signal_receiver(&[Signal::INT]).unwrap();
                let looping = Arc::new(AtomicUsize::new(0));
                task_group(async |tg| -> Result<()> {
                    for _ in 0..2 {
                        let looping = looping.clone();
                        tg.start_soon(offload(async move {
                            looping.fetch_add(1, Ordering::SeqCst);
                            loop {
                                spin_loop();
                            }
                        }));
                    }
                    while looping.load(Ordering::SeqCst) < 2 {
                        yield_now().await;
                    }
                    say("ready");
                    while receiver.try_next().is_none() {
                        spin_loop();
                    }
                    say("the first one came");
                    loop {
                        spin_loop();
                    }
                })
                .await
            })
            .unwrap();
    });
    child.says("ready");
    child.send(Signal::INT);
    child.says("the first one came");
    child.send(Signal::INT);
    child.ends().by(Signal::INT).having_said("the first one came");
}

// R2, R6
#[test]
fn what_was_offloaded_and_grandchildren_see_it() {
    async fn sees(waiting: Arc<AtomicUsize>) -> Result<()> {
        waiting.fetch_add(1, Ordering::SeqCst);
        let ended = sleep_forever().await;
        assert_eq!(cancel_cause(), SIGINT);
        shield(yield_now()).await;
        say("seen");
        ok(ended?)
    }
    let mut child = child!(|| {
        let waiting = Arc::new(AtomicUsize::new(0));
        let ended = on_ctrl_c().run(task_group(async |tg| -> Result<()> {
            tg.start_soon(offload(sees(waiting.clone())));
            tg.start_soon(async {
                task_group(async |inner| -> Result<()> {
                    inner.start_soon(sees(waiting.clone()));
                    inner.start_soon(offload(sees(waiting.clone())));
                    Ok(())
                })
                .await
            });
            while waiting.load(Ordering::SeqCst) < 3 {
                yield_now().await;
            }
            say("ready");
            Ok(())
        }));
        assert!(ended.unwrap_err().is::<Cancelled>());
    });
    child.says("ready");
    child.send(Signal::INT);
    (0..3).for_each(|_| child.says("seen"));
    child.ends().well();
}

#[test]
fn a_receiver_of_the_program_gets_the_first_one_too() {
    let mut child = child!(|| {
        let receiver = open_signal_receiver(&[Signal::INT]).unwrap();
        on_ctrl_c().run(async {
            assert!(until_cancelled().await.is_err());
            assert_eq!(shield(receiver.next()).await, Ok(Signal::INT));
        });
        raise(Signal::INT);
        assert_eq!(receiver.try_next(), Some(Signal::INT), "it is still open after the run");
        receiver.close();
        assert_eq!(disposition(Signal::INT), libc::SIG_DFL);
    });
    child.says("ready");
    child.send(Signal::INT);
    child.ends().well();
}

// R3: the wait that the signal ends takes it, and is cancelled afterwards.
#[test]
fn a_wait_for_the_same_signal_takes_it_before_it_is_cancelled() {
    let mut child = child!(|| {
        on_ctrl_c().run(async {
            let receiver = open_signal_receiver(&[Signal::INT]).unwrap();
            say("ready");
            assert_eq!(receiver.next().await, Ok(Signal::INT));
            assert!(receiver.next().await.is_err());
        });
    });
    child.says("ready");
    child.send(Signal::INT);
    child.ends().well();
}

/// What the docs of `cancel_on_signals` advise for a graceful stop: R13.
#[test]
fn one_that_is_received_can_stop_a_scope_instead() {
    let mut child = child!(|| {
        let scope = CancelScope::new();
        let terminate = open_signal_receiver(&[Signal::TERM]).unwrap();
        let ended =
            Builder::new().cancel_on_signals([Signal::INT]).run(scope.run(task_group(async |tg| -> Result<_> {
                tg.start_soon(async {
                    terminate.next().await?;
                    scope.stop(HOUR);
                    ok(())
                });
                say("ready");
                let idle = sleep_forever().unless_stopping().await;
                assert!(idle.is_none());
                sleep(MS).await?;
                Ok("work went on")
            })));
        assert_eq!(ended.unwrap().flatten(), Some("work went on"));
    });
    child.says("ready");
    child.send(Signal::TERM);
    child.ends().well();
}

#[test]
fn the_default_is_back_after_the_run() {
    let mut child = child!(|| {
        on_ctrl_c().run(async { assert!(until_cancelled().await.is_err()) });
        assert_eq!([Signal::INT, Signal::TERM].map(disposition), [libc::SIG_DFL; 2]);
        say("returned");
        loop {
            thread::park();
        }
    });
    child.says("ready");
    child.send(Signal::TERM);
    child.says("returned");
    child.send(Signal::INT);
    child.ends().by(Signal::INT).having_said("returned");
}

#[test]
fn what_was_ignored_is_ignored_again_after_the_run() {
    let mut child = child!(|| {
        set(Signal::INT, libc::SIG_IGN);
        on_ctrl_c().run(async { assert!(until_cancelled().await.is_err()) });
        assert_eq!([Signal::INT, Signal::TERM].map(disposition), [libc::SIG_IGN, libc::SIG_DFL]);
        raise(Signal::INT);
    });
    child.says("ready");
    child.send(Signal::INT);
    child.ends().well();
}

#[test]
fn a_panic_leaves_the_dispositions_as_they_were_too() {
    child!(|| {
        set(Signal::INT, libc::SIG_IGN);
        let panic = catch_unwind(|| on_ctrl_c().run(async { panic!("on purpose") })).unwrap_err();
        assert_eq!(words(panic), "on purpose");
        assert_eq!([Signal::INT, Signal::TERM].map(disposition), [libc::SIG_IGN, libc::SIG_DFL]);
    })
    .ends()
    .well();
}

#[test]
fn each_run_begins_to_count_anew() {
    child!(|| {
        for _ in 0..3 {
            on_ctrl_c().run(async {
                raise(Signal::INT);
                assert!(sleep_forever().await.is_err());
            });
        }
    })
    .ends()
    .well();
}

#[test]
fn runs_of_two_threads_are_both_cancelled() {
    let mut child = child!(|| {
        let both = Barrier::new(2);
        thread::scope(|threads| {
            for leads in [true, false] {
                let both = &both;
                threads.spawn(move || {
                    on_ctrl_c().run(async {
                        both.wait();
                        if leads {
                            say("ready");
                        }
                        assert!(sleep_forever().await.is_err());
                        assert_eq!(cancel_cause(), SIGINT);
                        // Not before the other one got it: its end is no reason for this one's.
                        both.wait();
                    });
                });
            }
        });
        assert_eq!(disposition(Signal::INT), libc::SIG_DFL);
    });
    child.says("ready");
    child.send(Signal::INT);
    child.ends().well();
}

#[test]
fn a_run_without_signals_beside_one_with_them_is_left_alone() {
    let mut child = child!(|| {
        let both = Barrier::new(2);
        thread::scope(|threads| {
            threads.spawn(|| {
                run(async {
                    both.wait();
                    both.wait();
                    assert_eq!(checkpoint().await, Ok(()));
                });
            });
            on_ctrl_c().run(async {
                both.wait();
                assert!(until_cancelled().await.is_err());
                both.wait();
            });
        });
    });
    child.says("ready");
    child.send(Signal::INT);
    child.ends().well();
}

// DESIGN, Time
#[test]
fn a_clock_that_jumps_does_not_mind() {
    let mut child = child!(|| {
        let jumping = || on_ctrl_c().clock(VirtualClock::autojump());
        assert_eq!(jumping().run(sleep(HOUR)), Ok(()), "to wait for signals holds no clock");

        let (waited, cleaned) = jumping().run(async {
            let begun = now();
            assert!(until_cancelled().await.is_err());
            let waited = now() - begun;
            let cleaned = shield(async {
                offload(async { sleep(HOUR).await.unwrap() }).await;
                now() - begun
            });
            (waited, cleaned.await)
        });
        assert_eq!((waited, cleaned), (Duration::ZERO, HOUR));
    });
    child.says("ready");
    child.send(Signal::INT);
    child.ends().well();
}

#[test]
fn a_clock_that_jumps_may_reach_a_deadline_before_the_signal() {
    child!(|| {
        let clean_up = |ended| async move {
            assert!(shield(move_on_after(HOUR, sleep_forever())).await.unwrap().is_none());
            ended
        };
        let ended = on_ctrl_c().clock(VirtualClock::autojump()).run(async {
            assert!(move_on_after(HOUR, sleep_forever()).await.unwrap().is_none());
            raise(Signal::INT);
            clean_up(sleep_forever().await).await
        });
        assert!(ended.is_err());
    })
    .ends()
    .well();
}

#[test]
fn one_that_cannot_be_caught_panics_and_is_named() {
    let ended = child!(|| {
        let refused = |signal| {
            let builder = Builder::new().cancel_on_signals([Signal::INT, signal]);
            words(catch_unwind(AssertUnwindSafe(|| builder.run(async {}))).unwrap_err())
        };
        let kill = refused(Signal::KILL);
        assert!(kill.starts_with("cancel_on_signals: cannot receive SIGKILL: no process can catch it"), "{kill}");
        assert!(kill.contains("SIGTERM is the request to end"), "{kill}");
        for (signal, start) in [
            (Signal::STOP, "cancel_on_signals: cannot receive SIGSTOP: "),
            (Signal::SEGV, "cancel_on_signals: cannot receive SIGSEGV: "),
            (Signal::WINCH, "cancel_on_signals: cannot end the process at the second SIGWINCH: "),
            (Signal::from_raw(12345), "cancel_on_signals: cannot receive signal 12345: "),
        ] {
            let words = refused(signal);
            assert!(words.starts_with(start), "{words}");
        }
        assert_eq!(disposition(Signal::INT), libc::SIG_DFL, "nothing is left of the refused ones");
        run(async {});
    });
    let ended = ended.ends().well();
    assert!(ended.errors.contains(&format!("panicked at {}", file!())), "it tells the caller: {}", ended.errors);
}

#[test]
fn a_signal_that_stands_twice_is_one() {
    let mut child = child!(|| {
        let builder = Builder::new().cancel_on_signals([Signal::INT, Signal::INT]).cancel_on_signals([Signal::INT]);
        builder.run(async { assert!(until_cancelled().await.is_err()) });
    });
    child.says("ready");
    child.send(Signal::INT);
    child.ends().well();
}

#[test]
fn a_future_that_borrows_and_is_not_send_is_cancelled_as_well() {
    fn on_this_thread<'a>(text: &'a str) -> impl Future<Output = usize> + 'a {
        let shared = std::rc::Rc::new(text);
        async move {
            assert!(until_cancelled().await.is_err());
            shared.len()
        }
    }
    let mut child = child!(|| {
        let text = String::from("text");
        assert_eq!(on_ctrl_c().run(on_this_thread(&text)), 4);
    });
    child.says("ready");
    child.send(Signal::INT);
    child.ends().well();
}
