//! A future that is dropped, and what becomes of what it held (R3, H2).

use anyio_cancel_scope::yield_now;
use anyio_memstream::memory_object_stream;
use futures::StreamExt;

use crate::support::{Grave, Steps, back, now, waiting, why};

#[test]
fn a_send_dropped_while_it_waits_drops_its_item_which_was_not_sent() {
    let grave = Grave::default();
    let (send, receive) = memory_object_stream(0);
    let sending = waiting(send.send(grave.item(1)));
    assert_eq!(grave.count(), 0);
    let counts = sending.into_counts();
    assert_eq!((grave.count(), counts.live_wakers()), (1, 0));
    assert!(receive.try_receive().unwrap_err().would_block());
    assert_eq!((send.statistics().tasks_waiting_send, send.statistics().dropped), (0, 0));
}

#[test]
fn a_send_dropped_after_its_item_was_taken_takes_nothing_back() {
    let grave = Grave::default();
    let (send, receive) = memory_object_stream(0);
    let sending = waiting(send.send(grave.item(1)));
    let item = receive.try_receive().unwrap();
    drop(sending);
    assert_eq!((item.0, grave.count()), (1, 0));

    let (send, receive) = memory_object_stream(1);
    now(send.send(grave.item(2))).unwrap();
    let sending = waiting(send.send(grave.item(3)));
    drop(receive.try_receive().unwrap());
    drop(sending);
    assert_eq!(receive.try_receive().unwrap().0, 3);
}

#[test]
fn a_send_dropped_after_its_item_came_back_drops_it() {
    let grave = Grave::default();
    let (send, receive) = memory_object_stream(0);
    let sending = waiting(send.send(grave.item(1)));
    drop(receive);
    assert_eq!(grave.count(), 0);
    drop(sending);
    assert_eq!((grave.count(), send.statistics().dropped), (1, 0));
}

#[test]
fn a_receive_dropped_while_it_waits_takes_nothing_along() {
    let (send, receive) = memory_object_stream(0);
    let first = waiting(receive.receive());
    let mut second = waiting(receive.receive());
    assert_eq!(first.into_counts().live_wakers(), 0);
    send.try_send(1).unwrap();
    assert_eq!(second.ends().unwrap(), 1);
}

// H2
#[test]
fn a_receive_dropped_after_its_grant_passes_the_item_to_the_next_in_line() {
    let (send, receive) = memory_object_stream(0);
    let (first, mut second) = (waiting(receive.receive()), waiting(receive.receive()));
    send.try_send(1).unwrap();
    assert!(first.is_woken() && !second.is_woken());
    drop(first);
    assert!(second.is_woken());
    assert_eq!(second.ends().unwrap(), 1);
}

// H2
#[test]
fn a_receive_dropped_after_its_grant_gives_the_item_back_to_the_front() {
    let (send, receive) = memory_object_stream(2);
    let receiving = waiting(receive.receive());
    now(send.send(1)).unwrap();
    now(send.send(2)).unwrap();
    drop(receiving);
    assert_eq!((now(receive.receive()).unwrap(), now(receive.receive()).unwrap()), (1, 2));
    assert!(receive.try_receive().unwrap_err().would_block());
}

// tokio#6450, async-lock#91: a future that `select!` keeps by `&mut`, and that nobody polls.
#[test]
fn a_receive_that_is_not_polled_any_more_keeps_its_item_until_it_is_dropped_and_no_other() {
    let (send, receive) = memory_object_stream(0);
    let (first, mut second) = (waiting(receive.receive()), waiting(receive.receive()));
    send.try_send(1).unwrap();
    second.waits();
    assert!(first.is_woken() && !second.is_woken());
    send.try_send(2).unwrap();
    assert_eq!(second.ends().unwrap(), 2);
    assert!(receive.try_receive().unwrap_err().would_block());
    let mut third = waiting(receive.receive());
    drop(first);
    assert!(third.is_woken());
    assert_eq!(third.ends().unwrap(), 1);
}

#[test]
fn a_receive_that_was_not_polled_for_long_still_has_its_item() {
    let (send, receive) = memory_object_stream(1);
    let mut first = waiting(receive.receive());
    now(send.send(1)).unwrap();
    now(send.send(2)).unwrap();
    drop(send);
    assert_eq!(now(receive.receive()).unwrap(), 2);
    assert_eq!(why(now(receive.receive())), "end");
    assert_eq!(first.ends().unwrap(), 1);
}

#[test]
fn a_send_that_is_not_polled_any_more_holds_up_nobody() {
    for capacity in [0, 1] {
        let (send, receive) = memory_object_stream(capacity);
        (0..capacity).for_each(|number| now(send.send(number)).unwrap());
        let (mut first, mut second) = (waiting(send.send(10)), waiting(send.send(11)));
        let received: Vec<usize> = (0..capacity + 2).map(|_| now(receive.receive()).unwrap()).collect();
        assert_eq!(received[capacity..], [10, 11]);
        second.ends().unwrap();
        first.ends().unwrap();
    }
}

#[test]
fn select_that_keeps_a_receive_by_reference_loses_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (send, receive) = memory_object_stream(1);
        let mut kept = receive.receive();
        tokio::select! {
            biased;
            _ = &mut kept => panic!("nothing was sent"),
            () = yield_now() => {}
        }
        send.send(1).await.unwrap();
        // It is with `kept`, so another receive in this branch would wait for the next one.
        assert!(receive.try_receive().unwrap_err().would_block());
        drop(kept);
        assert_eq!(receive.try_receive().unwrap(), 1);
    });
}

