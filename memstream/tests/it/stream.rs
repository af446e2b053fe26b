//! A receiving end as a `Stream`.

use anyio_cancel_scope::{CancelScope, Cancelled};
use anyio_memstream::memory_object_stream;
use futures::{StreamExt, TryStreamExt};
use futures_lite::future::block_on;

use crate::support::{Steps, cancelled, now, waiting, why};

#[test]
fn a_stream_gives_every_item_and_then_ends() {
    let (send, receive) = memory_object_stream(3);
    for number in 0..3 {
        now(send.send(number)).unwrap();
    }
    drop(send);
    let all: Result<Vec<_>, Cancelled> = block_on(receive.stream().try_collect());
    assert_eq!(all, Ok(vec![0, 1, 2]));
    assert_eq!(block_on(receive.stream().next()), None);
    assert_eq!(block_on(receive.into_stream().next()), None);
}

#[test]
fn dropping_a_borrowing_stream_takes_nothing_along_and_an_owning_one_closes_the_end() {
    let (send, receive) = memory_object_stream(3);
    now(send.send(1)).unwrap();
    now(send.send(2)).unwrap();
    assert_eq!(now(receive.stream().next()), Some(Ok(1)));
    assert_eq!(now(receive.receive()).unwrap(), 2);
    let stream = receive.into_stream();
    assert_eq!(send.statistics().open_receive_streams, 1);
    drop(stream);
    assert_eq!(send.statistics().open_receive_streams, 0);
}

#[test]
fn in_a_cancelled_scope_it_says_so_once_and_ends() {
    let (send, receive) = memory_object_stream(3);
    now(send.send(1)).unwrap();
    let mut stream = receive.stream();
    for number in 1..4 {
        now(cancelled().enter(async {
            assert!(matches!(stream.next().await, Some(Err(_))));
            for _ in 0..3 {
                assert!(stream.next().await.is_none());
            }
        }));
        // Outside it goes on; nothing was taken, and the next cancellation is told again.
        send.try_send(number + 1).unwrap();
        assert_eq!(now(stream.next()), Some(Ok(number)));
    }
}

#[test]
fn a_wait_where_nothing_is_cancelled_makes_it_tell_the_next_cancellation() {
    let (_send, receive) = memory_object_stream::<u32>(0);
    let mut stream = receive.into_stream();
    assert!(matches!(now(cancelled().enter(stream.next())), Some(Err(_))));
    assert!(now(cancelled().enter(stream.next())).is_none());
    drop(waiting(stream.next()));
    assert!(matches!(now(cancelled().enter(stream.next())), Some(Err(_))));
    assert!(now(cancelled().enter(stream.next())).is_none());
}

// R3
#[test]
fn what_came_before_the_next_poll_beats_the_cancellation() {
    let (send, receive) = memory_object_stream(1);
    let mut stream = receive.stream();
    let scope = CancelScope::new();
    let mut seen = Vec::new();
    let mut work = waiting(scope.run(async {
        while let Some(item) = stream.next().await {
            seen.push(item.clone());
            item?;
        }
        Ok::<_, Cancelled>(())
    }));
    scope.cancel();
    send.try_send(1).unwrap();
    assert_eq!(work.ends(), Ok(None));
    drop(work);
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0], Ok(1));
    assert!(seen[1].is_err());
}

#[test]
fn own_close_ends_it() {
    let (send, receive) = memory_object_stream(2);
    now(send.send(1)).unwrap();
    let mut stream = receive.stream();
    assert_eq!(now(stream.next()), Some(Ok(1)));
    let mut next = waiting(stream.next());
    receive.close();
    assert!(next.is_woken());
    assert_eq!(next.ends(), None);
    drop(next);
    assert_eq!(now(stream.next()), None);
}

#[test]
fn the_wait_is_the_streams_and_goes_on_from_one_next_to_the_next() {
    let (send, receive) = memory_object_stream(0);
    let mut stream = receive.stream();
    for _ in 0..3 {
        drop(waiting(stream.next()));
        assert_eq!(send.statistics().tasks_waiting_receive, 1);
    }
    send.try_send(1).unwrap();
    assert_eq!(now(stream.next()), Some(Ok(1)));
    assert_eq!(send.statistics().tasks_waiting_receive, 0);
}

#[test]
fn several_streams_of_one_end_share_what_comes() {
    let (send, receive) = memory_object_stream(0);
    let (mut first, mut second) = (receive.stream(), receive.stream());
    let (mut one, mut two) = (waiting(first.next()), waiting(second.next()));
    send.try_send(1).unwrap();
    send.try_send(2).unwrap();
    assert_eq!((one.ends(), two.ends()), (Some(Ok(1)), Some(Ok(2))));
}

#[test]
fn adapters_of_the_field_take_it() {
    let (send, receive) = memory_object_stream(16);
    for number in 0..10 {
        now(send.send(number)).unwrap();
    }
    drop(send);
    let squares: Vec<u32> = block_on(
        receive
            .into_stream()
            .map_ok(|number| async move { Ok(number * number) })
            .try_buffered(3)
            .try_filter(|square| std::future::ready(square % 2 == 0))
            .try_collect(),
    )
    .unwrap();
    assert_eq!(squares, [0, 4, 16, 36, 64]);
}

#[test]
fn the_end_itself_may_be_used_beside_its_stream() {
    let (send, receive) = memory_object_stream(4);
    let mut stream = receive.stream();
    for number in 0..4 {
        now(send.send(number)).unwrap();
    }
    assert_eq!(now(stream.next()), Some(Ok(0)));
    assert_eq!(now(receive.receive()).unwrap(), 1);
    assert_eq!(now(stream.next()), Some(Ok(2)));
    drop(stream);
    receive.close();
    assert_eq!(why(now(receive.receive())), "closed");
}
