//! Closing: who is woken, and what becomes of the items (H4, H5).

use anyio_cancel_scope::{CancelExt, CancelScope};
use anyio_memstream::memory_object_stream;
use anyio_streams::{AsyncResource, aclose_forcefully};
use futures_lite::future::block_on;

use crate::support::{Grave, Steps, back, cancelled, now, waiting, why};

// H4
#[test]
fn own_close_wakes_own_waiters_with_closed() {
    let (send, receive) = memory_object_stream(0);
    let mut sending = waiting(send.send(1));
    send.close();
    assert_eq!(sending.wakes(), 1);
    assert_eq!(back(sending.ends()), (1, "closed"));

    let (_send, other) = memory_object_stream::<u32>(0);
    let (mut receiving, mut next) = (waiting(other.receive()), waiting(other.next()));
    other.close();
    assert_eq!((receiving.wakes(), next.wakes()), (1, 1));
    assert_eq!((why(receiving.ends()), why(next.ends())), ("closed", "closed"));
    assert!(receive.try_receive().unwrap_err().is_end_of_stream());
}

// H4
#[test]
fn everything_buffered_is_read_before_the_end() {
    let (send, receive) = memory_object_stream(3);
    for number in 0..3 {
        now(send.send(number)).unwrap();
    }
    drop(send);
    for number in 0..3 {
        assert_eq!(now(receive.receive()).unwrap(), number);
    }
    for _ in 0..3 {
        assert_eq!(why(now(receive.receive())), "end");
        assert!(receive.try_receive().unwrap_err().is_end_of_stream());
    }
}

// H4
#[test]
fn a_send_that_waits_on_a_closed_end_gets_its_item_back_and_the_buffered_ones_stay() {
    let (send, receive) = memory_object_stream(1);
    now(send.send(1)).unwrap();
    let mut sending = waiting(send.send(2));
    send.close();
    assert_eq!(back(sending.ends()), (2, "closed"));
    assert_eq!(now(receive.receive()).unwrap(), 1);
    assert_eq!(why(now(receive.receive())), "end");
}

// H4
#[test]
fn all_who_wait_for_items_are_told_the_end() {
    let (send, receive) = memory_object_stream::<u32>(0);
    let other = receive.clone();
    let mut receiving =
        [waiting(receive.receive()), waiting(other.receive()), waiting(receive.receive()), waiting(other.receive())];
    drop(send);
    for receiving in &mut receiving {
        assert_eq!(receiving.wakes(), 1);
        assert_eq!(why(receiving.ends()), "end");
    }
}

// H3, H4
#[test]
fn all_who_wait_to_send_get_their_items_back() {
    let (send, receive) = memory_object_stream(1);
    let other = send.clone();
    now(send.send(0)).unwrap();
    let mut sending: Vec<_> =
        (1..7).map(|number| waiting(if number % 2 == 0 { &send } else { &other }.send(number))).collect();
    drop(receive);
    for (sending, number) in sending.iter_mut().zip(1..) {
        assert_eq!(sending.wakes(), 1);
        assert_eq!(back(sending.ends()), (number, "broken"));
    }
    assert_eq!(send.statistics().dropped, 1);
}

#[test]
fn what_is_buffered_is_dropped_at_once_and_counted_when_the_last_receive_end_closes() {
    let grave = Grave::default();
    let (send, receive) = memory_object_stream(4);
    for number in 0..3 {
        now(send.send(grave.item(number))).unwrap();
    }
    receive.close();
    assert_eq!(grave.count(), 3);
    let statistics = send.statistics();
    assert_eq!((statistics.current_buffer_used, statistics.dropped, statistics.peak_buffer_used), (0, 3, 3));
    // What is refused from now on comes back, and is not counted.
    let (item, why) = back(now(send.send(grave.item(3))));
    assert_eq!((item.0, why, grave.count()), (3, "broken", 3));
    assert!(send.try_send(item).unwrap_err().is_broken());
    assert_eq!(send.statistics().dropped, 3);
}

