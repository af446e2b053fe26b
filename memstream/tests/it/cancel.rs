//! Cancellation at each step of an operation: at entry, while it waits, after the hand-over (R3, R4).

use std::{io, time::Duration};

use anyio_cancel_scope::{CancelScope, VirtualClock, checkpoint, move_on_after, shield};
use anyio_future_contract::Polled;
use anyio_memstream::memory_object_stream;
use anyio_streams::{ReceiveError, SendError};
use anyio_task_group::task_group;
use futures::{StreamExt, stream::FuturesUnordered};

use crate::support::{Steps, back, cancelled, now, waiting, why};

// R4
#[test]
fn entered_in_a_cancelled_scope_nothing_happens() {
    let (send, receive) = memory_object_stream(2);
    now(send.send(1)).unwrap();
    now(cancelled().enter(async {
        assert_eq!(back(send.send(2).await), (2, "cancelled"));
        assert_eq!(why(receive.receive().await), "cancelled");
        assert_eq!(why(receive.next().await), "cancelled");
        // Also where the answer would have been another: cancellation comes first.
        let (closed_send, closed_receive) = memory_object_stream(1);
        closed_send.close();
        closed_receive.close();
        assert_eq!(back(closed_send.send(3).await), (3, "cancelled"));
        assert_eq!(why(closed_receive.receive().await), "cancelled");
    }));
    let statistics = send.statistics();
    assert_eq!((statistics.current_buffer_used, statistics.tasks_waiting_receive), (1, 0));
}

// R4
#[test]
fn the_forms_that_never_wait_do_not_look_at_cancellation() {
    let (send, receive) = memory_object_stream(1);
    now(cancelled().enter(async {
        send.try_send(1).unwrap();
        assert_eq!(receive.try_receive().unwrap(), 1);
    }));
}

// R4: entry is the first poll
#[test]
fn an_operation_that_was_made_before_the_cancellation_and_polled_after_it_does_nothing() {
    let (send, receive) = memory_object_stream(1);
    let scope = CancelScope::new();
    let mut sending = Polled::new(scope.enter(send.send(1)));
    scope.cancel();
    assert_eq!(back(sending.ends()), (1, "cancelled"));
    assert!(receive.try_receive().unwrap_err().would_block());
}

// H3
#[test]
fn a_send_that_waits_is_woken_and_gives_its_item_back() {
    let (send, receive) = memory_object_stream(1);
    now(send.send(0)).unwrap();
    let scope = CancelScope::new();
    let mut sending = waiting(scope.enter(send.send(1)));
    let mut next = waiting(send.send(2));
    scope.cancel();
    assert!(sending.is_woken() && !next.is_woken());
    assert_eq!(back(sending.ends()), (1, "cancelled"));
    assert_eq!(send.statistics().tasks_waiting_send, 1);
    assert_eq!((now(receive.receive()).unwrap(), now(receive.receive()).unwrap()), (0, 2));
    next.ends().unwrap();
}

#[test]
fn a_receive_that_waits_is_woken_and_out_of_line() {
    let (send, receive) = memory_object_stream(0);
    let scope = CancelScope::new();
    let mut receiving = waiting(scope.enter(receive.receive()));
    let mut next = waiting(receive.receive());
    scope.cancel();
    assert!(receiving.is_woken() && !next.is_woken());
    assert_eq!(why(receiving.ends()), "cancelled");
    assert_eq!(send.statistics().tasks_waiting_receive, 1);
    send.try_send(1).unwrap();
    assert_eq!(next.ends().unwrap(), 1);
}

