//! Bridges to the traits of others, both ways.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use anyio_cancel_scope::{CancelError, CancelScope};
use anyio_future_contract::Polled;
use anyio_streams::{
    AsyncResource, Buffered, ByteReceiveStream, ByteSendStream, ByteStream, FuturesIo, FuturesSink, FuturesStream,
    IntoByteStream, LengthDelimited, PolledIo, PolledSink, PolledStream, ReceiveError, SocketStream, Stapled, Text,
    UnreliableObjectReceiveStream, UnreliableObjectSendStream,
};
use futures::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, SinkExt, StreamExt, channel::mpsc};
use futures_lite::future::block_on;

use crate::{
    script::{Script, Step},
    support::{Queue, cancelled_scope, panic_of},
};

/// A transport of `futures-io`: it takes so many bytes of each write, waits where it has to, and counts what is done to it.
#[derive(Default)]
struct Transport {
    incoming: Vec<u8>,
    /// Without it, a read of nothing waits.
    ended: bool,
    room: usize,
    log: Arc<Mutex<Vec<String>>>,
    dropped: Arc<AtomicUsize>,
    slow_to_close: bool,
}

impl Transport {
    fn log(&self, what: String) {
        self.log.lock().unwrap().push(what);
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

impl futures::AsyncRead for Transport {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.incoming == b"reset" {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let count = self.incoming.len().min(buf.len());
        if count == 0 && !self.ended {
            return Poll::Pending;
        }
        buf[..count].copy_from_slice(&self.incoming[..count]);
        self.incoming.drain(..count);
        Poll::Ready(Ok(count))
    }
}

impl futures::AsyncWrite for Transport {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if self.room == 0 {
            return Poll::Pending;
        }
        let count = data.len().min(self.room).min(3);
        self.room -= count;
        self.log(format!("{:?}", String::from_utf8_lossy(&data[..count])));
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.log("flush".into());
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.slow_to_close {
            return Poll::Pending;
        }
        self.log("close".into());
        Poll::Ready(Ok(()))
    }
}

type Log = Arc<Mutex<Vec<String>>>;

fn transport(incoming: &[u8], ended: bool, room: usize) -> (FuturesIo<Transport>, Log, Arc<AtomicUsize>) {
    let mut transport = Transport::default();
    (transport.incoming, transport.ended, transport.room) = (incoming.to_vec(), ended, room);
    let (log, dropped) = (transport.log.clone(), transport.dropped.clone());
    (FuturesIo::new(transport), log, dropped)
}

fn seen(log: &Log) -> Vec<String> {
    std::mem::take(&mut log.lock().unwrap())
}

// USERS.md 55
#[test]
fn a_foreign_transport_is_a_byte_stream() {
    let (stream, log, dropped) = transport(b"hello", true, 100);
    block_on(async {
        let mut buf = [0; 3];
        assert_eq!((stream.receive(&mut buf).await.unwrap(), &buf), (3, b"hel"));
        assert_eq!(stream.receive(&mut buf).await.unwrap(), 2);
        assert!(stream.receive(&mut buf).await.unwrap_err().is_end_of_stream());
        stream.send(b"abcde").await.unwrap();
        assert_eq!(seen(&log), [r#""abc""#, r#""de""#, "flush"]);
        stream.send_eof().await.unwrap();
        stream.send_eof().await.unwrap();
        assert!(stream.send(b"x").await.unwrap_err().is_closed());
        assert_eq!(seen(&log), ["close"]);
        stream.aclose().await.unwrap();
        stream.aclose().await.unwrap();
        // It was told already.
        assert!(seen(&log).is_empty());
        assert!(stream.receive(&mut buf).await.unwrap_err().is_closed());
        assert!(stream.send(b"x").await.unwrap_err().is_closed());
    });
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    assert!(stream.into_inner().is_none());
    assert!(panic_of(|| drop(transport(b"", true, 0).0.receive(&mut []))).contains("1 byte at least"));
}

// H6
#[test]
fn its_cancelled_sends_tell_how_much_went_out() {
    let (stream, log, _) = transport(b"", false, 4);
    let scope = CancelScope::new();
    let mut send = Polled::new(scope.enter(stream.send(b"abcdef")));
    send.assert_pending();
    assert!(block_on(stream.send(b"x")).unwrap_err().is_busy());
    scope.cancel();
    assert!(send.is_woken());
    let error = send.assert_ready().unwrap_err();
    assert_eq!((error.sent, error.is_cancelled()), (4, true));
    assert_eq!(seen(&log), [r#""abc""#, r#""d""#]);
    block_on(async {
        assert!(cancelled_scope().enter(stream.receive(&mut [0])).await.unwrap_err().is_cancelled());
        assert!(cancelled_scope().enter(stream.send_eof()).await.unwrap_err().is_cancelled());
    });
    // The end was not told, so it can be.
    block_on(stream.send_eof()).unwrap();
    assert_eq!(seen(&log), ["close"]);
}

// H4, H5
#[test]
fn closing_wakes_who_waits_on_it() {
    for gracefully in [true, false] {
        let (stream, log, dropped) = transport(b"", false, 0);
        let mut buf = [0];
        let (mut receive, mut send) = (Polled::new(stream.receive(&mut buf)), Polled::new(stream.send(b"x")));
        receive.assert_pending();
        send.assert_pending();
        assert!(block_on(stream.receive(&mut [0])).unwrap_err().is_busy());
        if gracefully {
            block_on(stream.aclose()).unwrap();
            assert_eq!(seen(&log), ["close"]);
        } else {
            stream.close();
            assert!(seen(&log).is_empty());
        }
        assert!(receive.is_woken() && send.is_woken());
        assert!(receive.assert_ready().unwrap_err().is_closed());
        assert!(send.assert_ready().unwrap_err().is_closed());
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
    }
}

// H3, H4
#[test]
fn who_is_closed_within_a_character_or_a_frame_has_it_back_and_is_closed() {
    let text = Text::new(transport(b"", false, 1).0);
    let mut send = Polled::new(text.send_str("€"));
    send.assert_pending();
    block_on(text.aclose()).unwrap();
    let error = send.assert_ready().unwrap_err();
    assert_eq!((error.is_closed(), error.into_item()), (true, "€"));
    assert!(block_on(text.send_str("€")).unwrap_err().is_closed());
    let frames = LengthDelimited::new(transport(b"", false, 1).0);
    let mut send = Polled::new(frames.send(vec![7]));
    send.assert_pending();
    block_on(frames.aclose()).unwrap();
    let error = send.assert_ready().unwrap_err();
    assert_eq!((error.is_closed(), error.into_item()), (true, vec![7]));
    assert!(block_on(frames.send(vec![7])).unwrap_err().is_closed());
}

// H5
#[test]
fn cancelled_closing_drops_it() {
    let (stream, log, dropped) = transport(b"", false, 0);
    assert!(block_on(cancelled_scope().enter(stream.aclose())).unwrap_err().is_cancelled());
    assert_eq!((seen(&log).len(), dropped.load(Ordering::SeqCst)), (0, 1));
    let mut slow = Transport::default();
    slow.slow_to_close = true;
    let dropped = slow.dropped.clone();
    let stream = FuturesIo::new(slow);
    let scope = CancelScope::new();
    let mut close = Polled::new(scope.enter(stream.aclose()));
    close.assert_pending();
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    // Others see it closed meanwhile.
    assert!(block_on(stream.receive(&mut [0])).unwrap_err().is_closed());
    scope.cancel();
    assert!(close.assert_ready().unwrap_err().is_cancelled());
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

// H4, H5
#[test]
fn who_closes_it_gracefully_is_told_when_it_is_closed_at_once() {
    let mut slow = Transport::default();
    slow.slow_to_close = true;
    let stream = FuturesIo::new(slow);
    let mut close = Polled::new(stream.aclose());
    close.assert_pending();
    stream.close();
    assert!(close.is_woken());
    close.assert_ready().unwrap();
}

#[test]
fn its_errors_are_those_of_a_broken_stream() {
    let (stream, ..) = transport(b"reset", true, 0);
    let error = block_on(stream.receive(&mut [0; 9])).unwrap_err();
    assert!(error.is_broken());
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::ConnectionReset);
    fn socket(_: &impl SocketStream) {}
    socket(&stream);
}

// H6
#[test]
fn a_transport_that_takes_nothing_more_has_broken() {
    let full = FuturesIo::writer(futures::io::Cursor::new(vec![0; 2].into_boxed_slice()));
    let error = block_on(full.send(b"abc")).unwrap_err();
    assert_eq!((error.sent, error.is_broken()), (2, true));
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::WriteZero);
}

#[test]
fn halves_are_bridged_alone() {
    let reader = FuturesIo::reader(&b"abc"[..]);
    let writer = FuturesIo::writer(Vec::new());
    block_on(async {
        assert_eq!(Buffered::new(reader).receive_exactly(3).await.unwrap(), b"abc");
        writer.send(b"def").await.unwrap();
    });
    assert_eq!(writer.into_inner().unwrap(), b"def");
}

#[test]
fn a_stream_of_ours_has_the_traits_of_futures_io() {
    let script = Arc::new(Script::of(&[b"one\ntw", b"o\nthree"]));
    let mut io = PolledIo::new(script.clone());
    block_on(async {
        let mut line = String::new();
        io.read_line(&mut line).await.unwrap();
        io.read_line(&mut line).await.unwrap();
        assert_eq!(line, "one\ntwo\n");
        let mut rest = Vec::new();
        io.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"three");
        assert_eq!(io.read(&mut []).await.unwrap(), 0);
        io.write_all(b"hello").await.unwrap();
        io.flush().await.unwrap();
        io.close().await.unwrap();
        io.close().await.unwrap();
    });
    assert_eq!((script.sent(), script.counts()), (b"hello".to_vec(), [0, 0, 2]));
    assert!(format!("{io:?}").contains("sends: false"));
}

#[test]
fn what_was_accepted_goes_out_though_it_had_to_wait() {
    let script = Arc::new(Script::with_room(2));
    let mut io = PolledIo::new(script.clone());
    let scope = CancelScope::new();
    block_on(async {
        // Accepted, though it waits.
        assert_eq!(io.write(b"hello").await.unwrap(), 5);
    });
    let mut flush = Polled::new(scope.enter(io.flush()));
    flush.assert_pending();
    scope.cancel();
    assert!(flush.assert_ready().unwrap_err().is_cancelled());
    drop(flush);
    script.room.store(100, Ordering::SeqCst);
    block_on(io.write_all(b" world")).unwrap();
    block_on(io.flush()).unwrap();
    assert_eq!(script.sent(), b"hello world");
}

// H6
#[test]
fn when_what_was_accepted_is_lost_writing_has_failed_for_good() {
    let script = Arc::new(Script::with_room(2));
    let mut io = PolledIo::new(script.clone());
    block_on(async {
        // It waits for room, and is accepted so. Then the stream breaks.
        assert_eq!(io.write(b"hello").await.unwrap(), 5);
        let mut flush = Polled::new(io.flush());
        flush.assert_pending();
    });
    script.breaks.store(true, Ordering::SeqCst);
    // The send that waits is cancelled, and the rest of it meets the break.
    let scope = CancelScope::new();
    let mut flush = Polled::new(scope.enter(io.flush()));
    flush.assert_pending();
    scope.cancel();
    assert!(flush.assert_ready().unwrap_err().is_cancelled());
    drop(flush);
    let error = block_on(io.flush()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    // Though the stream came to life again.
    script.room.store(100, Ordering::SeqCst);
    block_on(async {
        for error in [
            io.flush().await.unwrap_err(),
            io.write(b"x").await.unwrap_err(),
            io.close().await.unwrap_err(),
            io.flush().await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
            assert!(error.to_string().contains("what was written before could not be sent"), "{error}");
        }
        assert_eq!(io.read(&mut [0; 9]).await.unwrap(), 0);
    });
    assert_eq!((script.sent(), script.counts()), (b"he".to_vec(), [0, 0, 0]));
}

// H6
#[test]
fn a_write_of_which_some_went_out_leaves_its_error_to_the_next() {
    let script = Arc::new(Script::with_room(2));
    script.breaks.store(true, Ordering::SeqCst);
    let mut io = PolledIo::new(script.clone());
    block_on(async {
        assert_eq!(io.write(b"hello").await.unwrap(), 2);
        assert_eq!(io.flush().await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
        // Nothing that was accepted is lost, so whoever writes may try again.
        script.room.store(100, Ordering::SeqCst);
        assert_eq!(io.write(b"llo").await.unwrap(), 3);
        io.flush().await.unwrap();
    });
    assert_eq!(script.sent(), b"hello");
}

// H4
#[test]
fn what_was_accepted_waits_while_another_task_sends() {
    let (stream, log, _) = transport(b"", false, 1);
    let stream = Arc::new(stream);
    let mut io = PolledIo::new(stream.clone());
    assert_eq!(block_on(io.write(b"hello")).unwrap(), 5);
    assert!(block_on(cancelled_scope().enter(io.flush())).unwrap_err().is_cancelled());
    assert_eq!(seen(&log), [r#""h""#]);
    let mut other = Polled::new(stream.send(b"+"));
    other.assert_pending();
    assert_eq!(block_on(io.flush()).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
    drop(other);
    // It waits for room, as all of it is still there.
    Polled::new(io.flush()).assert_pending();
    assert!(format!("{io:?}").contains("sends: true"));
}

#[test]
fn in_a_cancelled_scope_a_write_accepts_nothing_and_a_read_takes_nothing() {
    let script = Arc::new(Script::of(&[b"abc"]));
    let mut io = PolledIo::new(script.clone());
    block_on(async {
        assert!(cancelled_scope().enter(io.write(b"x")).await.unwrap_err().is_cancelled());
        assert!(cancelled_scope().enter(io.read(&mut [0; 9])).await.unwrap_err().is_cancelled());
        io.write_all(b"y").await.unwrap();
        let mut text = String::new();
        io.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "abc");
    });
    assert_eq!(script.sent(), b"y");
}

#[test]
fn a_read_that_was_begun_is_gone_on_with() {
    let script = Arc::new(Script::new([Step::Wait]));
    let mut io = PolledIo::new(script.clone());
    let mut buf = [0; 8];
    let mut read = Polled::new(io.read(&mut buf));
    read.assert_pending();
    drop(read);
    // The same receive waits on.
    let mut read = Polled::new(io.read(&mut buf));
    read.assert_pending();
    drop(read);
    script.close();
    let scope = cancelled_scope();
    assert!(block_on(scope.enter(io.read(&mut buf))).unwrap_err().is_cancelled());
}

#[test]
fn there_and_back_again_is_the_same() {
    let script = Arc::new(Script::of(&[b"hello"]));
    let stream = FuturesIo::new(PolledIo::new(FuturesIo::new(PolledIo::new(script.clone()))));
    block_on(async {
        let mut buf = [0; 9];
        assert_eq!(stream.receive(&mut buf).await.unwrap(), 5);
        stream.send(&[7; 50_000]).await.unwrap();
        stream.send_eof().await.unwrap();
        assert!(stream.receive(&mut buf).await.unwrap_err().is_end_of_stream());
    });
    assert_eq!((script.sent().len(), script.counts()[2]), (50_000, 1));
}

#[test]
fn a_stream_of_others_is_received_from() {
    let (send, receive) = mpsc::unbounded();
    let stream = FuturesStream::new(receive);
    block_on(async {
        send.unbounded_send(1).unwrap();
        assert_eq!(stream.receive().await.unwrap(), 1);
        assert!(cancelled_scope().enter(stream.receive()).await.unwrap_err().is_cancelled());
    });
    let scope = CancelScope::new();
    let mut wait = Polled::new(scope.enter(stream.receive()));
    wait.assert_pending();
    assert!(block_on(stream.receive()).unwrap_err().is_busy());
    scope.cancel();
    assert!(wait.assert_ready().unwrap_err().is_cancelled());
    let mut wait = Polled::new(stream.receive());
    wait.assert_pending();
    stream.close();
    assert!(wait.is_woken());
    assert!(wait.assert_ready().unwrap_err().is_closed());
    assert!(send.is_closed());
    // At its end it is not polled again.
    let once = FuturesStream::new(futures::stream::iter([1]).chain(futures::stream::once(Box::pin(async { 2 }))));
    block_on(async {
        assert_eq!((once.receive().await.unwrap(), once.receive().await.unwrap()), (1, 2));
        assert!(once.receive().await.unwrap_err().is_end_of_stream());
        assert!(once.receive().await.unwrap_err().is_end_of_stream());
        once.aclose().await.unwrap();
        assert!(once.receive().await.unwrap_err().is_closed());
    });
}

#[test]
fn a_sink_of_others_is_sent_to() {
    let (send, mut receive) = mpsc::channel(1);
    let sink = FuturesSink::new(send);
    block_on(sink.send("one")).unwrap();
    // Accepted, so it is sent, though the flush waits for room and is cancelled.
    let scope = CancelScope::new();
    let mut wait = Polled::new(scope.enter(sink.send("two")));
    wait.assert_pending();
    let busy = block_on(sink.send("three")).unwrap_err();
    assert_eq!((busy.is_busy(), busy.into_item()), (true, "three"));
    scope.cancel();
    wait.assert_ready().unwrap();
    drop(wait);
    // Not accepted, so it comes back.
    let scope = CancelScope::new();
    let mut wait = Polled::new(scope.enter(sink.send("three")));
    wait.assert_pending();
    scope.cancel();
    assert_eq!(wait.assert_ready().unwrap_err().into_item(), "three");
    drop(wait);
    assert_eq!(block_on(receive.next()), Some("one"));
    assert_eq!(block_on(receive.next()), Some("two"));
    block_on(sink.send("four")).unwrap();
    assert_eq!(block_on(receive.next()), Some("four"));
    drop(receive);
    let broken = block_on(sink.send("five")).unwrap_err();
    assert_eq!((broken.is_broken(), broken.into_item()), (true, "five"));
    block_on(sink.aclose()).unwrap();
    block_on(sink.aclose()).unwrap();
    assert!(block_on(sink.send("six")).unwrap_err().is_closed());
}

#[test]
fn object_streams_of_ours_are_streams_and_sinks() {
    let queue = Arc::new(Queue::<u32>::new());
    let mut sink = PolledSink::new(queue.clone());
    let stream = PolledStream::new(queue.clone());
    let doubled = block_on(async {
        sink.send_all(&mut futures::stream::iter((0..5).map(Ok))).await.unwrap();
        stream.map(|number| 2 * number.unwrap()).collect::<Vec<_>>().await
    });
    assert_eq!(doubled, [0, 2, 4, 6, 8]);
    queue.close();
    assert_eq!(block_on(sink.send(7)).unwrap_err().into_item(), 7);
    assert!(
        panic_of(|| {
            let mut sink = PolledSink::new(Queue::<u32>::new());
            sink.start_send_unpin(1).unwrap();
            drop(sink.start_send_unpin(2));
        })
        .contains("wait until the sink is ready")
    );
}

#[test]
fn a_polled_stream_gives_an_error_once_and_a_cancellation_once_a_scope() {
    let queue = Arc::new(Queue::<u32>::new());
    block_on(queue.send(1)).unwrap();
    let mut stream = PolledStream::new(queue.clone());
    block_on(async {
        assert!(cancelled_scope().enter(stream.next()).await.unwrap().unwrap_err().is_cancelled());
        assert!(cancelled_scope().enter(stream.next()).await.is_none());
        assert!(cancelled_scope().enter(stream.next()).await.is_none());
        assert_eq!(stream.next().await.unwrap().unwrap(), 1);
        queue.close();
        assert!(matches!(stream.next().await, Some(Err(ReceiveError::Closed))));
        assert!(stream.next().await.is_none());
        assert!(stream.next().await.is_none());
    });
}

// H4
#[test]
fn objects_of_bytes_take_one_sender_at_a_time() {
    // Full, so that a send waits.
    let (send, _receive) = mpsc::channel(0);
    let stream = Stapled::new(FuturesSink::new(send), Queue::<Vec<u8>>::new()).into_byte_stream();
    let mut first = Polled::new(stream.send(b"a"));
    first.assert_pending();
    let error = block_on(stream.send(b"b")).unwrap_err();
    assert_eq!((error.sent, error.is_busy()), (0, true));
    assert!(block_on(cancelled_scope().enter(stream.send(b"b"))).unwrap_err().is_cancelled());
    assert!(block_on(stream.send_eof()).unwrap_err().is_busy());
    drop(first);
    block_on(stream.send_eof()).unwrap();
}

// S5
#[test]
fn objects_of_bytes_are_a_byte_stream() {
    let queue = Queue::<Vec<u8>>::new();
    block_on(async {
        for item in [&b"abc"[..], b"", b"de"] {
            queue.send(item.to_vec()).await.unwrap();
        }
        let stream = (&queue).into_byte_stream();
        let mut buf = [0; 2];
        assert_eq!((stream.receive(&mut buf).await.unwrap(), &buf), (2, b"ab"));
        assert!(cancelled_scope().enter(stream.receive(&mut buf)).await.unwrap_err().is_cancelled());
        assert_eq!((stream.receive(&mut buf).await.unwrap(), buf[0]), (1, b'c'));
        // The empty one says nothing.
        assert_eq!((stream.receive(&mut buf).await.unwrap(), &buf), (2, b"de"));
        assert!(stream.receive(&mut buf).await.unwrap_err().is_end_of_stream());
        stream.send(b"xyz").await.unwrap();
        assert_eq!(stream.receive(&mut buf).await.unwrap(), 2);
        assert_eq!(stream.into_parts().1, b"z");
        let stream = (&queue).into_byte_stream();
        stream.send_eof().await.unwrap();
        assert_eq!(queue.ended(), 1);
        stream.close();
        assert!(stream.receive(&mut buf).await.unwrap_err().is_closed());
        let error = stream.send(b"x").await.unwrap_err();
        assert_eq!((error.sent, error.is_closed()), (0, true));
        assert!(stream.send_eof().await.unwrap_err().is_closed());
    });
}
