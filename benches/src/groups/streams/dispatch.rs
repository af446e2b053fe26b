//! What a trait object costs.

use std::{
    hint::black_box,
    io,
    time::{Duration, Instant},
};

use anyio::{
    checkpoint,
    streams::{AsyncResource, ByteReceiveStream, DynByteReceiveStream, ReceiveError},
};

use crate::{case::Contestant, heap, hosts::block_on};

/// A stream that is always ready.
struct Zeros;

impl AsyncResource for Zeros {
    async fn aclose(&self) -> io::Result<()> {
        Ok(())
    }

    fn close(&self) {}
}

impl ByteReceiveStream for Zeros {
    async fn receive(&self, buf: &mut [u8]) -> Result<usize, ReceiveError> {
        checkpoint().await?;
        buf[0] = 0;
        Ok(1)
    }
}

pub(super) fn contestants() -> Vec<Contestant> {
    vec![
        Contestant::new("anyio", |iterations| {
            let boxed: Box<dyn DynByteReceiveStream> = Box::new(Zeros);
            receives(&boxed, iterations, 1)
        }),
        Contestant::new("anyio-static", |iterations| receives(&Zeros, iterations, 0)),
    ]
}

fn receives(stream: &impl ByteReceiveStream, iterations: u64, allocations: u64) -> Duration {
    let mut buf = [1; 8];
    let counted = heap::count_here(|usage| {
        block_on(stream.receive(&mut buf)).expect("it is ready");
        usage().allocations
    });
    assert_eq!(counted, allocations, "a receive allocates {counted} times");
    block_on(async {
        let begun = Instant::now();
        for _ in 0..iterations {
            black_box(stream.receive(&mut buf).await).expect("it is ready");
        }
        begun.elapsed()
    })
}
