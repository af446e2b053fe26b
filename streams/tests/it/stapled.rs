//! Two halves as one stream.

use std::io;

use anyio_cancel_scope::CancelError;
use anyio_streams::{
    AsyncResource, ByteReceiveStream, ByteSendStream, ByteStream, ClosingErrors, DynObjectStream, ObjectStream,
    Stapled, UnreliableObjectReceiveStream, UnreliableObjectSendStream,
};
use anyio_typed_attrs::TypedAttributeExt;
use futures_lite::future::block_on;

use crate::{
    script::{Name, OnlyHere, Script},
    support::{Queue, cancelled_scope, panic_of},
};

fn stapled(jams: [bool; 2]) -> Stapled<Script, Script> {
    let half = |name, chunks: &[&[u8]], fails_to_close| Script { name, fails_to_close, ..Script::of(chunks) };
    Stapled::new(half("send", &[], jams[0]), half("receive", &[b"hello", b"world"], jams[1]))
}

// anyio: tests/streams/test_stapled.py::TestStapledByteStream::test_receive_send
#[test]
fn bytes_come_from_one_half_and_go_to_the_other() {
    let stream = stapled([false; 2]);
    block_on(async {
        let mut buf = [0; 3];
        assert_eq!((stream.receive(&mut buf).await.unwrap(), &buf), (3, b"hel"));
        assert_eq!((stream.receive(&mut buf).await.unwrap(), &buf[..2]), (2, &b"lo"[..]));
        stream.send(b"how are you").await.unwrap();
    });
    assert_eq!(stream.send_half().sent(), b"how are you");
    assert!(stream.receive_half().sent().is_empty());
}

// anyio: tests/streams/test_stapled.py::TestStapledByteStream::test_send_eof
#[test]
fn the_end_of_sending_closes_the_half_that_sends() {
    let stream = stapled([false; 2]);
    block_on(async {
        stream.send_eof().await.unwrap();
        stream.send_eof().await.unwrap();
        assert!(stream.send(b"x").await.unwrap_err().is_closed());
        assert_eq!(stream.receive(&mut [0; 9]).await.unwrap(), 5);
    });
    assert_eq!((stream.send_half().counts(), stream.receive_half().counts()), ([2, 0, 0], [0, 0, 0]));
    let error = block_on(stapled([true, false]).send_eof()).unwrap_err();
    assert!(error.is_broken() && error.to_string().contains("send jams"));
}

// anyio: tests/streams/test_stapled.py::TestStapledByteStream::test_aclose
#[test]
fn both_halves_are_closed_whatever_the_first_one_fails_with() {
    for jams in [[false, false], [true, false], [false, true], [true, true]] {
        let stream = stapled(jams);
        let closed = block_on(stream.aclose());
        assert_eq!((stream.send_half().counts(), stream.receive_half().counts()), ([1, 0, 0], [1, 0, 0]));
        match jams {
            [false, false] => closed.unwrap(),
            [true, true] => {
                let error = closed.unwrap_err();
                assert_eq!(error.to_string(), "2 failed to close: send jams; receive jams");
                let errors: &ClosingErrors = error.get_ref().unwrap().downcast_ref().unwrap();
                assert_eq!(errors.iter().count(), 2);
            }
            [send, _] => {
                let who = if send { "send jams" } else { "receive jams" };
                assert_eq!(closed.unwrap_err().to_string(), who);
            }
        }
    }
    let stream = stapled([false; 2]);
    stream.close();
    assert_eq!((stream.send_half().counts(), stream.receive_half().counts()), ([0, 1, 0], [0, 1, 0]));
}

// H5
#[test]
fn cancelled_closing_closes_both_and_a_failure_is_told_before_the_cancellation() {
    let stream = stapled([false; 2]);
    assert!(block_on(cancelled_scope().enter(stream.aclose())).unwrap_err().is_cancelled());
    assert_eq!((stream.send_half().counts(), stream.receive_half().counts()), ([1, 0, 0], [1, 0, 0]));
    struct Jams;
    impl AsyncResource for Jams {
        async fn aclose(&self) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn close(&self) {}
    }
    let error = block_on(cancelled_scope().enter(Stapled::new(Script::of(&[]), Jams).aclose())).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

// anyio: tests/streams/test_stapled.py::TestStapledByteStream::test_receive_invalid_max_bytes
#[test]
fn an_empty_buffer_is_refused_by_the_half_that_receives() {
    let stream = stapled([false; 2]);
    assert!(panic_of(|| drop(block_on(stream.receive(&mut [])))).contains("is_empty"));
}

// anyio: tests/streams/test_stapled.py::TestStapledObjectStream::test_receive_send
#[test]
fn objects_come_from_one_half_and_go_to_the_other() {
    let (send, receive) = (Queue::<u32>::new(), Queue::<u32>::new());
    let stream = Stapled::new(&send, &receive);
    block_on(async {
        receive.send(1).await.unwrap();
        stream.send(2).await.unwrap();
        assert_eq!((stream.receive().await.unwrap(), send.receive().await.unwrap()), (1, 2));
        let boxed: &dyn DynObjectStream<u32> = &stream;
        boxed.send(3).await.unwrap();
        assert_eq!(send.receive().await.unwrap(), 3);
    });
}

// anyio: tests/streams/test_stapled.py::TestStapledObjectStream::test_send_eof
// anyio: tests/streams/test_stapled.py::TestStapledObjectStream::test_aclose
#[test]
fn object_streams_end_and_close_as_byte_streams_do() {
    let stream = Stapled::new(Queue::<u32>::new(), Queue::<u32>::new());
    block_on(async {
        stream.send_eof().await.unwrap();
        assert!(stream.send(1).await.unwrap_err().is_closed());
        assert_eq!((stream.send_half().counts(), stream.receive_half().counts()), ([1, 0], [0, 0]));
        stream.aclose().await.unwrap();
    });
    let (send, receive) = stream.into_halves();
    assert_eq!((send.counts(), receive.counts()), ([2, 0], [1, 0]));
}

// W7
#[test]
fn attributes_are_those_of_both_and_the_receiving_halfs_count_first() {
    let stream = stapled([false; 2]);
    assert_eq!(stream.extra::<Name>().unwrap(), "receive");
    assert_eq!(stream.extra::<OnlyHere>().unwrap(), "here");
    let turned = Stapled::new(stream.into_halves().1, Script::of(&[]));
    assert_eq!((turned.extra::<Name>().unwrap(), turned.extra::<OnlyHere>().unwrap()), ("script", "here"));
}
