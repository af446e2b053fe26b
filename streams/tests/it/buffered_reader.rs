//! Several reads of a buffered stream by one claim.

use anyio_cancel_scope::CancelScope;
use anyio_future_contract::Polled;
use anyio_streams::{AsyncResource, Buffered, BufferedError, ByteReceiveStream};
use futures_lite::future::block_on;

use crate::{
    script::{Script, Step},
    support::{cancelled_scope, panic_of},
};

#[test]
fn it_reads_as_the_buffered_stream_does() {
    for size in [1, 2, 7, 100] {
        let stream = Buffered::new(Script::cut(b"abcdefgh\r\nline\r\n--x--\nrest", &[size]));
        let mut reader = stream.reader().unwrap();
        block_on(async {
            assert_eq!(reader.receive_exactly(2).await.unwrap(), b"ab");
            let mut buf = [0; 3];
            reader.receive_exactly_into(&mut buf).await.unwrap();
            assert_eq!(&buf, b"cde");
            assert_eq!(reader.receive_until(b"\r\n", 3).await.unwrap(), b"fgh");
            assert_eq!(reader.receive_line(5).await.unwrap().unwrap(), "line");
            let mut to = b">".to_vec();
            assert_eq!(reader.receive_until_inclusive(b"--\n", 3, &mut to).await.unwrap(), 6);
            assert_eq!(to, b">--x--\n");
            let error = reader.receive_exactly(5).await.unwrap_err();
            assert!(matches!(error, BufferedError::IncompleteRead { buffered: 4, wanted: Some(5) }), "{error:?}");
            assert_eq!(reader.buffer(), b"rest");
            assert_eq!(reader.receive_line(4).await.unwrap().unwrap(), "rest");
            assert_eq!(reader.receive_line(4).await.unwrap(), None);
        });
    }
    let stream = Buffered::new(Script::of(&[]));
    let mut reader = stream.reader().unwrap();
    assert!(panic_of(|| drop(reader.receive_until(b"", 3))).contains("an empty delimiter is everywhere"));
    assert!(format!("{reader:?}").contains("buffered: 0"));
}

// H4
#[test]
fn others_are_busy_until_it_is_dropped() {
    let stream = Buffered::new(Script::of(&[b"abcd"]));
    let mut reader = stream.reader().unwrap();
    block_on(async {
        assert_eq!(reader.receive_exactly(1).await.unwrap(), b"a");
        assert!(stream.receive_exactly(1).await.unwrap_err().is_busy());
        assert!(stream.receive(&mut [0]).await.unwrap_err().is_busy());
    });
    assert!(stream.reader().unwrap_err().is_busy());
    assert!(stream.feed_data(b"x").unwrap_err().is_busy());
    drop(reader);
    assert_eq!(block_on(stream.receive_exactly(3)).unwrap(), b"bcd");
}

// H4
#[test]
fn it_is_told_of_the_closing() {
    let stream = Buffered::new(Script::of(&[b"abcd"]));
    let mut reader = stream.reader().unwrap();
    assert_eq!(block_on(reader.receive_exactly(1)).unwrap(), b"a");
    stream.close();
    // Also where it would find all in the buffer.
    assert!(block_on(reader.receive_exactly(1)).unwrap_err().is_closed());
    assert!(block_on(reader.receive_line(9)).unwrap_err().is_closed());
    drop(reader);
    assert!(stream.reader().unwrap_err().is_closed());
}

// R3, R4, H6
#[test]
fn its_cancelled_reads_leave_what_they_have() {
    let stream = Buffered::new(Script::new([Step::Chunk(b"ab".to_vec()), Step::Wait, Step::Chunk(b"cd".to_vec())]));
    let mut reader = stream.reader().unwrap();
    assert!(block_on(cancelled_scope().enter(reader.receive_exactly(1))).unwrap_err().is_cancelled());
    assert!(reader.buffer().is_empty());
    let scope = CancelScope::new();
    let mut read = Polled::new(scope.enter(reader.receive_exactly(3)));
    read.assert_pending();
    scope.cancel();
    assert!(read.assert_ready().unwrap_err().is_cancelled());
    drop(read);
    assert_eq!(reader.buffer(), b"ab");
    assert_eq!(block_on(reader.receive_exactly(4)).unwrap(), b"abcd");
}
