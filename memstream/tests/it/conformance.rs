//! The claims that every stream meets, for memory streams and for the wrappers and bridges around them.

use std::{io, sync::Arc, time::Duration};

use anyio_memstream::{
    MemoryByteStream, memory_byte_stream, memory_object_stream, memory_object_stream_pair,
    memory_object_stream_unbounded,
};
use anyio_streams::{
    AsyncResource, Buffered, ByteReceiveStream, ByteSendError, ByteSendStream, ByteStream, DynByteStream,
    DynObjectReceiveStream, DynObjectSendStream, FuturesIo, IntoByteStream, LengthDelimited, LineDelimited, PolledIo,
    ReceiveError, Stapled, TokioIo,
    conformance::{ByteStreams, ObjectStreams},
};
use futures_lite::future::block_on;

use crate::support::panic_of;

fn both<S>(pair: (MemoryByteStream, MemoryByteStream), wrap: impl Fn(MemoryByteStream) -> S) -> io::Result<(S, S)> {
    Ok((wrap(pair.0), wrap(pair.1)))
}

#[test]
fn memory_byte_streams_conform() {
    for size in [50, 1000, 1 << 16] {
        block_on(ByteStreams::new(async || Ok(memory_byte_stream(size))).check());
    }
}

#[test]
fn boxed_and_shared_byte_streams_conform() {
    block_on(async {
        ByteStreams::new(async || both(memory_byte_stream(1000), |end| Box::new(end) as Box<dyn DynByteStream>))
            .check()
            .await;
        ByteStreams::new(async || both(memory_byte_stream(1000), Arc::new)).check().await;
    });
}

#[test]
fn buffered_streams_conform() {
    block_on(async {
        ByteStreams::new(async || both(memory_byte_stream(1000), Buffered::new)).check().await;
        ByteStreams::new(async || both(memory_byte_stream(1000), |end| Buffered::with_capacity(300, end)))
            .check()
            .await;
    });
}

#[test]
fn stapled_byte_streams_conform() {
    block_on(
        ByteStreams::new(async || {
            let ((send_there, receive_there), (send_here, receive_here)) =
                (memory_byte_stream(99), memory_byte_stream(99));
            Ok((Stapled::new(send_there, receive_here), Stapled::new(send_here, receive_there)))
        })
        .check(),
    );
}

#[test]
fn objects_as_bytes_conform() {
    block_on(
        ByteStreams::new(async || {
            let (here, there) = memory_object_stream_pair::<Vec<u8>>(3);
            Ok((here.into_byte_stream(), there.into_byte_stream()))
        })
        // A channel takes an object at once, however long it is, so nobody is found sending.
        .without_busy()
        .check(),
    );
}

#[test]
fn bridged_byte_streams_conform() {
    block_on(async {
        // Through the traits of others, and back.
        ByteStreams::new(async || both(memory_byte_stream(1000), |end| FuturesIo::new(PolledIo::new(end))))
            .check()
            .await;
        ByteStreams::new(async || both(memory_byte_stream(1000), |end| TokioIo::new(PolledIo::new(end)))).check().await;
        ByteStreams::new(async || {
            let (here, there) = tokio::io::duplex(1000);
            Ok((TokioIo::new(here), TokioIo::new(there)))
        })
        .check()
        .await;
    });
}

#[test]
fn memory_object_streams_conform() {
    block_on(async {
        for size in [0, 1, 10] {
            ObjectStreams::new(async || Ok(memory_object_stream(size)), |number| number).check().await;
        }
        ObjectStreams::new(async || Ok(memory_object_stream_unbounded()), |number| number).check().await;
        ObjectStreams::new(async || Ok(memory_object_stream_pair(1)), |number| number.to_string()).check().await;
    });
}

#[test]
fn boxed_object_streams_conform() {
    block_on(
        ObjectStreams::new(
            async || {
                let (send, receive) = memory_object_stream(1);
                let send: Box<dyn DynObjectSendStream<usize>> = Box::new(send);
                let receive: Box<dyn DynObjectReceiveStream<usize>> = Box::new(receive);
                Ok((send, receive))
            },
            |number| number,
        )
        .check(),
    );
}

#[test]
fn framed_streams_conform() {
    block_on(async {
        for size in [1, 1000] {
            let frames = async || both(memory_byte_stream(size), LengthDelimited::new);
            ObjectStreams::new(frames, |number| number.to_string().into_bytes()).check().await;
            let lines = async || both(memory_byte_stream(size), LineDelimited::new);
            ObjectStreams::new(lines, |number| number.to_string()).check().await;
        }
    });
}

/// A stream with a fault of the reader's choice, to see that the suite finds it.
struct Faulty(MemoryByteStream, Fault);

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    LosesWhatACancelledReceiveHad,
    EndsWithNothing,
    MiscountsACancelledSend,
    ReceivesNothing,
    SendsNothing,
}

impl AsyncResource for Faulty {
    async fn aclose(&self) -> io::Result<()> {
        self.close();
        Ok(())
    }
    fn close(&self) {
        self.0.close();
    }
}

impl ByteReceiveStream for Faulty {
    async fn receive(&self, buf: &mut [u8]) -> Result<usize, ReceiveError> {
        if self.1 == Fault::ReceivesNothing && buf.is_empty() {
            return Ok(0);
        }
        let received = self.0.receive(buf).await;
        if self.1 == Fault::LosesWhatACancelledReceiveHad && received.is_ok() {
            // An await after the bytes were taken.
            anyio_cancel_scope::yield_now().await;
            anyio_cancel_scope::checkpoint().await?;
        }
        match received {
            Err(ReceiveError::EndOfStream) if self.1 == Fault::EndsWithNothing => Ok(0),
            received => received,
        }
    }
}

impl ByteSendStream for Faulty {
    async fn send(&self, data: &[u8]) -> Result<(), ByteSendError> {
        if self.1 == Fault::SendsNothing && data.is_empty() {
            return Ok(());
        }
        self.0.send(data).await.map_err(|error| match self.1 {
            Fault::MiscountsACancelledSend => ByteSendError { sent: 0, ..error },
            _ => error,
        })
    }
}

impl ByteStream for Faulty {
    async fn send_eof(&self) -> Result<(), ByteSendError> {
        self.0.send_eof().await
    }
}

#[test]
fn the_suite_finds_faults() {
    let finds = |fault, claim: &str| {
        let told = panic_of(|| {
            block_on(
                ByteStreams::new(async || both(memory_byte_stream(1000), |end| Faulty(end, fault)))
                    .limit(Duration::from_millis(300))
                    .check(),
            );
        });
        assert!(told.starts_with("the stream breaks its contract:\n") && told.contains(claim), "{told}");
    };
    finds(Fault::LosesWhatACancelledReceiveHad, "a cancelled receive loses nothing");
    finds(Fault::EndsWithNothing, "a receive gave 0 bytes");
    finds(Fault::MiscountsACancelledSend, "a cancelled send tells how much went out");
    finds(Fault::ReceivesNothing, "a receive into an empty buffer panics, and takes nothing: it gives Some(Ok(0))");
    for claim in
        ["after its own close it is closed", "in a cancelled scope nothing moves", "a direction can be ended alone"]
    {
        finds(Fault::SendsNothing, &format!("{claim}: a send of nothing "));
    }
}
