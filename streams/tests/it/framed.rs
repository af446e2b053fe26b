//! Frames and lines.

use std::{io, sync::atomic::Ordering};

use anyio_cancel_scope::{CancelError, CancelScope};
use anyio_future_contract::Polled;
use anyio_streams::{
    AsyncResource, ClosingErrors, FrameError, LengthDelimited, LineDelimited, ObjectStream, ReceiveError, SendError,
    UnreliableObjectReceiveStream, UnreliableObjectSendStream,
};
use anyio_typed_attrs::TypedAttributeExt;
use futures_lite::future::block_on;

use crate::{
    script::{Name, Script, Step},
    support::cancelled_scope,
};

fn why_broken<T: std::fmt::Debug>(received: Result<T, ReceiveError>) -> FrameError {
    match received {
        Err(ReceiveError::Broken(error)) => *error.downcast().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn why_refused<T>(sent: Result<(), SendError<T>>) -> FrameError {
    let error = sent.err().unwrap();
    assert!(error.is_refused());
    match error.into_reason() {
        anyio_streams::SendReason::Refused(error) => *error.downcast().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn frames_come_as_they_were_sent_however_they_are_cut() {
    let sender = LengthDelimited::new(Script::of(&[]));
    let frames = [b"one".to_vec(), vec![], vec![7; 20_000], b"last".to_vec()];
    for frame in &frames {
        block_on(sender.send(frame.clone())).unwrap();
    }
    let bytes = sender.get_ref().sent();
    assert_eq!(&bytes[..11], b"\0\0\0\x03one\0\0\0\0");
    for size in [1, 2, 3, 5, 1000, 100_000] {
        let receiver = LengthDelimited::new(Script::cut(&bytes, &[size]));
        for frame in &frames {
            assert_eq!(&block_on(receiver.receive()).unwrap(), frame);
        }
        assert!(block_on(receiver.receive()).unwrap_err().is_end_of_stream());
        assert!(block_on(receiver.receive()).unwrap_err().is_end_of_stream());
    }
}

#[test]
fn a_frame_above_the_limit_is_refused_and_breaks_before_memory_is_taken_for_it() {
    let stream = LengthDelimited::with_max(Script::of(&[b"\0\0\0\x05hello", b"\xff\xff\xff\xff???"]), 5);
    let error = why_refused(block_on(stream.send(vec![0; 6])));
    assert_eq!(error, FrameError::TooLong { length: 6, max: 5 });
    assert_eq!(error.to_string(), "a frame of 6 bytes is above the limit of 5");
    block_on(stream.send(vec![0; 5])).unwrap();
    assert_eq!(block_on(stream.receive()).unwrap(), b"hello");
    for _ in 0..2 {
        assert_eq!(why_broken(block_on(stream.receive())), FrameError::TooLong { length: u32::MAX as usize, max: 5 });
    }
    assert!(stream.get_ref().most_asked.load(Ordering::SeqCst) <= 8 * 1024);
    assert_eq!(stream.into_parts().1, b"\xff\xff\xff\xff???");
}

#[test]
fn an_end_within_a_frame_is_broken() {
    for (bytes, received, length) in [(&b"\0\0"[..], 2, 4), (b"\0\0\0\x05hel", 7, 9)] {
        let stream = LengthDelimited::new(Script::of(&[bytes]));
        assert_eq!(why_broken(block_on(stream.receive())), FrameError::Incomplete { received, length });
    }
}

// H6
#[test]
fn a_cancelled_receive_loses_no_part_of_a_frame() {
    let steps = [Step::Chunk(b"\0\0\0\x05he".to_vec()), Step::Wait, Step::Chunk(b"llo".to_vec())];
    let stream = LengthDelimited::new(Script::new(steps));
    let scope = CancelScope::new();
    let mut receive = Polled::new(scope.enter(stream.receive()));
    receive.assert_pending();
    scope.cancel();
    assert!(receive.assert_ready().unwrap_err().is_cancelled());
    assert_eq!(block_on(stream.receive()).unwrap(), b"hello");
}

/// A send that is cancelled after `room` bytes.
fn cut_send(stream: &LengthDelimited<Script>, room: usize) -> Result<(), SendError<Vec<u8>>> {
    stream.get_ref().room.store(room, Ordering::SeqCst);
    let scope = CancelScope::new();
    let mut send = Polled::new(scope.enter(stream.send(b"hello".to_vec())));
    send.assert_pending();
    scope.cancel();
    let sent = send.assert_ready();
    stream.get_ref().room.store(1000, Ordering::SeqCst);
    sent
}

// H3, H6
#[test]
fn a_frame_is_given_back_or_goes_out_whole() {
    // Nothing went out: it comes back.
    let stream = LengthDelimited::new(Script::of(&[]));
    assert_eq!(cut_send(&stream, 0).unwrap_err().into_item(), b"hello");
    block_on(stream.send(b"x".to_vec())).unwrap();
    assert_eq!(stream.get_ref().sent(), b"\0\0\0\x01x");
    // The beginning is out: it counts as sent, and the rest goes out before anything else.
    for room in 1..9 {
        for way in 0..3 {
            let stream = LengthDelimited::new(Script::of(&[]));
            cut_send(&stream, room).unwrap();
            assert_eq!(stream.get_ref().sent().len(), room);
            match way {
                0 => block_on(stream.send(b"x".to_vec())).unwrap(),
                1 => block_on(stream.flush()).unwrap(),
                _ => block_on(stream.send_eof()).unwrap(),
            }
            let more: &[u8] = if way == 0 { b"\0\0\0\x01x" } else { b"" };
            assert_eq!(stream.get_ref().sent(), [b"\0\0\0\x05hello", more].concat());
        }
    }
}

// H5, H6
#[test]
fn the_rest_of_a_frame_goes_out_with_the_closing() {
    let stream = LengthDelimited::new(Script::of(&[]));
    cut_send(&stream, 3).unwrap();
    block_on(stream.aclose()).unwrap();
    assert_eq!((stream.get_ref().sent(), stream.get_ref().counts()), (b"\0\0\0\x05hello".to_vec(), [1, 0, 0]));
    assert!(block_on(stream.receive()).unwrap_err().is_closed());
    let error = block_on(stream.send(b"x".to_vec())).unwrap_err();
    assert!(error.is_closed());
    assert_eq!(error.into_item(), b"x");
    block_on(stream.aclose()).expect("a second call does nothing");
}

fn unsent(error: &io::Error) -> Option<&FrameError> {
    error.get_ref()?.downcast_ref()
}

// H5, H6
#[test]
fn closing_tells_of_a_frame_whose_rest_cannot_go_out() {
    // Cancelled, by another call.
    let stream = LengthDelimited::new(Script::of(&[]));
    cut_send(&stream, 3).unwrap();
    stream.get_ref().room.store(1, Ordering::SeqCst);
    let scope = CancelScope::new();
    let mut close = Polled::new(scope.enter(stream.aclose()));
    close.assert_pending();
    scope.cancel();
    assert!(close.assert_ready().unwrap_err().is_cancelled());
    assert_eq!(stream.get_ref().counts(), [1, 0, 0]);
    let error = block_on(stream.aclose()).unwrap_err();
    assert_eq!(unsent(&error), Some(&FrameError::Unsent { left: 5 }));
    assert_eq!(error.to_string(), "the last 5 bytes of a frame were not sent");
    block_on(stream.aclose()).unwrap();
    // Broken, beside that.
    let stream = LengthDelimited::new(Script::of(&[]));
    cut_send(&stream, 3).unwrap();
    stream.get_ref().room.store(0, Ordering::SeqCst);
    stream.get_ref().breaks.store(true, Ordering::SeqCst);
    let error = block_on(stream.aclose()).unwrap_err();
    let told: Vec<_> = error.get_ref().unwrap().downcast_ref::<ClosingErrors>().unwrap().iter().collect();
    assert_eq!((told.len(), unsent(told[1])), (2, Some(&FrameError::Unsent { left: 6 })));
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    block_on(stream.aclose()).unwrap();
    // Nobody knows how much.
    let stream = LengthDelimited::new(Script::with_room(3));
    drop({
        let mut send = Polled::new(stream.send(b"hello".to_vec()));
        send.assert_pending();
        send
    });
    assert_eq!(unsent(&block_on(stream.aclose()).unwrap_err()), Some(&FrameError::Cut));
    block_on(stream.aclose()).unwrap();
}

// H3
#[test]
fn after_the_stream_broke_within_a_frame_nothing_can_be_sent() {
    for room in 0..9 {
        let stream = LengthDelimited::new(Script::with_room(room));
        stream.get_ref().breaks.store(true, Ordering::SeqCst);
        let error = block_on(stream.send(b"hello".to_vec())).unwrap_err();
        assert!(error.is_broken());
        assert_eq!(error.into_item(), b"hello");
        // Should the stream come to life again.
        stream.get_ref().room.store(100, Ordering::SeqCst);
        let again = block_on(stream.send(b"hello".to_vec()));
        assert_eq!(again.is_ok(), room == 0);
        let sent: &[u8] = if room == 0 { b"\0\0\0\x05hello" } else { &b"\0\0\0\x05hello"[..room] };
        assert_eq!(stream.get_ref().sent(), sent);
        block_on(stream.aclose()).unwrap();
    }
}

#[test]
fn after_a_send_was_dropped_midway_nothing_can_be_sent() {
    let stream = LengthDelimited::new(Script::with_room(3));
    let mut send = Polled::new(stream.send(b"hello".to_vec()));
    send.assert_pending();
    drop(send);
    stream.get_ref().room.store(1000, Ordering::SeqCst);
    let error = block_on(stream.send(b"x".to_vec())).unwrap_err();
    assert!(error.is_broken() && error.to_string().contains("was dropped while it waited"), "{error}");
    assert_eq!(error.into_item(), b"x");
    assert!(block_on(stream.flush()).unwrap_err().is_broken());
    // One that was never polled did nothing.
    let stream = LengthDelimited::new(Script::of(&[]));
    drop(stream.send(b"hello".to_vec()));
    block_on(stream.send(b"x".to_vec())).unwrap();
}

// R4
#[test]
fn in_a_cancelled_scope_nothing_happens() {
    let stream = LengthDelimited::new(Script::of(&[b"\0\0\0\x01x"]));
    let lines = LineDelimited::new(Script::of(&[b"x\n"]));
    block_on(async {
        assert!(cancelled_scope().enter(stream.receive()).await.unwrap_err().is_cancelled());
        assert_eq!(cancelled_scope().enter(stream.send(vec![1])).await.unwrap_err().into_item(), [1]);
        assert!(cancelled_scope().enter(lines.receive()).await.unwrap_err().is_cancelled());
        assert_eq!(cancelled_scope().enter(lines.send("y".into())).await.unwrap_err().into_item(), "y");
        assert_eq!(stream.receive().await.unwrap(), b"x");
        assert_eq!(lines.receive().await.unwrap(), "x");
    });
    assert!(stream.get_ref().sent().is_empty() && lines.get_ref().sent().is_empty());
    // Though it would be refused, or find another one.
    let (small, short) = (LengthDelimited::with_max(Script::with_room(0), 1), LineDelimited::new(Script::with_room(0)));
    let (mut first, mut other) = (Polled::new(small.send(vec![1])), Polled::new(short.send("x".into())));
    first.assert_pending();
    other.assert_pending();
    block_on(async {
        assert!(cancelled_scope().enter(small.send(vec![1, 2])).await.unwrap_err().is_cancelled());
        assert!(cancelled_scope().enter(small.flush()).await.unwrap_err().is_cancelled());
        assert!(cancelled_scope().enter(small.send_eof()).await.unwrap_err().is_cancelled());
        assert!(cancelled_scope().enter(short.send("a\nb".into())).await.unwrap_err().is_cancelled());
        assert!(cancelled_scope().enter(short.flush()).await.unwrap_err().is_cancelled());
        assert!(cancelled_scope().enter(short.send_eof()).await.unwrap_err().is_cancelled());
    });
}

// H4
#[test]
fn one_task_receives_and_one_sends() {
    let stream = LengthDelimited::new(Script::new([Step::Wait]));
    stream.get_ref().room.store(0, Ordering::SeqCst);
    let (mut receive, mut send) = (Polled::new(stream.receive()), Polled::new(stream.send(vec![1])));
    receive.assert_pending();
    send.assert_pending();
    assert!(block_on(stream.receive()).unwrap_err().is_busy());
    let error = block_on(stream.send(vec![2])).unwrap_err();
    assert!(error.is_busy());
    assert_eq!(error.into_item(), [2]);
    assert!(block_on(stream.flush()).unwrap_err().is_busy());
}

#[test]
fn lines_come_as_they_were_sent() {
    let sender = LineDelimited::new(Script::of(&[]));
    for line in ["one", "", "drei ß", "with\ra return"] {
        block_on(sender.send(line.into())).unwrap();
    }
    let bytes = sender.get_ref().sent();
    assert_eq!(bytes, "one\n\ndrei ß\nwith\ra return\n".as_bytes());
    for size in [1, 2, 7, 1000] {
        let receiver = LineDelimited::new(Script::cut(&bytes, &[size]));
        for line in ["one", "", "drei ß", "with\ra return"] {
            assert_eq!(block_on(receiver.receive()).unwrap(), line);
        }
        assert!(block_on(receiver.receive()).unwrap_err().is_end_of_stream());
    }
}

#[test]
fn what_would_not_come_as_one_line_is_refused() {
    let stream = LineDelimited::with_max(Script::of(&[]), 4);
    assert_eq!(why_refused(block_on(stream.send("a\nb".into()))), FrameError::LineBreak { position: 1 });
    assert_eq!(why_refused(block_on(stream.send("ab\r".into()))), FrameError::LineBreak { position: 2 });
    let error = block_on(stream.send("abcde".into())).unwrap_err();
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidInput);
    block_on(stream.send("abcd".into())).unwrap();
    assert_eq!(stream.get_ref().sent(), b"abcd\n");
}

#[test]
fn a_line_without_end_breaks_the_stream_at_the_limit() {
    let endless = Script::cut(&vec![b'x'; 1_000_000], &[1000]);
    let stream = LineDelimited::with_max(endless, 5000);
    for _ in 0..2 {
        let error = block_on(stream.receive()).unwrap_err();
        assert!(error.is_broken() && error.to_string().contains("no delimiter came within 5000 bytes"), "{error}");
    }
    assert!(stream.into_parts().1.len() < 5000 + 8192);
}

#[test]
fn a_line_that_is_no_text_is_skipped_by_the_error() {
    let stream = LineDelimited::new(Script::of(&[b"a\xff\nb\n"]));
    assert!(block_on(stream.receive()).unwrap_err().is_broken());
    assert_eq!(block_on(stream.receive()).unwrap(), "b");
}

#[test]
fn lines_too_go_out_whole_and_end_with_the_stream() {
    let stream = LineDelimited::new(Script::with_room(2));
    let scope = CancelScope::new();
    let mut send = Polled::new(scope.enter(stream.send("hello".into())));
    send.assert_pending();
    scope.cancel();
    send.assert_ready().unwrap();
    stream.get_ref().room.store(100, Ordering::SeqCst);
    block_on(stream.flush()).unwrap();
    assert_eq!(stream.get_ref().sent(), b"hello\n");
    block_on(stream.send_eof()).unwrap();
    block_on(stream.aclose()).unwrap();
    assert_eq!((stream.get_ref().counts(), stream.extra::<Name>().unwrap()), ([1, 0, 1], "script"));
    stream.close();
}
