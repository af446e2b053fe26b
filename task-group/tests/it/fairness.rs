//! Who is polled, how often, and that nobody starves (R12).

use std::{
    future::poll_fn,
    io,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Poll, Waker},
};

use anyio_cancel_scope::{CancelScope, shield, yield_now};
use anyio_task_group::{TaskGroup, task_group};

use crate::support::{Gate, Probe, forever, run};

/// Wakes itself for ever, and counts its polls.
async fn busy(polls: &AtomicUsize) {
    poll_fn(|cx| -> Poll<()> {
        polls.fetch_add(1, Ordering::SeqCst);
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[test]
fn one_poll_of_the_group_polls_each_child_at_most_once() {
    let polls: Vec<AtomicUsize> = (0..100).map(|_| AtomicUsize::new(0)).collect();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        for polls in &polls {
            tg.start_soon(busy(polls));
        }
        Ok(())
    }));
    for turn in 1..10 {
        assert!(group.poll().is_pending() && group.is_woken());
        assert!(polls.iter().all(|polls| polls.load(Ordering::SeqCst) == turn));
    }
}

#[test]
fn one_poll_of_the_group_polls_at_most_256_children() {
    let polls: Vec<AtomicUsize> = (0..1000).map(|_| AtomicUsize::new(0)).collect();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        for polls in &polls {
            tg.start_soon(busy(polls));
        }
        Ok(())
    }));
    let counts = || polls.iter().map(|polls| polls.load(Ordering::SeqCst)).collect::<Vec<_>>();
    let (mut before, mut when_all_run) = (0, None);
    for turn in 0..60 {
        assert!(group.poll().is_pending() && group.is_woken());
        let all: usize = counts().iter().sum();
        assert!(all - before <= 256 && all > before);
        before = all;
        if turn == 20 {
            when_all_run = Some(counts());
        }
    }
    let polled = counts().into_iter().zip(when_all_run.unwrap()).map(|(now, then)| {
        assert!(then > 0);
        now - then
    });
    let (least, most) = (polled.clone().min().unwrap(), polled.max().unwrap());
    assert!(most - least <= 1, "from {least} to {most}");
}

#[test]
fn busy_children_do_not_keep_new_ones_out() {
    let polls: Vec<AtomicUsize> = (0..600).map(|_| AtomicUsize::new(0)).collect();
    let (fresh, handles) = (AtomicUsize::new(0), Mutex::new(None));
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        for polls in &polls {
            tg.start_soon(busy(polls));
        }
        *handles.lock().unwrap() = Some(tg);
        Ok(())
    }));
    for _ in 0..10 {
        assert!(group.poll().is_pending());
    }
    let tg = handles.lock().unwrap().take().unwrap();
    for _ in 0..10 {
        tg.start_soon(async { fresh.fetch_add(1, Ordering::SeqCst) }.map_unit());
    }
    assert!(group.poll().is_pending());
    assert_eq!(fresh.load(Ordering::SeqCst), 10);
}

#[test]
fn new_children_do_not_keep_busy_ones_out() {
    let polls = AtomicUsize::new(0);
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(busy(&polls));
        let again = tg.clone();
        tg.start_soon(async move {
            loop {
                for _ in 0..1000 {
                    again.start_soon(async {});
                }
                yield_now().await;
            }
        });
        Ok(())
    }));
    for turn in 1..20 {
        assert!(group.poll().is_pending());
        assert_eq!(polls.load(Ordering::SeqCst), turn);
    }
}

#[test]
fn children_that_start_children_for_ever_do_not_keep_the_group_from_returning_pending() {
    fn again<'env>(tg: TaskGroup<'env, io::Error>, count: &'env AtomicUsize) {
        count.fetch_add(1, Ordering::SeqCst);
        let inner = tg.clone();
        tg.start_soon(async move { again(inner, count) });
    }
    let count = AtomicUsize::new(0);
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        again(tg, &count);
        Ok(())
    }));
    assert!(group.poll().is_pending() && group.is_woken());
    assert!((2..=257).contains(&count.load(Ordering::SeqCst)));
}