#[test]
fn what_was_given_back_may_stand_above_the_capacity_and_lets_nobody_in() {
    let (send, receive) = memory_object_stream(1);
    let (first, second) = (waiting(receive.receive()), waiting(receive.receive()));
    for number in 1..4 {
        now(send.send(number)).unwrap();
    }
    let mut sending = waiting(send.send(4));
    drop((first, second));
    let statistics = receive.statistics();
    assert_eq!((statistics.current_buffer_used, statistics.max_buffer_size), (3, Some(1)));
    assert_eq!(statistics.peak_buffer_used, 3);
    assert!(send.try_send(5).unwrap_err().would_block());
    // The one that was given back last is the next one.
    assert_eq!(now(receive.receive()).unwrap(), 2);
    assert!(!sending.is_woken());
    assert_eq!(now(receive.receive()).unwrap(), 1);
    assert!(!sending.is_woken());
    assert_eq!(now(receive.receive()).unwrap(), 3);
    assert!(sending.is_woken());
    sending.ends().unwrap();
    assert_eq!(now(receive.receive()).unwrap(), 4);
}

#[test]
fn what_was_given_back_without_a_buffer_is_received_before_what_sends_wait_with() {
    let (send, receive) = memory_object_stream(0);
    let first = waiting(receive.receive());
    send.try_send(1).unwrap();
    let mut sending = waiting(send.send(2));
    drop(first);
    assert_eq!(receive.statistics().current_buffer_used, 1);
    assert_eq!(now(receive.receive()).unwrap(), 1);
    sending.waits();
    assert_eq!(now(receive.receive()).unwrap(), 2);
    sending.ends().unwrap();
}

#[test]
fn what_was_given_back_after_the_end_is_still_received() {
    let (send, receive) = memory_object_stream(0);
    let receiving = waiting(receive.receive());
    send.try_send(1).unwrap();
    drop(send);
    drop(receiving);
    assert_eq!(now(receive.receive()).unwrap(), 1);
    assert_eq!(why(now(receive.receive())), "end");
}

#[test]
fn who_was_told_the_end_and_not_polled_yet_gets_what_was_given_back() {
    let (send, receive) = memory_object_stream(0);
    let other = receive.clone();
    let granted = waiting(receive.receive());
    let (mut told, mut closed, mut second) =
        (waiting(receive.next()), waiting(other.receive()), waiting(receive.receive()));
    send.try_send(1).unwrap();
    drop(send);
    drop(granted);
    // A closed end takes nothing any more, also if the end of the stream came first.
    other.close();
    assert_eq!(why(closed.ends()), "end");
    assert_eq!(told.ends().unwrap(), Some(1));
    assert_eq!(why(second.ends()), "end");
}

#[test]
fn what_was_given_back_after_the_last_receive_end_closed_is_dropped_and_counted() {
    let grave = Grave::default();
    let (send, receive) = memory_object_stream(0);
    let receiving = waiting(receive.receive());
    send.try_send(grave.item(1)).unwrap();
    receive.close();
    assert_eq!((grave.count(), send.statistics().dropped), (0, 0));
    drop(receiving);
    assert_eq!((grave.count(), send.statistics().dropped), (1, 1));
    assert_eq!(back(now(send.send(grave.item(2)))).1, "broken");
}

#[test]
fn what_was_given_back_by_a_closed_end_goes_to_the_others() {
    let (send, receive) = memory_object_stream(0);
    let other = receive.clone();
    let granted = waiting(receive.receive());
    let mut waits = waiting(other.receive());
    send.try_send(1).unwrap();
    receive.close();
    drop(granted);
    assert_eq!(waits.ends().unwrap(), 1);
}

#[test]
fn next_and_streams_pass_on_as_receive_does() {
    let (send, receive) = memory_object_stream(0);
    let next = waiting(receive.next());
    send.try_send(1).unwrap();
    drop(next);
    let mut stream = receive.stream();
    assert_eq!(now(stream.next()), Some(Ok(1)));
    let pending = waiting(stream.next());
    send.try_send(2).unwrap();
    drop(pending);
    // The wait is the stream's, not that of the future of its `next`.
    assert!(receive.try_receive().unwrap_err().would_block());
    drop(stream);
    assert_eq!(receive.try_receive().unwrap(), 2);
}

#[test]
fn a_select_loop_loses_nothing() {
    let (send, receive) = memory_object_stream(0);
    let mut received = Vec::new();
    for number in 0..100 {
        let losing = waiting(receive.receive());
        send.try_send(number).unwrap();
        if number % 3 == 0 {
            drop(losing);
            received.push(now(receive.receive()).unwrap());
        } else {
            let mut winning = losing;
            received.push(winning.ends().unwrap());
        }
    }
    assert_eq!(received, (0..100).collect::<Vec<_>>());
}

#[test]
fn everything_is_dropped_with_the_stream() {
    let grave = Grave::default();
    let (send, receive) = memory_object_stream(2);
    now(send.send(grave.item(1))).unwrap();
    now(send.send(grave.item(2))).unwrap();
    drop(send);
    assert_eq!(grave.count(), 0);
    drop(receive);
    assert_eq!(grave.count(), 2);

    // What a leaked future was granted goes at last, too.
    let (send, receive) = memory_object_stream(0);
    std::mem::forget(waiting(receive.receive()));
    send.try_send(grave.item(3)).unwrap();
    drop((send, receive));
    assert_eq!(grave.count(), 3);
}
