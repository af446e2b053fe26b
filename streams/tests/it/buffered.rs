//! Reads through a buffer.

use std::{error::Error, io, sync::atomic::Ordering};

use anyio_cancel_scope::{CancelError, CancelScope};
use anyio_future_contract::Polled;
use anyio_streams::{
    AsyncResource, Buffered, BufferedError, ByteReceiveStream, ByteSendStream, ByteStream, DynSocketStream,
    ReceiveError,
};
use anyio_typed_attrs::TypedAttributeExt;
use futures_lite::future::block_on;

use crate::{
    script::{Name, Script, Step},
    support::{cancelled_scope, panic_of},
};

fn buffered(chunks: &[&[u8]]) -> Buffered<Script> {
    Buffered::new(Script::of(chunks))
}

fn incomplete<T: std::fmt::Debug>(read: Result<T, BufferedError>) -> (usize, Option<usize>) {
    match read.unwrap_err() {
        BufferedError::IncompleteRead { buffered, wanted } => (buffered, wanted),
        other => panic!("{other:?}"),
    }
}

// anyio: tests/streams/test_buffered.py::test_receive_exactly
#[test]
fn exactly_so_many_bytes_are_received_from_any_chunks() {
    let stream = buffered(&[b"abcd", b"efgh"]);
    block_on(async {
        assert_eq!(stream.receive_exactly(8).await.unwrap(), b"abcdefgh");
        assert_eq!(stream.receive_exactly(0).await.unwrap(), b"");
    });
    let stream = buffered(&[b"abcd", b"efgh"]);
    let mut buf = [0; 3];
    block_on(stream.receive_exactly_into(&mut buf)).unwrap();
    assert_eq!((&buf, stream.buffer().unwrap()), (b"abc", b"d".to_vec()));
}

// anyio: tests/streams/test_buffered.py::test_receive_exactly_incomplete
#[test]
fn an_end_before_the_last_byte_is_told_and_leaves_what_came() {
    let stream = buffered(&[b"abcd"]);
    block_on(async {
        assert_eq!(incomplete(stream.receive_exactly(8).await), (4, Some(8)));
        assert_eq!(incomplete(stream.receive_exactly_into(&mut [0; 5]).await), (4, Some(5)));
        assert_eq!(stream.receive_exactly(4).await.unwrap(), b"abcd");
        let end = stream.receive_exactly(1).await.unwrap_err();
        assert!(end.is_end_of_stream());
        assert_eq!(end.to_string(), "the stream ended after 0 of 1 bytes");
    });
}

// anyio: tests/streams/test_buffered.py::test_receive_until
#[test]
fn what_comes_before_a_delimiter_is_received() {
    let stream = buffered(&[b"abcd", b"efgh"]);
    block_on(async {
        assert_eq!(stream.receive_until(b"de", 10).await.unwrap(), b"abc");
        assert_eq!(stream.receive_until(b"h", 10).await.unwrap(), b"fg");
    });
}

// anyio: tests/streams/test_buffered.py::test_receive_until_incomplete
#[test]
fn an_end_before_the_delimiter_is_told_and_leaves_what_came() {
    let stream = buffered(&[b"abcd"]);
    block_on(async {
        assert_eq!(incomplete(stream.receive_until(b"de", 10).await), (4, None));
        assert_eq!(stream.buffer().unwrap(), b"abcd");
    });
}

// anyio: tests/streams/test_buffered.py::test_buffered_stream
#[test]
fn it_is_a_stream_with_the_directions_of_the_one_inside() {
    let stream = buffered(&[b"abcd", b"efgh"]);
    block_on(async {
        let mut buf = [0; 2];
        assert_eq!((stream.receive(&mut buf).await.unwrap(), &buf), (2, b"ab"));
        // From the buffer first, though there is more in the stream.
        let mut buf = [0; 100];
        assert_eq!((stream.receive(&mut buf).await.unwrap(), &buf[..2]), (2, &b"cd"[..]));
        stream.send(b"hello").await.unwrap();
        stream.send_eof().await.unwrap();
        stream.aclose().await.unwrap();
    });
    assert_eq!((stream.get_ref().sent(), stream.get_ref().counts()), (b"hello".to_vec(), [1, 0, 1]));
}