#[test]
fn a_busy_group_does_not_starve_the_other_tasks_of_its_host() {
    let (polls, mut others) = (AtomicUsize::new(0), 0);
    let group = task_group(async |tg| -> io::Result<()> {
        tg.start_soon(busy(&polls));
        Ok(())
    });
    let other = async {
        while others < 100 {
            others += 1;
            yield_now().await;
        }
    };
    run(futures_lite::future::or(async { drop(group.await) }, other));
    assert_eq!(others, 100);
    assert!((99..=101).contains(&polls.load(Ordering::SeqCst)));
}

#[test]
fn a_child_that_is_not_woken_is_not_polled() {
    let polls = AtomicUsize::new(0);
    let (gate, busy_gate) = (Gate::new(), Gate::new());
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            let mut wait = std::pin::pin!(gate.wait());
            poll_fn(|cx| {
                polls.fetch_add(1, Ordering::SeqCst);
                wait.as_mut().poll(cx)
            })
            .await;
        });
        tg.start_soon(async {
            for _ in 0..50 {
                yield_now().await;
            }
            busy_gate.wait().await;
        });
        Ok(())
    }));
    group.waits();
    for _ in 0..5 {
        // Spurious wake-ups of the group are none of the child's.
        assert!(group.poll().is_pending());
    }
    assert_eq!(polls.load(Ordering::SeqCst), 1);
    gate.open();
    busy_gate.open();
    group.finish().unwrap();
    assert_eq!(polls.load(Ordering::SeqCst), 2);
}

#[test]
fn a_busy_child_does_not_have_the_body_polled() {
    let polls = AtomicUsize::new(0);
    let gate = Gate::new();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async {
            for _ in 0..50 {
                yield_now().await;
            }
        });
        let mut wait = std::pin::pin!(gate.wait());
        poll_fn(|cx| {
            polls.fetch_add(1, Ordering::SeqCst);
            wait.as_mut().poll(cx)
        })
        .await;
        Ok(())
    }));
    group.waits();
    assert_eq!(polls.load(Ordering::SeqCst), 1);
    gate.open();
    group.finish().unwrap();
}

#[test]
fn a_child_whose_predecessor_was_woken_as_it_ended_is_polled_once_a_turn() {
    let polls = AtomicUsize::new(0);
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::Ready(())
        }));
        let (again, polls) = (tg.clone(), &polls);
        // What this starts gets the key of the first, and is polled in the same turn.
        tg.start_soon(async move { drop(again.start_soon(busy(polls))) });
        std::future::pending().await
    }));
    for turn in 1..5 {
        assert!(group.poll().is_pending());
        assert_eq!(polls.load(Ordering::SeqCst), turn);
    }
}

#[test]
fn a_child_that_is_cancelled_before_its_first_poll_is_polled_once_a_turn() {
    let polls = AtomicUsize::new(0);
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(busy(&polls)).cancel();
        Ok(())
    }));
    for turn in 1..5 {
        assert!(group.poll().is_pending());
        assert_eq!(polls.load(Ordering::SeqCst), turn);
    }
}

#[test]
fn a_child_that_was_cancelled_before_its_group_was_polled_again_is_woken_as_any_other() {
    let (gate, polls) = (Gate::new(), AtomicUsize::new(0));
    let kept: OnceLock<TaskGroup<'_, io::Error>> = OnceLock::new();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        assert!(kept.set(tg).is_ok());
        forever().await
    }));
    group.waits();
    let wait = gate.wait();
    let child = kept.get().unwrap().start_soon(shield(async {
        polls.fetch_add(1, Ordering::SeqCst);
        wait.await;
        polls.fetch_add(1, Ordering::SeqCst);
    }));
    child.cancel();
    group.waits();
    assert_eq!(polls.load(Ordering::SeqCst), 1);
    gate.open();
    assert!(group.is_woken());
    group.waits();
    assert_eq!(polls.load(Ordering::SeqCst), 2);
}