// R3, USERS: an item that was handed over is not lost
#[test]
fn a_hand_over_beats_the_cancellation_which_comes_at_the_next_checkpoint() {
    let (send, receive) = memory_object_stream(0);
    let scope = CancelScope::new();
    let mut receiving = waiting(scope.run(async {
        let item = receive.receive().await?;
        assert!(checkpoint().await.is_err());
        Ok::<_, ReceiveError>(item)
    }));
    send.try_send(1).unwrap();
    scope.cancel();
    assert_eq!(receiving.ends().unwrap(), Some(1));

    let scope = CancelScope::new();
    let mut sending = waiting(scope.enter(async {
        let sent = send.send(2).await;
        assert!(checkpoint().await.is_err());
        sent
    }));
    assert_eq!(receive.try_receive().unwrap(), 2);
    scope.cancel();
    sending.ends().unwrap();
}

// R3: who was cancelled and not polled yet is still in line
#[test]
fn an_item_may_go_to_a_receive_that_is_cancelled_and_not_polled_yet() {
    let (send, receive) = memory_object_stream(0);
    let scope = CancelScope::new();
    let mut receiving = waiting(scope.enter(receive.receive()));
    scope.cancel();
    send.try_send(1).unwrap();
    assert_eq!(receiving.ends().unwrap(), 1);

    let mut sending = waiting(send.send(2));
    sending.waits();
    let scope = CancelScope::new();
    let mut late = waiting(scope.enter(send.send(3)));
    scope.cancel();
    assert_eq!((receive.try_receive().unwrap(), receive.try_receive().unwrap()), (2, 3));
    late.ends().unwrap();
    sending.ends().unwrap();
}

// R1
#[test]
fn every_further_operation_in_the_scope_is_cancelled() {
    let (send, receive) = memory_object_stream(8);
    let scope = CancelScope::new();
    let seen = now(scope.run(async {
        send.send(1).await.map_err(SendError::into_reason)?;
        scope.cancel();
        let mut seen = 0;
        for number in 2..5 {
            seen += usize::from(send.send(number).await.is_err_and(|error| error.is_cancelled()));
            seen += usize::from(receive.receive().await.is_err_and(|error| error.is_cancelled()));
        }
        io::Result::Ok(seen)
    }));
    assert_eq!(seen.unwrap(), Some(6));
    assert_eq!(receive.try_receive().unwrap(), 1);
    assert!(receive.try_receive().unwrap_err().would_block());
}

#[test]
fn a_shield_lets_a_send_go_through() {
    let (send, receive) = memory_object_stream(0);
    let scope = CancelScope::new();
    let mut sending = waiting(scope.enter(shield(send.send("last words"))));
    scope.cancel();
    sending.waits();
    assert_eq!(receive.try_receive().unwrap(), "last words");
    sending.ends().unwrap();
}

#[test]
fn a_deadline_gives_the_item_back_by_enter_and_ends_a_receive() {
    let clock = VirtualClock::new();
    let (send, receive) = memory_object_stream(0);
    let late = Duration::from_secs(1);
    let mut both = waiting(clock.run(async {
        let sent = CancelScope::after(late).enter(send.send("item")).await;
        assert_eq!(back(sent), ("item", "cancelled"));
        assert!(move_on_after(late, receive.receive()).await.unwrap().is_none());
        assert_eq!(why(CancelScope::after(late).enter(receive.next()).await), "cancelled");
    }));
    for _ in 0..2 {
        clock.advance(late);
        both.waits();
    }
    clock.advance(late);
    both.ends();
}

#[test]
fn a_handle_cancels_the_one_task() {
    let (send, receive) = memory_object_stream(0);
    let (send, receive) = (&send, &receive);
    let mut group = Polled::new(task_group(async move |tg| -> io::Result<_> {
        let first = tg.start_soon(async move { io::Result::Ok(receive.receive().await?) });
        let second = tg.start_soon(async move { io::Result::Ok(receive.receive().await?) });
        while send.statistics().tasks_waiting_receive < 2 {
            anyio_cancel_scope::yield_now().await;
        }
        first.cancel();
        first.wait().await?;
        send.send(1).await?;
        Ok((first.join().await.is_err(), second.join().await.unwrap()))
    }));
    while !group.poll_is_ready_with((true, 1)) {
        assert!(group.is_woken());
    }
    assert_eq!(send.statistics().tasks_waiting_receive, 0);
}