// anyio: tests/streams/test_buffered.py::test_feed_data
#[test]
fn data_that_is_fed_comes_before_what_is_in_the_stream() {
    let stream = buffered(&[b"cd"]);
    stream.feed_data(b"a").unwrap();
    stream.feed_data(b"b").unwrap();
    assert_eq!(block_on(stream.receive_exactly(4)).unwrap(), b"abcd");
}

// anyio: tests/streams/test_buffered.py::test_receive_invalid_max_bytes
// anyio: tests/streams/test_buffered.py::test_buffered_stream_receive_invalid_max_bytes
#[test]
fn mistakes_are_told_with_their_cure() {
    let stream = buffered(&[b"x"]);
    assert!(panic_of(|| drop(stream.receive(&mut []))).contains("give it room for 1 byte at least"));
    assert!(panic_of(|| drop(stream.receive_until(b"", 9))).contains("give one of 1 byte at least"));
    assert!(panic_of(|| drop(stream.receive_until_inclusive(b"", 9, &mut Vec::new()))).contains("empty delimiter"));
    assert!(panic_of(|| drop(Buffered::with_capacity(0, Script::of(&[])))).contains("give it 1 byte at least"));
}

#[test]
fn the_limit_before_a_delimiter_is_exact_however_the_bytes_are_cut() {
    // AnyIO#1340: `abcde!` passed a limit of 3 there when it came in one chunk.
    for sizes in [&[1][..], &[2], &[3], &[4], &[5], &[6], &[1, 4], &[5, 1]] {
        for delimiter in [&b"!"[..], b"!?"] {
            let text = [b"abcde", delimiter].concat();
            let read = |max| {
                let stream = Buffered::new(Script::cut(&text, sizes));
                (block_on(stream.receive_until(delimiter, max)), stream.buffer().unwrap())
            };
            assert_eq!(read(5).0.unwrap(), b"abcde");
            let (refused, left) = read(4);
            assert!(matches!(refused, Err(BufferedError::DelimiterNotFound { max_bytes: 4 })), "{refused:?}");
            assert!(left.starts_with(b"abcde"), "{left:?}");
        }
    }
    let stream = buffered(&[b"!x!"]);
    block_on(async {
        assert_eq!(stream.receive_until(b"!", 0).await.unwrap(), b"");
        let error = stream.receive_until(b"!", 0).await.unwrap_err();
        assert_eq!(error.to_string(), "no delimiter came within 0 bytes");
        assert_eq!(stream.receive_until(b"!", usize::MAX).await.unwrap(), b"x");
    });
}

#[test]
fn the_delimiter_can_be_included_and_appended() {
    let stream = buffered(&[b"one\r", b"\ntwo\r\nthr"]);
    let mut all = b"> ".to_vec();
    block_on(async {
        assert_eq!(stream.receive_until_inclusive(b"\r\n", 3, &mut all).await.unwrap(), 5);
        assert_eq!(stream.receive_until_inclusive(b"\r\n", 3, &mut all).await.unwrap(), 5);
        assert_eq!(incomplete(stream.receive_until_inclusive(b"\r\n", 3, &mut all).await), (3, None));
    });
    assert_eq!(all, b"> one\r\ntwo\r\n");
}

#[test]
fn lines_end_with_their_feeds_and_with_the_stream() {
    let stream = buffered(&[b"one\r\n\nth", b"ree\rfour\n", b"last"]);
    block_on(async {
        let mut lines = Vec::new();
        while let Some(line) = stream.receive_line(20).await.unwrap() {
            lines.push(line);
        }
        assert_eq!(lines, ["one", "", "three\rfour", "last"]);
        assert_eq!(stream.receive_line(20).await.unwrap(), None);
    });
}