#[test]
fn the_error_of_a_broken_send_says_why() {
    let (send, receive) = memory_object_stream(1);
    drop(receive);
    let error = now(send.send(1)).unwrap_err();
    assert_eq!(error.to_string(), "the stream is broken: every receive end is closed");
    assert_eq!(send.try_send(1).unwrap_err().to_string(), "the stream is broken: every receive end is closed");
}

// H4
#[test]
fn own_close_comes_before_what_the_other_side_did() {
    let (send, receive) = memory_object_stream(1);
    now(send.send(1)).unwrap();
    receive.close();
    assert_eq!(why(now(receive.receive())), "closed");
    send.close();
    assert_eq!(back(now(send.send(2))), (2, "closed"));
    assert!(send.try_send(2).unwrap_err().is_closed());
}

// R3, H4
#[test]
fn what_was_handed_over_before_the_close_arrives() {
    let (send, receive) = memory_object_stream(0);
    let mut receiving = waiting(receive.receive());
    send.try_send(1).unwrap();
    send.close();
    receive.close();
    assert_eq!(receiving.ends().unwrap(), 1);

    let (send, receive) = memory_object_stream(0);
    let mut sending = waiting(send.send(1));
    assert_eq!(receive.try_receive().unwrap(), 1);
    send.close();
    receive.close();
    sending.ends().unwrap();
}

// H5
#[test]
fn closing_twice_does_nothing() {
    let (send, receive) = memory_object_stream::<u32>(0);
    let (other_send, other_receive) = (send.clone(), receive.clone());
    for _ in 0..3 {
        send.close();
        receive.close();
        block_on(send.aclose()).unwrap();
        block_on(receive.aclose()).unwrap();
    }
    drop((send, receive));
    let statistics = other_send.statistics();
    assert_eq!((statistics.open_send_streams, statistics.open_receive_streams), (1, 1));
    drop(other_receive);
    assert_eq!(other_send.statistics().open_receive_streams, 0);
}

// H5
#[test]
fn closing_needs_no_checkpoint() {
    let (send, receive) = memory_object_stream::<u32>(0);
    let (other_send, other_receive) = (send.clone(), receive.clone());
    now(cancelled().enter(async {
        send.aclose().await.unwrap();
        receive.aclose().await.unwrap();
        aclose_forcefully(&other_send).await;
        aclose_forcefully(&other_receive).await;
    }));
    let statistics = send.statistics();
    assert_eq!((statistics.open_send_streams, statistics.open_receive_streams), (0, 0));
}

#[test]
fn an_end_may_be_closed_by_another_task_that_shares_it() {
    let (send, _receive) = memory_object_stream(0);
    let send = std::sync::Arc::new(send);
    let mut sending = waiting(send.send("job"));
    let shared = send.clone();
    std::thread::spawn(move || shared.close()).join().unwrap();
    assert!(sending.is_woken());
    assert_eq!(back(sending.ends()), ("job", "closed"));
}

// R3: only a value beats the cancellation, or a pipeline that is cancelled would break along its stages
#[test]
fn a_cancellation_beats_a_close_that_came_before_the_next_poll() {
    for first in [true, false] {
        let cancels = |scope: &CancelScope, now: bool| {
            if now {
                scope.cancel();
            }
        };
        let scope = CancelScope::new();
        let (send, receive) = memory_object_stream::<u32>(0);
        let mut receiving = [waiting(receive.receive().in_scope(&scope)), waiting(receive.receive().in_scope(&scope))];
        cancels(&scope, first);
        drop(send);
        receive.close();
        cancels(&scope, !first);
        for receiving in &mut receiving {
            assert_eq!(why(receiving.ends()), "cancelled");
        }

        let scope = CancelScope::new();
        let (send, receive) = memory_object_stream(0);
        let other = send.clone();
        let mut broken = waiting(send.send(1).in_scope(&scope));
        let mut closed = waiting(other.send(2).in_scope(&scope));
        cancels(&scope, first);
        other.close();
        drop(receive);
        cancels(&scope, !first);
        assert_eq!(back(broken.ends()), (1, "cancelled"));
        assert_eq!(back(closed.ends()), (2, "cancelled"));
    }
}
