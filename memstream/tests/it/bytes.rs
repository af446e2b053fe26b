//! Memory byte streams.

use std::{fmt::Debug, future::Future};

use anyio_cancel_scope::CancelScope;
use anyio_future_contract::Polled;
use anyio_memstream::{MemoryByteStream, ReceiveBytes, SendBytes, memory_byte_stream};
use anyio_streams::{AsyncResource, ByteSendError, DynByteStream, DynSocketStream, ReceiveError, SocketStream};
use anyio_task_group::{debug::task_tree, task_group};
use futures_lite::future::block_on;

use crate::support::{Steps, cancelled, now, panic_of, waiting, why};

/// What is there, in one receive.
fn read(stream: &MemoryByteStream) -> Vec<u8> {
    let mut buf = [0; 64];
    let count = now(stream.receive(&mut buf)).unwrap();
    buf[..count].to_vec()
}

fn why_not(received: Result<usize, ReceiveError>) -> &'static str {
    why(received)
}

/// How much was sent, and the first word of why not all.
fn cut(sent: Result<(), ByteSendError>) -> (usize, &'static str) {
    let error = sent.unwrap_err();
    let word = match () {
        () if error.is_cancelled() => "cancelled",
        () if error.is_closed() => "closed",
        () if error.is_broken() => "broken",
        () if error.is_busy() => "busy",
        () => "?",
    };
    (error.sent, word)
}

#[test]
fn bytes_come_in_order_cut_anywhere() {
    let (here, there) = memory_byte_stream(8);
    now(here.send(b"abc")).unwrap();
    now(here.send(b"def")).unwrap();
    let mut buf = [0; 4];
    assert_eq!(now(there.receive(&mut buf)).unwrap(), 4);
    assert_eq!(&buf, b"abcd");
    assert_eq!(read(&there), b"ef");
    now(there.send(b"back")).unwrap();
    assert_eq!(read(&here), b"back");
}

#[test]
fn a_send_waits_for_room_and_wakes_who_receives() {
    let (here, there) = memory_byte_stream(4);
    let mut buf = [0; 3];
    let mut receive = waiting(there.receive(&mut buf));
    let mut send = waiting(here.send(b"abcdefgh"));
    assert!(receive.is_woken());
    assert_eq!(receive.ends().unwrap(), 3);
    assert!(send.is_woken());
    send.waits();
    drop(receive);
    assert_eq!((&buf, read(&there)), (b"abc", b"defg".to_vec()));
    send.ends().unwrap();
    assert_eq!(read(&there), b"h");
}

#[test]
fn an_empty_send_sends_nothing() {
    let (here, there) = memory_byte_stream(1);
    now(here.send(b"")).unwrap();
    let mut buf = [0];
    let receive = waiting(there.receive(&mut buf));
    drop(receive);
    drop(there);
    assert_eq!(cut(now(here.send(b""))), (0, "broken"));
}

// H4
#[test]
fn what_was_sent_before_closing_is_read_before_the_end() {
    let (here, there) = memory_byte_stream(8);
    now(here.send(b"last")).unwrap();
    drop(here);
    assert_eq!(read(&there), b"last");
    assert_eq!(why_not(now(there.receive(&mut [0]))), "end");
    assert_eq!(cut(now(there.send(b"x"))), (0, "broken"));
}

// H4
#[test]
fn one_direction_can_be_ended_alone() {
    let (here, there) = memory_byte_stream(8);
    now(here.send_eof()).unwrap();
    now(here.send_eof()).unwrap();
    assert_eq!(why_not(now(there.receive(&mut [0]))), "end");
    assert_eq!(cut(now(here.send(b"x"))), (0, "closed"));
    now(there.send(b"still")).unwrap();
    assert_eq!(read(&here), b"still");
    here.close();
    assert_eq!(cut(now(here.send_eof())), (0, "closed"));
    // Nothing more is sent, which is true though nobody would have read it.
    now(there.send_eof()).unwrap();
}