#[test]
fn a_line_that_is_no_text_comes_back_and_the_next_one_is_read() {
    let stream = buffered(&[b"a\xff\nb\n"]);
    block_on(async {
        let error = stream.receive_line(20).await.unwrap_err();
        assert_eq!(io::ErrorKind::InvalidData, io::Error::from(stream_error()).kind());
        let BufferedError::NotText(bytes) = error else { panic!("{error:?}") };
        assert_eq!(bytes.into_bytes(), b"a\xff");
        assert_eq!(stream.receive_line(20).await.unwrap().unwrap(), "b");
    });
    fn stream_error() -> BufferedError {
        BufferedError::NotText(String::from_utf8(vec![0xff]).unwrap_err())
    }
}

#[test]
fn the_last_line_has_a_limit_too() {
    let stream = buffered(&[b"abc"]);
    block_on(async {
        let error = stream.receive_line(2).await.unwrap_err();
        assert!(matches!(error, BufferedError::DelimiterNotFound { max_bytes: 2 }), "{error:?}");
        assert_eq!(stream.receive_line(3).await.unwrap().unwrap(), "abc");
    });
}

// H6
#[test]
fn a_cancelled_or_dropped_read_leaves_what_it_has_in_the_buffer() {
    let steps = [
        Step::Chunk(b"ab".to_vec()),
        Step::Wait,
        Step::Chunk(b"cd".to_vec()),
        Step::Wait,
        Step::Chunk(b"e\n".to_vec()),
    ];
    let stream = Buffered::new(Script::new(steps));
    let scope = CancelScope::new();
    let mut read = Polled::new(scope.enter(stream.receive_exactly(5)));
    read.assert_pending();
    scope.cancel();
    assert!(read.is_woken());
    let error = read.assert_ready().unwrap_err();
    assert!(error.is_cancelled() && CancelError::is_cancelled(&error));
    assert!(io::Error::from(error).is_cancelled());
    assert_eq!(stream.buffer().unwrap(), b"ab");
    let mut read = Polled::new(stream.receive_until(b"\n", 9));
    read.assert_pending();
    drop(read);
    assert_eq!(stream.buffer().unwrap(), b"abcd");
    assert_eq!(block_on(stream.receive_line(9)).unwrap().unwrap(), "abcde");
}

// R4
#[test]
fn in_a_cancelled_scope_nothing_is_read_though_it_is_in_the_buffer() {
    let stream = buffered(&[]);
    stream.feed_data(b"abc\n").unwrap();
    let scope = || cancelled_scope();
    block_on(async {
        assert!(scope().enter(stream.receive_exactly(1)).await.unwrap_err().is_cancelled());
        assert!(scope().enter(stream.receive_until(b"\n", 9)).await.unwrap_err().is_cancelled());
        assert!(scope().enter(stream.receive_line(9)).await.unwrap_err().is_cancelled());
        assert!(scope().enter(stream.receive(&mut [0])).await.unwrap_err().is_cancelled());
        assert!(scope().enter(stream.receive_exactly_into(&mut [0])).await.unwrap_err().is_cancelled());
    });
    assert_eq!(stream.buffer().unwrap(), b"abc\n");
}

// H4
#[test]
fn one_task_reads_at_a_time() {
    let stream = Buffered::new(Script::new([Step::Wait]));
    let mut read = Polled::new(stream.receive_exactly(1));
    read.assert_pending();
    block_on(async {
        assert!(stream.receive_exactly(1).await.unwrap_err().is_busy());
        assert!(stream.receive_line(1).await.unwrap_err().is_busy());
        assert!(stream.receive(&mut [0]).await.unwrap_err().is_busy());
        assert!(stream.feed_data(b"x").unwrap_err().is_busy());
        assert!(stream.buffer().unwrap_err().is_busy());
        // While another one sends.
        stream.send(b"x").await.unwrap();
    });
    assert!(format!("{:?}", Buffered::new(1)).contains("buffered: Some(0)"));
    drop(read);
    stream.feed_data(b"x").unwrap();
    assert_eq!(block_on(stream.receive_exactly(1)).unwrap(), b"x");
}

