//! Streams that fail, and sinks that keep what they accepted, as object streams.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use anyio_cancel_scope::{BoxError, CancelError, CancelScope};
use anyio_future_contract::Polled;
use anyio_streams::{
    AsyncResource, FuturesSink, FuturesStream, PolledStream, ReceiveError, UnreliableObjectReceiveStream,
    UnreliableObjectSendStream,
};
use futures::{Sink, StreamExt, channel::mpsc, stream};
use futures_lite::future::block_on;

use crate::support::{Queue, cancelled, cancelled_scope};

#[test]
fn an_error_of_a_stream_is_one_of_receiving_with_itself_as_the_source() {
    let items = [Ok(1), Err(io::Error::from(io::ErrorKind::ConnectionReset)), Ok(2)];
    let numbers = FuturesStream::fallible(stream::iter(items));
    block_on(async {
        assert_eq!(numbers.receive().await.unwrap(), 1);
        let error = numbers.receive().await.unwrap_err();
        let ReceiveError::Broken(source) = &error else { panic!("{error:?}") };
        assert_eq!(source.downcast_ref::<io::Error>().unwrap().kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::ConnectionReset);
        // Once: what follows is up to the stream.
        assert_eq!(numbers.receive().await.unwrap(), 2);
        assert!(numbers.receive().await.unwrap_err().is_end_of_stream());
    });
    assert!(format!("{numbers:?}").starts_with("FuturesStream"));
}

#[test]
fn an_error_of_ours_comes_through_a_stream_as_it_is() {
    let queue = Arc::new(Queue::<u32>::new());
    let back = FuturesStream::fallible(PolledStream::new(queue.clone()));
    block_on(async {
        queue.send(7).await.unwrap();
        assert_eq!(back.receive().await.unwrap(), 7);
        queue.close();
        assert!(back.receive().await.unwrap_err().is_closed());
        assert!(back.receive().await.unwrap_err().is_end_of_stream());
    });
    // What was cancelled elsewhere was not cancelled here.
    let stray = FuturesStream::fallible(stream::iter([Err::<(), _>(ReceiveError::Cancelled(cancelled()))]));
    let error = block_on(stray.receive()).unwrap_err();
    assert!(error.is_broken() && !CancelError::is_cancelled(&error));
}

// R3
#[test]
fn an_error_that_comes_together_with_the_cancellation_is_told_by_the_next_receive() {
    for was_cancelled in [false, true] {
        let failure = if was_cancelled { Err(cancelled().into()) } else { Err("it failed".into()) };
        let (send, receive) = mpsc::unbounded::<Result<u32, BoxError>>();
        let stream = FuturesStream::fallible(receive);
        let scope = CancelScope::new();
        let mut wait = Polled::new(scope.enter(stream.receive()));
        wait.assert_pending();
        scope.cancel();
        send.unbounded_send(failure).unwrap();
        send.unbounded_send(Ok(1)).unwrap();
        assert!(wait.assert_ready().unwrap_err().is_cancelled());
        drop(wait);
        if !was_cancelled {
            let error = block_on(stream.receive()).unwrap_err();
            assert_eq!(error.to_string(), "the stream is broken: it failed");
        }
        assert_eq!(block_on(stream.receive()).unwrap(), 1);
    }
}

/// Accepts what comes, and gives it on when it is flushed and the gate is open.
#[derive(Default)]
struct Buffering {
    accepted: Vec<u32>,
    outside: Arc<Mutex<Outside>>,
}

#[derive(Default)]
struct Outside {
    arrived: Vec<u32>,
    gate: Gate,
    closed: bool,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Gate {
    #[default]
    Shut,
    Open,
    Fails,
}

impl Buffering {
    fn flush(&mut self) -> Poll<io::Result<()>> {
        let mut outside = self.outside.lock().unwrap();
        match outside.gate {
            Gate::Shut if self.accepted.is_empty() => Poll::Ready(Ok(())),
            Gate::Shut => Poll::Pending,
            Gate::Open => {
                outside.arrived.append(&mut self.accepted);
                Poll::Ready(Ok(()))
            }
            Gate::Fails => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        }
    }
}

impl Sink<u32> for Buffering {
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(mut self: Pin<&mut Self>, item: u32) -> io::Result<()> {
        self.accepted.push(item);
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flush()
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.flush();
        self.outside.lock().unwrap().closed = flushed.is_ready();
        flushed
    }
}

struct Outer(Arc<Mutex<Outside>>);

impl Outer {
    fn gate(&self, gate: Gate) {
        self.0.lock().unwrap().gate = gate;
    }