// H4, H5
#[test]
fn closing_wakes_who_waits_at_either_end() {
    let (here, there) = memory_byte_stream(1);
    let (mut mine, mut theirs) = ([0], [0]);
    let mut receives_here = waiting(here.receive(&mut mine));
    let mut receives_there = waiting(there.receive(&mut theirs));
    here.close();
    assert!(receives_here.is_woken() && receives_there.is_woken());
    assert_eq!(why_not(receives_here.ends()), "closed");
    assert_eq!(why_not(receives_there.ends()), "end");

    let (here, there) = memory_byte_stream(2);
    let mut sends_here = waiting(here.send(b"abc"));
    let mut sends_there = waiting(there.send(b"abcd"));
    here.close();
    assert_eq!(cut(sends_here.ends()), (2, "closed"));
    assert_eq!(cut(sends_there.ends()), (2, "broken"));
    // What the closed end had sent can be read.
    assert_eq!(read(&there), b"ab");
    assert_eq!(why_not(now(here.receive(&mut [0]))), "closed");
    here.close();
}

// H4
#[test]
fn one_task_at_a_time_waits_in_each_direction() {
    let (here, there) = memory_byte_stream(1);
    let mut buf = [0];
    let receive = waiting(here.receive(&mut buf));
    assert!(now(here.receive(&mut [0])).unwrap_err().is_busy());
    let send = waiting(here.send(b"ab"));
    assert_eq!(cut(now(here.send(b"c"))), (0, "busy"));
    assert_eq!(cut(now(here.send_eof())), (0, "busy"));
    // The other end is not concerned.
    now(there.send(b"x")).unwrap();
    drop((receive, send));
    assert_eq!(read(&here), b"x");
    assert_eq!(read(&there), b"a");
    now(here.send(b"d")).unwrap();
}

// R4
#[test]
fn in_a_cancelled_scope_nothing_moves() {
    let (here, there) = memory_byte_stream(8);
    now(here.send(b"abc")).unwrap();
    assert_eq!(why_not(now(cancelled().enter(there.receive(&mut [0])))), "cancelled");
    assert_eq!(cut(now(cancelled().enter(there.send(b"x")))), (0, "cancelled"));
    assert_eq!(cut(now(cancelled().enter(there.send_eof()))), (0, "cancelled"));
    assert_eq!(read(&there), b"abc");
    now(there.send(b"y")).unwrap();
    assert_eq!(read(&here), b"y");
    // Closing needs no checkpoint.
    now(cancelled().enter(there.aclose())).unwrap();
    assert_eq!(why_not(now(there.receive(&mut [0]))), "closed");
}

// R3, H6
#[test]
fn a_cancelled_send_tells_how_much_went_out() {
    let (here, there) = memory_byte_stream(3);
    let scope = CancelScope::new();
    let mut send = waiting(scope.enter(here.send(b"abcdefgh")));
    assert_eq!(read(&there), b"abc");
    send.waits();
    scope.cancel();
    assert!(send.is_woken());
    assert_eq!(cut(send.ends()), (6, "cancelled"));
    assert_eq!(read(&there), b"def");
    // Where all fits in before the next poll, all was sent.
    let scope = CancelScope::new();
    let mut send = waiting(scope.enter(here.send(b"abcdef")));
    scope.cancel();
    assert_eq!(read(&there), b"abc");
    send.ends().unwrap();
    assert_eq!(read(&there), b"def");
}

// R3
#[test]
fn what_comes_before_the_next_poll_is_received_though_the_scope_is_cancelled() {
    let (here, there) = memory_byte_stream(3);
    let scope = CancelScope::new();
    let mut buf = [0; 8];
    let mut receive = waiting(scope.enter(there.receive(&mut buf)));
    scope.cancel();
    now(here.send(b"abc")).unwrap();
    assert_eq!(receive.ends().unwrap(), 3);

    // But the end of the stream does not come before the cancellation.
    let scope = CancelScope::new();
    let mut buf = [0; 8];
    let mut receive = waiting(scope.enter(there.receive(&mut buf)));
    scope.cancel();
    here.close();
    assert_eq!(why_not(receive.ends()), "cancelled");
    assert_eq!(why_not(now(there.receive(&mut [0]))), "end");
}

