//! Forwarding a stream.

use std::time::Duration;

use anyio_cancel_scope::{CancelScope, VirtualClock};
use anyio_memstream::memory_object_stream;
use futures::{StreamExt, stream};
use futures_lite::future::{block_on, zip};

use crate::support::{Grave, Steps, back, cancelled, now, waiting};

#[test]
fn everything_is_sent_in_order_and_the_end_stays_open() {
    for capacity in [0, 1, 100] {
        let (send, receive) = memory_object_stream(capacity);
        let sending = async {
            send.send_all(stream::iter(0..20)).await.unwrap();
            send.send_all(stream::iter(20..30)).await.unwrap();
            send.close();
        };
        let (_, received) = block_on(zip(sending, receive.stream().map(Result::unwrap).collect::<Vec<_>>()));
        assert_eq!(received, (0..30).collect::<Vec<_>>());
    }
}

#[test]
fn an_empty_stream_is_sent_at_once() {
    let (send, receive) = memory_object_stream::<u32>(0);
    now(send.send_all(stream::empty())).unwrap();
    drop(receive);
    now(send.send_all(stream::empty())).unwrap();
}

#[test]
fn one_stream_is_forwarded_into_another() {
    let (first, source) = memory_object_stream(1);
    let (second, receive) = memory_object_stream(1);
    let mut forwarding = waiting(second.send_all(source.stream().map(Result::unwrap)));
    now(first.send(1)).unwrap();
    forwarding.waits();
    assert_eq!(now(receive.receive()).unwrap(), 1);
    drop(first);
    forwarding.ends().unwrap();
}

// H3
#[test]
fn cancelled_while_it_sends_it_gives_the_item_back() {
    let (send, receive) = memory_object_stream(1);
    let scope = CancelScope::new();
    let mut sending = waiting(scope.enter(send.send_all(stream::iter(1..9))));
    scope.cancel();
    assert!(sending.is_woken());
    assert_eq!(back(sending.ends()), (Some(2), "cancelled"));
    assert_eq!(receive.try_receive().unwrap(), 1);
    assert!(receive.try_receive().unwrap_err().would_block());
}

#[test]
fn cancelled_while_it_waits_for_the_stream_it_has_nothing_to_give_back() {
    let (send, receive) = memory_object_stream::<u32>(1);
    let scope = CancelScope::new();
    let mut sending = waiting(scope.enter(send.send_all(stream::pending())));
    scope.cancel();
    assert!(sending.is_woken());
    assert_eq!(back(sending.ends()), (None, "cancelled"));
    assert!(receive.try_receive().unwrap_err().would_block());
}

// R4
#[test]
fn entered_in_a_cancelled_scope_it_takes_nothing_out_of_the_stream() {
    let (send, _receive) = memory_object_stream(1);
    let mut source = stream::iter(1..9);
    assert_eq!(back(now(cancelled().enter(send.send_all(&mut source)))), (None, "cancelled"));
    assert_eq!(now(source.next()), Some(1));
}

// R3
#[test]
fn an_item_that_was_taken_at_the_last_moment_is_sent_and_the_next_one_is_not_asked_for() {
    let (send, receive) = memory_object_stream(0);
    let mut source = stream::iter(1..9);
    let scope = CancelScope::new();
    let mut sending = waiting(scope.enter(send.send_all(&mut source)));
    assert_eq!(receive.try_receive().unwrap(), 1);
    scope.cancel();
    assert_eq!(back(sending.ends()), (None, "cancelled"));
    drop(sending);
    assert_eq!(now(source.next()), Some(2));
}

#[test]
fn a_broken_or_closed_end_gives_the_item_at_hand_back() {
    let (send, receive) = memory_object_stream(1);
    let mut source = stream::iter(1..9);
    let mut sending = waiting(send.send_all(&mut source));
    drop(receive);
    assert_eq!(back(sending.ends()), (Some(2), "broken"));
    drop(sending);
    send.close();
    assert_eq!(back(now(send.send_all(&mut source))), (Some(3), "closed"));
    assert_eq!(now(source.next()), Some(4));
}

#[test]
fn dropped_it_drops_the_item_at_hand_and_no_other() {
    let grave = Grave::default();
    let (send, receive) = memory_object_stream(0);
    let mut source = stream::iter((0..3).map(|number| grave.item(number)));
    let sending = waiting(send.send_all(&mut source));
    assert_eq!(grave.count(), 0);
    drop(sending);
    assert_eq!(grave.count(), 1);
    assert!(receive.try_receive().is_err());
    assert_eq!(now(source.next()).unwrap().0, 1);
}

#[test]
fn a_stream_that_never_waits_gives_way_and_can_be_timed_out() {
    let clock = VirtualClock::new();
    let (send, receive) = memory_object_stream(0);
    let mut draining = waiting(async { while receive.receive().await.is_ok() {} });
    let mut sending =
        waiting(clock.run(CancelScope::after(Duration::from_secs(1)).enter(send.send_all(stream::repeat(1)))));
    for _ in 0..1000 {
        draining.waits();
        sending.waits();
    }
    clock.advance(Duration::from_secs(1));
    draining.waits();
    assert!(back(sending.ends()).1 == "cancelled");
}
