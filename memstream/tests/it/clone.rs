//! Clones: every end is closed on its own.

use anyio_memstream::memory_object_stream;

use crate::support::{Steps, back, now, waiting, why};

#[test]
fn closing_one_send_end_leaves_the_others() {
    let (send, receive) = memory_object_stream(0);
    let other = send.clone();
    let mut own = waiting(send.send(1));
    let mut others = waiting(other.send(2));
    send.close();
    assert!(own.is_woken());
    assert_eq!(back(own.ends()), (1, "closed"));
    assert!(!others.is_woken());
    others.waits();
    assert_eq!(now(receive.receive()).unwrap(), 2);
    others.ends().unwrap();
    let mut receiving = waiting(receive.receive());
    other.close();
    assert_eq!(why(receiving.ends()), "end");
}

#[test]
fn closing_one_receive_end_leaves_the_others() {
    let (send, receive) = memory_object_stream(0);
    let other = receive.clone();
    let mut own = waiting(receive.receive());
    let mut others = waiting(other.receive());
    receive.close();
    assert!(own.is_woken());
    assert_eq!(why(own.ends()), "closed");
    assert!(!others.is_woken());
    others.waits();
    send.try_send(1).unwrap();
    assert_eq!(others.ends().unwrap(), 1);
    let mut sending = waiting(send.send(2));
    other.close();
    assert_eq!(back(sending.ends()), (2, "broken"));
}

#[test]
fn what_a_closed_end_had_sent_is_still_received() {
    let (send, receive) = memory_object_stream(2);
    let other = send.clone();
    now(send.send(1)).unwrap();
    send.close();
    now(other.send(2)).unwrap();
    other.close();
    assert_eq!((now(receive.receive()).unwrap(), now(receive.receive()).unwrap()), (1, 2));
    assert_eq!(why(now(receive.receive())), "end");
}

#[test]
fn what_is_buffered_stays_for_the_other_receive_ends() {
    let (send, receive) = memory_object_stream(2);
    let other = receive.clone();
    now(send.send(1)).unwrap();
    receive.close();
    assert_eq!((other.statistics().current_buffer_used, other.statistics().dropped), (1, 0));
    assert_eq!(now(other.receive()).unwrap(), 1);
}

#[test]
fn a_clone_that_is_made_after_the_others_closed_keeps_the_stream_open() {
    let (send, receive) = memory_object_stream(1);
    let second = send.clone();
    send.close();
    let third = second.clone();
    second.close();
    now(third.send(1)).unwrap();
    assert_eq!(receive.statistics().open_send_streams, 1);
    // A clone of a closed end is closed, and closing it closes nobody else.
    let closed = send.clone();
    closed.close();
    drop(closed);
    drop(send);
    assert_eq!(receive.statistics().open_send_streams, 1);
    assert!(third.try_send(2).unwrap_err().would_block());
}

#[test]
fn many_clones_are_counted() {
    let (send, receive) = memory_object_stream::<u32>(0);
    let sends: Vec<_> = (0..100).map(|_| send.clone()).collect();
    let receives: Vec<_> = (0..50).map(|_| receive.clone()).collect();
    let statistics = send.statistics();
    assert_eq!((statistics.open_send_streams, statistics.open_receive_streams), (101, 51));
    drop((sends, receives));
    let statistics = send.statistics();
    assert_eq!((statistics.open_send_streams, statistics.open_receive_streams), (1, 1));
}

#[test]
fn several_operations_of_one_end_may_wait_at_a_time() {
    let (send, receive) = memory_object_stream(0);
    let mut sending = [waiting(send.send(1)), waiting(send.send(2))];
    assert_eq!((now(receive.receive()).unwrap(), now(receive.receive()).unwrap()), (1, 2));
    sending.iter_mut().for_each(|sending| sending.ends().unwrap());
    let mut receiving = [waiting(receive.receive()), waiting(receive.receive())];
    receive.close();
    for receiving in &mut receiving {
        assert_eq!(why(receiving.ends()), "closed");
    }
}
