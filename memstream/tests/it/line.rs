//! The two lines: nobody is overtaken, and who waits keeps the place.

use anyio_cancel_scope::CancelScope;
use anyio_memstream::memory_object_stream;

use crate::support::{Steps, back, now, waiting};

// H1
#[test]
fn a_newcomer_does_not_overtake_a_send_that_waits() {
    let (send, receive) = memory_object_stream(1);
    now(send.send(0)).unwrap();
    let mut first = waiting(send.send(1));
    assert_eq!(now(receive.receive()).unwrap(), 0);
    // The room is the first one's already, though it was not polled.
    assert!(send.try_send(9).unwrap_err().would_block());
    let mut second = waiting(send.send(2));
    assert_eq!(now(receive.receive()).unwrap(), 1);
    assert_eq!(now(receive.receive()).unwrap(), 2);
    first.ends().unwrap();
    second.ends().unwrap();
}

// H1
#[test]
fn a_newcomer_does_not_overtake_a_receive_that_waits() {
    let (send, receive) = memory_object_stream(1);
    let mut first = waiting(receive.receive());
    send.try_send(1).unwrap();
    // It is the first one's already, though it was not polled.
    assert!(receive.try_receive().unwrap_err().would_block());
    let mut second = waiting(receive.receive());
    send.try_send(2).unwrap();
    assert!(receive.try_receive().unwrap_err().would_block());
    assert_eq!(second.ends().unwrap(), 2);
    assert_eq!(first.ends().unwrap(), 1);
}

// H1
#[test]
fn sends_that_wait_are_let_in_in_their_order() {
    for capacity in [0, 1, 3] {
        let (send, receive) = memory_object_stream(capacity);
        for number in 0..capacity {
            now(send.send(number)).unwrap();
        }
        let ends: Vec<_> = (0..5).map(|_| send.clone()).collect();
        let mut sending: Vec<_> =
            ends.iter().enumerate().map(|(place, end)| waiting(end.send(capacity + place))).collect();
        for number in 0..capacity + 5 {
            assert_eq!(receive.try_receive().unwrap(), number, "capacity {capacity}");
        }
        sending.iter_mut().for_each(|sending| sending.ends().unwrap());
    }
}

// H1
#[test]
fn what_is_taken_out_of_the_buffer_is_what_came_first_while_sends_wait() {
    let (send, receive) = memory_object_stream(2);
    now(send.send(0)).unwrap();
    now(send.send(1)).unwrap();
    let (_third, _fourth) = (waiting(send.send(2)), waiting(send.send(3)));
    assert_eq!(receive.try_receive().unwrap(), 0);
    assert_eq!((receive.statistics().current_buffer_used, receive.statistics().tasks_waiting_send), (2, 1));
    assert_eq!(receive.try_receive().unwrap(), 1);
    assert_eq!(receive.try_receive().unwrap(), 2);
    assert_eq!(receive.try_receive().unwrap(), 3);
}

// H2
#[test]
fn who_left_the_line_is_passed_over_and_the_others_keep_their_places() {
    let (send, receive) = memory_object_stream(0);
    let scope = CancelScope::new();
    let mut first = waiting(send.send(1));
    let mut cancelled = waiting(scope.enter(send.send(2)));
    let dropped = waiting(send.send(3));
    let mut last = waiting(send.send(4));
    scope.cancel();
    assert_eq!(back(cancelled.ends()), (2, "cancelled"));
    drop(dropped);
    assert_eq!(receive.try_receive().unwrap(), 1);
    assert_eq!(receive.try_receive().unwrap(), 4);
    first.ends().unwrap();
    last.ends().unwrap();
}

#[test]
fn a_place_is_kept_when_the_task_moves() {
    let (send, receive) = memory_object_stream(0);
    let (mut first, mut second) = (waiting(send.send(1)), waiting(send.send(2)));
    let old = first.replace_waker();
    first.waits();
    assert_eq!(old.live_wakers(), 0);
    assert_eq!(receive.try_receive().unwrap(), 1);
    assert!(first.is_woken() && !second.is_woken());
    assert_eq!(old.wakes(), 0);
    first.ends().unwrap();
    second.waits();

    let (send, receive) = memory_object_stream(1);
    let (mut first, mut second) = (waiting(receive.receive()), waiting(receive.receive()));
    let old = first.replace_waker();
    first.waits();
    send.try_send(1).unwrap();
    assert!(first.is_woken() && !second.is_woken());
    assert_eq!(old.wakes(), 0);
    assert_eq!(first.ends().unwrap(), 1);
    second.waits();
}

#[test]
fn polling_again_while_it_waits_changes_nothing() {
    let (send, receive) = memory_object_stream(0);
    let mut sending = waiting(send.send(1));
    for _ in 0..10 {
        sending.waits();
    }
    assert_eq!((send.statistics().tasks_waiting_send, sending.live_wakers()), (1, 1));
    assert_eq!(receive.try_receive().unwrap(), 1);
    assert!(receive.try_receive().unwrap_err().would_block());
}