#[test]
fn dropped_receives_take_nothing_along() {
    let (here, there) = memory_byte_stream(3);
    let mut buf = [0; 8];
    let receive = waiting(there.receive(&mut buf));
    now(here.send(b"abc")).unwrap();
    assert!(receive.is_woken());
    assert_eq!(receive.into_counts().live_wakers(), 0);
    assert_eq!(read(&there), b"abc");
    // Neither do those that were never polled.
    now(here.send(b"d")).unwrap();
    drop(there.receive(&mut [0]));
    assert_eq!(read(&there), b"d");
}

#[test]
fn mistakes_are_told_with_their_cure() {
    assert!(panic_of(|| memory_byte_stream(0)).contains("give it room for 1 at least"));
    let (here, _there) = memory_byte_stream(1);
    assert!(panic_of(|| drop(here.receive(&mut []))).contains("give it room for 1 byte at least"));
}

#[test]
fn ends_and_futures_go_to_other_threads() {
    fn everywhere<T: Send + Sync + Unpin + Debug>() {}
    everywhere::<MemoryByteStream>();
    everywhere::<ReceiveBytes<'_, '_>>();
    everywhere::<SendBytes<'_, '_>>();
    fn future<T>(_: impl Future<Output = T> + Send) {}
    let (here, there) = memory_byte_stream(1);
    future(here.send_eof());
    fn socket(_: &impl SocketStream) {}
    socket(&here);
    let _: (Box<dyn DynByteStream>, Box<dyn DynSocketStream>) = (Box::new(here), Box::new(there));
}

#[test]
fn its_debug_form_tells_what_is_unread() {
    let (here, there) = memory_byte_stream(8);
    now(here.send(b"abc")).unwrap();
    assert_eq!(format!("{here:?}"), "MemoryByteStream { unread_there: 3, unread_here: 0 }");
    assert_eq!(format!("{there:?}"), "MemoryByteStream { unread_there: 0, unread_here: 3 }");
}

#[test]
fn the_task_tree_tells_where_a_task_waits() {
    let (here, there) = memory_byte_stream(1);
    let (here, there) = (&here, &there);
    let group = Polled::new(task_group(async move |tg| -> std::io::Result<()> {
        tg.task("bytes receiver").start_soon(async { Ok::<_, std::io::Error>(here.receive(&mut [0]).await?) });
        tg.task("bytes sender").start_soon(async { Ok::<_, std::io::Error>(here.send(b"ab").await?) });
        let _there = there;
        std::future::pending().await
    }));
    let mut group = group;
    group.waits();
    let tree = task_tree();
    let waits = |name: &str| {
        let task = tree.tasks().iter().find(|task| task.name() == name).unwrap().clone();
        let (verb, place) = task.waiting().unwrap();
        assert_eq!(place.file(), file!());
        verb
    };
    assert_eq!((waits("bytes receiver"), waits("bytes sender")), ("receive", "send"));
}

/// Full duplex on two threads: all of it arrives, and nothing else.
#[test]
fn much_data_goes_both_ways_at_once_between_threads() {
    const SIZE: usize = 300_000;
    let (here, there) = memory_byte_stream(1000);
    let pattern = |seed: usize| (0..SIZE).map(move |n| (n * 31 + seed) as u8).collect::<Vec<u8>>();
    let work = |stream: MemoryByteStream, sends: usize, expects: usize| {
        let data = pattern(sends);
        let (sent, received) = block_on(futures_lite::future::zip(
            async {
                for chunk in data.chunks(777) {
                    stream.send(chunk).await?;
                }
                stream.send_eof().await
            },
            async {
                let (mut all, mut buf) = (Vec::new(), [0; 1234]);
                loop {
                    match stream.receive(&mut buf).await {
                        Ok(count) => all.extend_from_slice(&buf[..count]),
                        Err(ReceiveError::EndOfStream) => return all,
                        Err(error) => panic!("{error}"),
                    }
                }
            },
        ));
        sent.unwrap();
        assert!(received == pattern(expects));
    };
    std::thread::scope(|threads| {
        threads.spawn(|| work(there, 2, 1));
        work(here, 1, 2);
    });
}
