//! A test in which nothing can run any more fails at once, and no other does.

use std::{
    future::pending,
    io,
    pin::pin,
    sync::{Arc, mpsc},
    task::{Context, Waker},
    thread,
    time::{Duration, Instant},
};

use anyio_cancel_scope::{
    CancelExt, CancelScope, RunRecord, VirtualClock, host::Outside, move_on_after, shield, sleep, sleep_forever,
};
use anyio_future_contract::{OnDrop, Sleeper};
use anyio_runtime::offload;
use anyio_signals::{Signal, open_signal_receiver};
use anyio_sync::Event;
use anyio_task_group::task_group;
use anyio_testing::wait_all_tasks_blocked;

use crate::planted::message_of;

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
async fn waits_for_nothing() {
    let _ = sleep_forever().await;
}

#[anyio_testing::test(virtual_clock)]
#[ignore = "a specimen: another test runs it"]
async fn waits_for_nothing_after_an_hour() {
    sleep(Duration::from_secs(3600)).await.unwrap();
    let _ = sleep_forever().await;
}

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
async fn waits_for_nothing_after_a_millisecond() {
    sleep(Duration::from_millis(1)).await.unwrap();
    let _ = sleep_forever().await;
}

#[anyio_testing::test(worker_threads = 1)]
#[ignore = "a specimen: another test runs it"]
async fn waits_for_nothing_on_a_worker() {
    let _ = offload(async { shield(sleep_forever()).await }).await;
}

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
async fn waits_for_no_checkpoint() {
    pending::<()>().await;
}

#[anyio_testing::test(clock = VirtualClock::new())]
#[ignore = "a specimen: another test runs it"]
async fn sleeps_by_a_clock_that_stands_still() {
    let _ = sleep(Duration::from_secs(1)).await;
}

#[test]
fn it_fails_at_once_wherever_it_waits() {
    let tests: [fn(); 6] = [
        waits_for_nothing,
        waits_for_nothing_after_an_hour,
        waits_for_nothing_after_a_millisecond,
        waits_for_nothing_on_a_worker,
        waits_for_no_checkpoint,
        sleeps_by_a_clock_that_stands_still,
    ];
    for test in tests {
        let begun = Instant::now();
        let message = message_of(test);
        assert!(message.contains("nothing can run any more") && message.contains("stuck.rs"), "{message}");
        assert!(begun.elapsed() < Duration::from_secs(20), "its limit is a minute");
    }
}

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
async fn panics_when_it_is_dropped() {
    let _bomb = OnDrop(|| std::panic::resume_unwind(Box::new("in a destructor")));
    let _ = sleep_forever().await;
}

#[test]
fn a_panic_that_comes_of_its_end_does_not_hide_why() {
    let message = message_of(panics_when_it_is_dropped);
    assert!(message.contains("nothing can run any more") && message.contains("waits in sleep_forever"), "{message}");
    assert!(message.ends_with("\nNobody took the panic: in a destructor"), "{message}");
}

#[test]
fn the_message_names_the_cure_for_tests_that_are_woken_from_outside() {
    let message = message_of(waits_for_nothing);
    assert!(message.contains("#[anyio::test(foreign_wakers)]"), "{message}");
}

#[anyio_testing::test]
#[ignore = "a specimen: another test runs it"]
async fn waits_in_scopes() {
    let outer = CancelScope::after(Duration::from_secs(3600)).named("outer").shielded();
    let wait = outer.enter(CancelScope::new().named("inner").enter(async {
        outer.set_deadline(None);
        outer.stop(Duration::MAX);
        sleep_forever().await
    }));
    let _ = task_group(async |tg| -> io::Result<()> {
        tg.task("the one that waits").start_soon(async { io::Result::Ok(wait.await?) });
        Ok(())
    })
    .await;
}

