//! How items go from sends to receives: in order, one to each, at every capacity.

use anyio_memstream::{memory_object_stream, memory_object_stream_unbounded};
use futures_lite::future::{block_on, zip};

use crate::support::{Steps, now, waiting, why};

const CAPACITIES: [usize; 5] = [0, 1, 2, 7, 64];

// H1
#[test]
fn items_come_in_the_order_of_sending_at_every_capacity() {
    for capacity in CAPACITIES {
        let (send, receive) = memory_object_stream(capacity);
        let sending = async {
            for number in 0..200 {
                send.send(number).await.unwrap();
            }
            send.close();
        };
        let receiving = async {
            let mut received = Vec::new();
            while let Some(number) = receive.next().await.unwrap() {
                received.push(number);
            }
            received
        };
        let ((), received) = block_on(zip(sending, receiving));
        assert_eq!(received, (0..200).collect::<Vec<_>>(), "capacity {capacity}");
        assert!(receive.statistics().peak_buffer_used <= capacity);
    }
}

#[test]
fn a_send_waits_when_the_buffer_is_full_and_not_before() {
    for capacity in CAPACITIES {
        let (send, receive) = memory_object_stream(capacity);
        for number in 0..capacity {
            now(send.send(number)).unwrap();
        }
        assert!(send.try_send(capacity).unwrap_err().would_block());
        let mut sending = waiting(send.send(capacity));
        assert!(!sending.is_woken());
        assert_eq!(now(receive.receive()).unwrap(), 0);
        assert!(sending.is_woken());
        sending.ends().unwrap();
        for number in 1..=capacity {
            assert_eq!(receive.try_receive().unwrap(), number);
        }
        assert!(receive.try_receive().unwrap_err().would_block());
    }
}

#[test]
fn without_a_bound_nothing_waits() {
    let (send, receive) = memory_object_stream_unbounded();
    for number in 0..10_000 {
        now(send.send(number)).unwrap();
    }
    let statistics = send.statistics();
    assert_eq!((statistics.current_buffer_used, statistics.max_buffer_size), (10_000, None));
    for number in 0..10_000 {
        assert_eq!(now(receive.receive()).unwrap(), number);
    }
}

#[test]
fn a_bound_that_is_no_bound_allocates_nothing_ahead() {
    let (send, receive) = memory_object_stream(usize::MAX);
    now(send.send(1)).unwrap();
    assert_eq!(receive.statistics().max_buffer_size, Some(usize::MAX));
    assert_eq!(now(receive.receive()).unwrap(), 1);
}

// USERS: a channel of capacity 0 hands over, and a send is done when its item was taken
#[test]
fn with_no_buffer_a_send_ends_when_its_item_is_taken() {
    let (send, receive) = memory_object_stream(0);
    assert!(send.try_send(0).unwrap_err().would_block());
    let mut sending = waiting(send.send(1));
    sending.waits();
    assert_eq!(receive.statistics().tasks_waiting_send, 1);
    assert_eq!(now(receive.receive()).unwrap(), 1);
    assert!(sending.is_woken());
    sending.ends().unwrap();
    assert_eq!(receive.statistics().peak_buffer_used, 0);
}

// H1
#[test]
fn each_item_goes_to_one_receiver_to_the_one_that_waits_longest() {
    let (send, receive) = memory_object_stream(3);
    let (second, third) = (receive.clone(), receive.clone());
    let mut receiving = [waiting(third.receive()), waiting(receive.receive()), waiting(second.receive())];
    for number in 0..4 {
        now(send.send(number)).unwrap();
    }
    // In whatever order they are polled.
    for (turn, receiving) in receiving.iter_mut().enumerate().rev() {
        assert!(receiving.is_woken());
        assert_eq!(receiving.wakes(), 1);
        assert_eq!(receiving.ends().unwrap(), turn);
    }
    assert_eq!(now(receive.receive()).unwrap(), 3);
}

#[test]
fn one_item_wakes_one_receiver() {
    let (send, receive) = memory_object_stream(1);
    let (first, second) = (waiting(receive.receive()), waiting(receive.receive()));
    send.try_send(1).unwrap();
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    send.try_send(2).unwrap();
    assert_eq!((first.wakes(), second.wakes()), (1, 1));
}

#[test]
fn one_receive_wakes_one_sender() {
    let (send, receive) = memory_object_stream(1);
    send.try_send(0).unwrap();
    let (first, second) = (waiting(send.send(1)), waiting(send.send(2)));
    receive.try_receive().unwrap();
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    receive.try_receive().unwrap();
    assert_eq!((first.wakes(), second.wakes()), (1, 1));
}

#[test]
fn a_buffered_send_wakes_nobody_and_ends_at_its_first_poll() {
    let (send, receive) = memory_object_stream(1);
    now(send.send(1)).unwrap();
    assert_eq!(now(receive.receive()).unwrap(), 1);
}

#[test]
fn next_is_none_at_the_end_only() {
    let (send, receive) = memory_object_stream(1);
    let mut next = waiting(receive.next());
    send.try_send(1).unwrap();
    assert_eq!(next.ends().unwrap(), Some(1));
    let mut next = waiting(receive.next());
    drop(send);
    assert!(next.is_woken());
    assert_eq!(next.ends().unwrap(), None);
    assert_eq!(now(receive.next()).unwrap(), None);
    receive.close();
    assert_eq!(why(now(receive.next())), "closed");
}

#[test]
fn futures_do_nothing_before_their_first_poll() {
    let (send, receive) = memory_object_stream(1);
    let (sending, receiving) = (send.send(1), receive.receive());
    assert_eq!(send.statistics().current_buffer_used, 0);
    assert_eq!(send.statistics().tasks_waiting_receive, 0);
    drop((sending, receiving));
    now(send.send(2)).unwrap();
    assert_eq!(receive.try_receive().unwrap(), 2);
}

#[test]
#[should_panic(expected = "send: polled after it was ready, which a future must not be; await it once")]
fn a_send_that_is_polled_after_its_end_panics() {
    let (send, _receive) = memory_object_stream(1);
    let mut sending = Box::pin(send.send(1));
    now(&mut sending).unwrap();
    let _ = now(&mut sending);
}