trait Expects<T> {
    fn poll_is_ready_with(&mut self, expected: T) -> bool;
}

impl<F: Future<Output = io::Result<Option<T>>>, T: PartialEq + std::fmt::Debug> Expects<T> for Polled<F> {
    fn poll_is_ready_with(&mut self, expected: T) -> bool {
        match self.poll() {
            std::task::Poll::Ready(output) => {
                assert_eq!(output.unwrap(), Some(expected));
                true
            }
            std::task::Poll::Pending => false,
        }
    }
}

// A sub-executor polls with wakers of its own, so the operation itself is told.
#[test]
fn operations_in_a_sub_executor_are_cancelled() {
    let (send, receive) = memory_object_stream::<u32>(0);
    let scope = CancelScope::new();
    let mut all = waiting(scope.enter(async {
        let mut waits: FuturesUnordered<_> = (0..10).map(|_| receive.receive()).collect();
        let mut cancelled = 0;
        while let Some(received) = waits.next().await {
            cancelled += usize::from(why(received) == "cancelled");
        }
        cancelled
    }));
    assert_eq!(send.statistics().tasks_waiting_receive, 10);
    scope.cancel();
    assert!(all.is_woken());
    let mut end = all.step();
    while end.is_pending() {
        assert!(all.is_woken());
        end = all.step();
    }
    assert_eq!(end, std::task::Poll::Ready(10));
    assert_eq!(send.statistics().tasks_waiting_receive, 0);
}

// R12
#[test]
fn every_128th_operation_gives_way_before_it_does_anything() {
    // On a thread of its own, whose count is fresh.
    std::thread::spawn(|| {
        let (send, receive) = memory_object_stream(1024);
        for number in 0..127 {
            assert!(Polled::new(send.send(number)).poll().is_ready());
        }
        let mut sending = Polled::new(send.send(127));
        assert!(sending.poll().is_pending());
        assert!(sending.is_woken());
        let statistics = send.statistics();
        assert_eq!((statistics.current_buffer_used, statistics.tasks_waiting_send), (127, 0));
        assert!(sending.poll().is_ready());
        for number in 0..127 {
            assert_eq!(Polled::new(receive.receive()).assert_ready().unwrap(), number);
        }
        let mut receiving = Polled::new(receive.receive());
        assert!(receiving.poll().is_pending());
        assert!(receiving.is_woken());
        assert_eq!(receive.statistics().current_buffer_used, 1);
        drop(receiving);
        assert_eq!(receive.try_receive().unwrap(), 127);
    })
    .join()
    .unwrap();
}

// R12, R4: the poll after the forced yield is still the entry
#[test]
fn cancelled_while_it_gave_way_an_operation_does_nothing() {
    std::thread::spawn(|| {
        let (send, receive) = memory_object_stream(1024);
        for number in 0..127 {
            now(send.send(number)).unwrap();
        }
        let scope = CancelScope::new();
        let mut sending = Polled::new(scope.enter(send.send(127)));
        assert!(sending.poll().is_pending());
        scope.cancel();
        assert_eq!(back(sending.assert_ready()), (127, "cancelled"));
        assert_eq!(receive.statistics().current_buffer_used, 127);
    })
    .join()
    .unwrap();
}

#[test]
fn a_cancellation_by_another_thread_wakes_who_waits() {
    let (send, receive) = memory_object_stream::<u32>(0);
    let scope = CancelScope::new();
    let elsewhere = scope.clone();
    let canceller = std::thread::spawn(move || {
        while send.statistics().tasks_waiting_receive == 0 {
            std::thread::yield_now();
        }
        elsewhere.cancel();
        send
    });
    let received = futures_lite::future::block_on(scope.run(receive.receive()));
    assert!(received.unwrap().is_none());
    drop(canceller.join().unwrap());
}
