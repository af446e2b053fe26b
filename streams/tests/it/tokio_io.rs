//! Bridges to the traits of tokio, both ways.
#![cfg(feature = "tokio")]

use std::sync::Arc;

use anyio_streams::{AsyncResource, Buffered, ByteReceiveStream, ByteSendStream, ByteStream, PolledIo, TokioIo};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};

use crate::script::Script;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

#[test]
fn a_transport_of_tokio_is_a_byte_stream() {
    runtime().block_on(async {
        let (here, mut there) = tokio::io::duplex(4);
        let stream = Arc::new(TokioIo::new(here));
        let sending = stream.clone();
        let sends = tokio::spawn(async move { sending.send(b"hello").await });
        let mut buf = [0; 5];
        there.read_exact(&mut buf).await.unwrap();
        sends.await.unwrap().unwrap();
        assert_eq!(&buf, b"hello");
        there.write_all(b"abc").await.unwrap();
        assert_eq!((stream.receive(&mut buf).await.unwrap(), &buf[..3]), (3, &b"abc"[..]));
        stream.send_eof().await.unwrap();
        assert_eq!(there.read(&mut buf).await.unwrap(), 0);
        drop(there);
        assert!(stream.receive(&mut buf).await.unwrap_err().is_end_of_stream());
        stream.aclose().await.unwrap();
        assert!(stream.receive(&mut buf).await.unwrap_err().is_closed());
        assert_eq!(Buffered::new(TokioIo::reader(&b"xy"[..])).receive_exactly(2).await.unwrap(), b"xy");
        TokioIo::writer(Vec::new()).send(b"x").await.unwrap();
    });
}

#[test]
fn a_stream_of_ours_has_the_traits_of_tokio() {
    let script = Arc::new(Script::of(&[b"one\ntw", b"o\nthree"]));
    let mut io = PolledIo::new(script.clone());
    runtime().block_on(async {
        let mut line = String::new();
        io.read_line(&mut line).await.unwrap();
        assert_eq!(line, "one\n");
        let mut rest = Vec::new();
        io.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"two\nthree");
        io.write_all(b"hello").await.unwrap();
        io.flush().await.unwrap();
        io.shutdown().await.unwrap();
    });
    assert_eq!((script.sent(), script.counts()[2]), (b"hello".to_vec(), 1));
}