#[test]
fn the_tree_shows_the_scopes_in_which_each_task_waits_with_their_flags() {
    let message = message_of(waits_in_scopes);
    let line = message.lines().find(|line| line.contains("the one that waits")).unwrap();
    assert!(line.ends_with(r#", in scope "inner", in scope "outer" (shielded, stopping)"#), "{line}");
}

// Parallel tests do not stand in each other's trees.
#[test]
fn the_tree_shows_the_tasks_of_this_test_alone() {
    let (ready, is_ready) = mpsc::channel();
    let (end, is_over) = mpsc::channel::<()>();
    let other = thread::spawn(move || {
        anyio_runtime::run(task_group(async |tg| -> io::Result<()> {
            tg.task("of another run").start_soon(async move {
                ready.send(()).unwrap();
                is_over.recv().unwrap();
            });
            Ok(())
        }))
    });
    is_ready.recv().unwrap();
    let message = message_of(waits_for_nothing);
    end.send(()).unwrap();
    other.join().unwrap().unwrap();
    assert!(message.contains("waits_for_nothing") && !message.contains("of another run"), "{message}");
}

#[anyio_testing::test]
async fn a_timer_may_wake_it() {
    sleep(Duration::from_millis(20)).await.unwrap();
}

#[anyio_testing::test]
async fn a_deadline_may_wake_it() {
    assert_eq!(move_on_after(Duration::from_millis(20), sleep_forever()).await, Ok(None));
}

#[anyio_testing::test(worker_threads = 1)]
async fn a_job_may_wake_it() {
    let (event, here) = (Arc::new(Event::new()), Sleeper::here());
    task_group(async |tg| -> io::Result<()> {
        let set = event.clone();
        tg.start_soon(offload(async move {
            here.wait_until_asleep();
            set.set();
        }));
        Ok(event.wait().await?)
    })
    .await
    .unwrap();
}

#[anyio_testing::test]
async fn a_thread_at_work_may_wake_it() {
    let event = Arc::new(Event::new());
    let (set, work) = (event.clone(), RunRecord::current().outside(Outside::Thread));
    let here = Sleeper::here();
    let thread = thread::spawn(move || {
        here.wait_until_asleep();
        set.set();
        drop(work);
    });
    event.wait().await.unwrap();
    thread.join().unwrap();
}

#[anyio_testing::test]
async fn a_descriptor_may_wake_it() {
    let receiver = open_signal_receiver(&[Signal::URG]).unwrap();
    let here = Sleeper::here();
    let thread = thread::spawn(move || {
        here.wait_until_asleep();
        std::process::Command::new("kill").args(["-URG", &std::process::id().to_string()]).status().unwrap();
    });
    assert_eq!(receiver.next().await, Ok(Signal::URG));
    thread.join().unwrap();
}

#[anyio_testing::test(foreign_wakers)]
async fn said_to_be_woken_from_outside_it_waits_for_that() {
    let (event, here) = (Arc::new(Event::new()), Sleeper::here());
    let set = event.clone();
    let thread = thread::spawn(move || {
        here.wait_until_asleep();
        set.set();
    });
    event.wait().await.unwrap();
    thread.join().unwrap();
}

#[anyio_testing::test(foreign_wakers)]
async fn said_to_be_woken_from_outside_it_may_wait_for_tokio() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let here = Sleeper::here();
    let woken = runtime.spawn(async move { here.wait_until_asleep() });
    woken.cancellable().await.unwrap().unwrap();
    runtime.shutdown_background();
}

// An alarm may ring for a task of somebody else's: the clock jumps on then.
#[anyio_testing::test(virtual_clock)]
async fn an_alarm_that_wakes_nobody_here_does_not_stop_the_clock() {
    let mut forgotten = pin!(sleep(Duration::from_secs(1)));
    assert!(forgotten.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    sleep(Duration::from_secs(3600)).await.unwrap();
}

#[anyio_testing::test]
async fn who_waits_for_the_others_is_told_instead() {
    let event = Event::new();
    task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async { io::Result::Ok(event.wait().await?) });
        wait_all_tasks_blocked().await?;
        event.set();
        Ok(())
    })
    .await
    .unwrap();
}