    fn arrived(&self) -> Vec<u32> {
        self.0.lock().unwrap().arrived.clone()
    }
}

fn buffering() -> (FuturesSink<Buffering, u32>, Outer) {
    let sink = Buffering::default();
    let outer = Outer(sink.outside.clone());
    (FuturesSink::new(sink), outer)
}

/// Sends an item that is accepted, and then cancels the send.
fn cut_send(sink: &FuturesSink<Buffering, u32>, item: u32) {
    let scope = CancelScope::new();
    let mut send = Polled::new(scope.enter(sink.send(item)));
    send.assert_pending();
    scope.cancel();
    send.assert_ready().unwrap();
}

// R3, H5, H6
#[test]
fn what_a_sink_accepted_arrives_with_a_flush_the_next_send_or_the_closing() {
    for way in 0..3 {
        let (sink, outer) = buffering();
        cut_send(&sink, 1);
        assert!(outer.arrived().is_empty());
        outer.gate(Gate::Open);
        let arrives: &[u32] = match way {
            0 => block_on(sink.flush()).map(|()| &[1][..]).unwrap(),
            1 => block_on(sink.send(2)).map(|()| &[1, 2][..]).unwrap(),
            _ => block_on(sink.aclose()).map(|()| &[1][..]).unwrap(),
        };
        assert_eq!(outer.arrived(), arrives);
    }
}

// R3, R4
#[test]
fn a_cancelled_flush_can_be_done_again() {
    let (sink, outer) = buffering();
    block_on(sink.flush()).unwrap();
    cut_send(&sink, 1);
    assert!(block_on(cancelled_scope().enter(sink.flush())).unwrap_err().is_cancelled());
    let scope = CancelScope::new();
    let mut flush = Polled::new(scope.enter(sink.flush()));
    flush.assert_pending();
    assert!(block_on(sink.flush()).unwrap_err().is_busy());
    assert!(block_on(sink.send(2)).unwrap_err().is_busy());
    scope.cancel();
    assert!(flush.assert_ready().unwrap_err().is_cancelled());
    drop(flush);
    // Flushed before the cancellation is seen, it is flushed.
    let scope = CancelScope::new();
    let mut flush = Polled::new(scope.enter(sink.flush()));
    flush.assert_pending();
    scope.cancel();
    outer.gate(Gate::Open);
    flush.assert_ready().unwrap();
    drop(flush);
    assert_eq!(outer.arrived(), [1]);
    sink.close();
    assert!(block_on(sink.flush()).unwrap_err().is_closed());
}

// H3
#[test]
fn an_item_whose_flush_fails_comes_back() {
    let (sink, outer) = buffering();
    outer.gate(Gate::Fails);
    let error = block_on(sink.send(1)).unwrap_err();
    assert_eq!((error.is_broken(), error.into_item()), (true, 1));
    assert_eq!(io::Error::from(block_on(sink.flush()).unwrap_err()).kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(block_on(sink.aclose()).unwrap_err().to_string(), "connection reset");
}

// R3
#[test]
fn an_error_that_comes_together_with_the_cancellation_is_told_by_the_next() {
    for way in 0..3 {
        let (sink, outer) = buffering();
        let scope = CancelScope::new();
        let mut send = Polled::new(scope.enter(sink.send(1)));
        send.assert_pending();
        scope.cancel();
        outer.gate(Gate::Fails);
        // It was accepted.
        send.assert_ready().unwrap();
        drop(send);
        outer.gate(Gate::Open);
        match way {
            0 => assert_eq!(block_on(sink.send(2)).unwrap_err().into_item(), 2),
            1 => assert!(block_on(sink.flush()).unwrap_err().is_broken()),
            _ => assert!(block_on(sink.aclose()).is_err()),
        }
        // Once.
        block_on(sink.aclose()).unwrap();
    }
}

// H4, H5
#[test]
fn who_waits_for_the_flush_is_told_of_the_closing() {
    // At once: the sink is gone, and what it had accepted with it.
    let (sink, _outer) = buffering();
    let mut send = Polled::new(sink.send(1));
    send.assert_pending();
    sink.close();
    assert!(send.is_woken());
    let error = send.assert_ready().unwrap_err();
    assert_eq!((error.is_closed(), error.into_item()), (true, 1));
    // Gracefully: that flushes, so the item is sent, and who closes is told of the rest.
    let (sink, outer) = buffering();
    let (mut send, mut close) = (Polled::new(sink.send(1)), Polled::new(sink.aclose()));
    send.assert_pending();
    close.assert_pending();
    assert!(send.is_woken());
    send.assert_ready().unwrap();
    assert!(block_on(sink.send(2)).unwrap_err().is_closed());
    block_on(sink.aclose()).expect("a second call does nothing");
    outer.gate(Gate::Open);
    close.assert_ready().unwrap();
    assert_eq!((outer.arrived(), outer.0.lock().unwrap().closed), (vec![1], true));
    // At once, while it is closed gracefully.
    let (sink, _outer) = buffering();
    cut_send(&sink, 1);
    let mut close = Polled::new(sink.aclose());
    close.assert_pending();
    sink.close();
    assert!(close.is_woken());
    close.assert_ready().unwrap();
}

// H5
#[test]
fn cancelled_closing_drops_the_sink() {
    let (sink, outer) = buffering();
    cut_send(&sink, 1);
    let scope = CancelScope::new();
    let mut close = Polled::new(scope.enter(sink.aclose()));
    close.assert_pending();
    scope.cancel();
    assert!(close.assert_ready().unwrap_err().is_cancelled());
    assert_eq!(Arc::strong_count(&outer.0), 1);
    assert!(block_on(sink.send(1)).unwrap_err().is_closed());
}

#[test]
fn results_are_items_where_that_is_wanted() {
    let results = FuturesStream::new(stream::iter([Ok(1), Err("no")]).chain(stream::empty()));
    assert_eq!(block_on(results.receive()).unwrap(), Ok(1));
    assert_eq!(block_on(results.receive()).unwrap(), Err("no"));
}

#[test]
fn a_stream_that_ended_is_not_polled_again() {
    let mut items = vec![None, Some(1)];
    let once = FuturesStream::new(stream::poll_fn(move |_| Poll::Ready(items.pop().expect("it has ended"))));
    assert_eq!(block_on(once.receive()).unwrap(), 1);
    for _ in 0..2 {
        assert!(block_on(once.receive()).unwrap_err().is_end_of_stream());
    }
}