// H4
#[test]
fn after_closing_it_is_closed_also_with_something_in_the_buffer() {
    for gracefully in [true, false] {
        let stream = buffered(&[b"x"]);
        stream.feed_data(b"abc\n").unwrap();
        block_on(async {
            if gracefully {
                stream.aclose().await.unwrap();
            } else {
                stream.close();
            }
            assert!(stream.receive_line(9).await.unwrap_err().is_closed());
            assert!(stream.receive(&mut [0]).await.unwrap_err().is_closed());
            assert!(stream.feed_data(b"x").unwrap_err().is_closed());
        });
        assert_eq!(stream.into_parts().1, b"abc\n");
    }
}

#[test]
fn a_broken_stream_is_told_with_its_source_and_what_came_before_it_is_there() {
    let stream = Buffered::new(Script::new([Step::Chunk(b"ab".to_vec()), Step::Broken]));
    let error = block_on(stream.receive_exactly(3)).unwrap_err();
    assert!(error.is_broken());
    assert_eq!(error.source().unwrap().downcast_ref::<io::Error>().unwrap().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(stream.buffer().unwrap(), b"ab");
}

#[test]
fn each_error_has_its_kind_and_becomes_one_of_receiving() {
    let kind = |error: BufferedError| io::Error::from(error).kind();
    assert_eq!(kind(ReceiveError::EndOfStream.into()), io::ErrorKind::UnexpectedEof);
    assert_eq!(kind(BufferedError::IncompleteRead { buffered: 1, wanted: None }), io::ErrorKind::UnexpectedEof);
    assert_eq!(kind(BufferedError::DelimiterNotFound { max_bytes: 1 }), io::ErrorKind::InvalidData);
    assert!(ReceiveError::from(BufferedError::from(ReceiveError::Closed)).is_closed());
    assert!(ReceiveError::from(BufferedError::DelimiterNotFound { max_bytes: 1 }).is_broken());
}

#[test]
fn a_large_read_goes_around_the_buffer() {
    let stream = Buffered::with_capacity(4, Script::of(&[b"abcdefgh"]));
    let mut buf = [0; 8];
    assert_eq!(block_on(stream.receive(&mut buf)).unwrap(), 8);
    assert_eq!(stream.get_ref().most_asked.load(Ordering::SeqCst), 8);
    assert!(stream.buffer().unwrap().is_empty());
}

#[test]
fn memory_is_taken_for_what_came_not_for_what_was_asked() {
    // A peer's length of 4 GiB, and a line that never ends.
    let stream = Buffered::with_capacity(16, Script::cut(&[7; 100], &[16]));
    assert_eq!(incomplete(block_on(stream.receive_exactly(1 << 32))), (100, Some(1 << 32)));
    assert!(stream.get_ref().most_asked.load(Ordering::SeqCst) <= 256);
    let stream = Buffered::with_capacity(16, Script::cut(&[7; 10_000], &[16]));
    assert!(block_on(stream.receive_line(50)).is_err());
    assert!(stream.get_ref().most_asked.load(Ordering::SeqCst) <= 128);
    assert!(stream.buffer().unwrap().len() <= 51 + 128);
}

// USERS.md 56
#[test]
fn attributes_of_the_stream_inside_are_found_through_it() {
    let boxed: Box<dyn DynSocketStream> = Box::new(Buffered::new(Buffered::new(Script::of(&[b"x\n"]))));
    assert_eq!(boxed.extra::<Name>().unwrap(), "script");
    let stream = Buffered::new(boxed);
    assert_eq!(stream.extra::<Name>().unwrap(), "script");
    assert_eq!(block_on(stream.receive_line(9)).unwrap().unwrap(), "x");
}

#[test]
fn no_receive_is_small_because_the_last_one_left_little_room() {
    let stream = Buffered::with_capacity(8, Script::of(&[b"abcdefg", b"h"]));
    block_on(async {
        assert_eq!(stream.receive_exactly(6).await.unwrap(), b"abcdef");
        // One byte is left, and one is wanted.
        assert_eq!(stream.receive_exactly(2).await.unwrap(), b"gh");
    });
    assert!(stream.get_ref().least_asked.load(Ordering::SeqCst) >= 4);
}