// Tasks have keys, which are given out again: what is left in the queue of the one before is not taken for the next one.
#[test]
fn a_child_whose_predecessor_was_woken_at_its_end_is_polled_once_a_turn() {
    let (gate, others, polls) = (Gate::new(), Mutex::new(Vec::new()), AtomicUsize::new(0));
    let child = OnceLock::<Waker>::new();
    let kept: OnceLock<TaskGroup<'_, io::Error>> = OnceLock::new();
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        assert!(kept.set(tg).is_ok());
        forever().await
    }));
    group.waits();
    let (tg, wait) = (kept.get().unwrap(), gate.wait());
    tg.start_soon(async {
        wait.await;
        poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::Ready(())
        })
        .await;
    });
    // More than one turn has room for.
    for _ in 0..300 {
        tg.start_soon(poll_fn(|cx| -> Poll<()> {
            others.lock().unwrap().push(cx.waker().clone());
            Poll::Pending
        }));
    }
    group.waits();
    gate.open();
    assert!(group.poll().is_pending());
    // It has ended, and is woken; then come the others, and at last one that takes its key, and is woken before its first poll.
    others.lock().unwrap().drain(..).for_each(Waker::wake);
    let task = tg.start_soon(poll_fn(|cx| -> Poll<()> {
        polls.fetch_add(1, Ordering::SeqCst);
        child.get_or_init(|| cx.waker().clone());
        Poll::Pending
    }));
    task.cancel();
    assert!(group.poll().is_pending());
    assert_eq!(polls.load(Ordering::SeqCst), 1);
    // It is queued still.
    child.get().unwrap().wake_by_ref();
    assert!(group.poll().is_pending());
    assert_eq!(polls.load(Ordering::SeqCst), 2);
    assert!(!group.is_woken());
}

#[test]
fn a_change_of_what_holds_polls_every_child_once_and_no_more() {
    let polls = AtomicUsize::new(0);
    let scope = CancelScope::new();
    let mut group = Probe::new(scope.run(task_group(async |tg| -> io::Result<()> {
        for _ in 0..600 {
            tg.start_soon(shield(poll_fn(|_cx| {
                polls.fetch_add(1, Ordering::SeqCst);
                Poll::<()>::Pending
            })));
        }
        Ok(())
    })));
    group.waits();
    assert_eq!(polls.load(Ordering::SeqCst), 600);
    scope.cancel();
    group.waits();
    assert_eq!(polls.load(Ordering::SeqCst), 1200);
    assert!(group.poll().is_pending());
    assert_eq!(polls.load(Ordering::SeqCst), 1200);
}

#[test]
fn a_child_that_is_woken_and_told_at_once_is_polled_once() {
    let (gate, polls, scope) = (Gate::new(), AtomicUsize::new(0), CancelScope::new());
    let mut group = Probe::new(scope.run(task_group(async |tg| -> io::Result<()> {
        let (mut wait, polls) = (Box::pin(gate.wait()), &polls);
        tg.start_soon(shield(poll_fn(move |cx| {
            polls.fetch_add(1, Ordering::SeqCst);
            let _ = wait.as_mut().poll(cx);
            Poll::<()>::Pending
        })));
        Ok(())
    })));
    group.waits();
    gate.open();
    scope.cancel();
    group.waits();
    assert_eq!(polls.load(Ordering::SeqCst), 2);
}

#[test]
fn the_waker_of_a_child_that_ended_wakes_nobody() {
    let kept = Mutex::new(None);
    let mut group = Probe::new(task_group(async |tg| -> io::Result<()> {
        tg.start_soon(poll_fn(|cx| {
            *kept.lock().unwrap() = Some(cx.waker().clone());
            Poll::Ready(())
        }));
        tg.start_soon(forever());
        Ok(())
    }));
    group.waits();
    kept.lock().unwrap().take().unwrap().wake();
    assert!(!group.is_woken());
}

#[test]
fn many_tasks_take_time_in_proportion_to_their_number() {
    // It would take minutes if each turn moved what it does not reach.
    for _ in 0..2 {
        let scope = CancelScope::new();
        let mut group = Probe::new(scope.run(task_group(async |tg| -> io::Result<()> {
            for _ in 0..100_000 {
                tg.start_soon(forever());
            }
            Ok(())
        })));
        group.waits();
        scope.cancel();
        assert!(matches!(group.finish(), Ok(None)));
    }
}

trait MapUnit: Future + Sized {
    fn map_unit(self) -> impl Future<Output = ()> + Send
    where
        Self: Send,
    {
        async move { drop(self.await) }
    }
}

impl<F: Future + Send> MapUnit for F {}
