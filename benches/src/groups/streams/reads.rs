//! Reads through a buffer, from a pipe in memory that is filled with 64 KiB each time.
//!
//! The peers read by `&mut`, which nobody else can have meanwhile: so do ours, by a reader. `anyio-shared` claims the buffer anew for
//! each read.

use std::{
    future::Future,
    hint::black_box,
    time::{Duration, Instant},
};

use anyio::{
    memory::{MemoryByteStream, memory_byte_stream},
    streams::Buffered,
};
use futures::{StreamExt as _, io::BufReader as FuturesReader};
use tokio::io::{AsyncWriteExt as _, BufReader as TokioReader, DuplexStream};
use tokio_util::{
    codec::{FramedRead, LinesCodec},
    compat::{Compat, TokioAsyncReadCompatExt as _},
};

use crate::{case::Contestant, hosts::block_on};

const CHUNK: usize = 64 * 1024;
const LINE: usize = 64;

/// How many lines are in a chunk.
pub(super) const COUNT: u64 = (CHUNK / LINE) as u64;

fn chunk() -> Vec<u8> {
    let mut line = [b'x'; LINE];
    line[LINE - 1] = b'\n';
    line.repeat(COUNT as usize)
}

fn timed(work: impl Future<Output = ()>) -> Duration {
    let begun = Instant::now();
    block_on(work);
    begun.elapsed()
}

fn ours() -> (MemoryByteStream, Buffered<MemoryByteStream>) {
    let (there, here) = memory_byte_stream(CHUNK);
    (there, Buffered::new(here))
}

fn of_futures() -> (DuplexStream, FuturesReader<Compat<DuplexStream>>) {
    let (there, here) = tokio::io::duplex(CHUNK);
    (there, FuturesReader::new(here.compat()))
}

fn of_tokio() -> (DuplexStream, TokioReader<DuplexStream>) {
    let (there, here) = tokio::io::duplex(CHUNK);
    (there, TokioReader::new(here))
}

async fn fill(pipe: &mut DuplexStream, chunk: &[u8]) {
    pipe.write_all(chunk).await.expect("the pipe has room");
}

pub(super) fn lines() -> Vec<Contestant> {
    vec![
        Contestant::new("anyio", anyio_lines),
        Contestant::new("anyio-shared", shared_lines),
        Contestant::new("futures-util", |chunks: u64| {
            let (chunk, (mut there, here)) = (chunk(), of_futures());
            let mut lines = futures::AsyncBufReadExt::lines(here);
            timed(async {
                for _ in 0..chunks {
                    fill(&mut there, &chunk).await;
                    for _ in 0..COUNT {
                        black_box(lines.next().await.expect("there is a line").expect("it can be read"));
                    }
                }
            })
        }),
        Contestant::new("tokio", |chunks: u64| {
            let (chunk, (mut there, here)) = (chunk(), of_tokio());
            let mut lines = tokio::io::AsyncBufReadExt::lines(here);
            timed(async {
                for _ in 0..chunks {
                    fill(&mut there, &chunk).await;
                    for _ in 0..COUNT {
                        black_box(lines.next_line().await.expect("it can be read").expect("there is a line"));
                    }
                }
            })
        }),
        Contestant::new("tokio-framed", |chunks: u64| {
            let (chunk, (mut there, here)) = (chunk(), tokio::io::duplex(CHUNK));
            let mut lines = FramedRead::new(here, LinesCodec::new());
            timed(async {
                for _ in 0..chunks {
                    fill(&mut there, &chunk).await;
                    for _ in 0..COUNT {
                        black_box(lines.next().await.expect("there is a line").expect("it can be read"));
                    }
                }
            })
        }),
    ]
}

fn anyio_lines(chunks: u64) -> Duration {
    let (chunk, (there, here)) = (chunk(), ours());
    timed(async {
        let mut here = here.reader().expect("nobody else reads");
        for _ in 0..chunks {
            there.send(&chunk).await.expect("the pipe has room");
            for _ in 0..COUNT {
                black_box(here.receive_line(1000).await.expect("it can be read").expect("there is a line"));
            }
        }
    })
}

fn shared_lines(chunks: u64) -> Duration {
    let (chunk, (there, here)) = (chunk(), ours());
    timed(async {
        for _ in 0..chunks {
            there.send(&chunk).await.expect("the pipe has room");
            for _ in 0..COUNT {
                black_box(here.receive_line(1000).await.expect("it can be read").expect("there is a line"));
            }
        }
    })
}

pub(super) fn lines_kept() -> Vec<Contestant> {
    vec![
        Contestant::new("anyio", |chunks: u64| {
            let (chunk, (there, here)) = (chunk(), ours());
            let mut kept = Vec::new();
            timed(async {
                let mut here = here.reader().expect("nobody else reads");
                for _ in 0..chunks {
                    there.send(&chunk).await.expect("the pipe has room");
                    for _ in 0..COUNT {
                        kept.clear();
                        here.receive_until_inclusive(b"\n", 1000, &mut kept).await.expect("it can be read");
                        black_box(&kept);
                    }
                }
            })
        }),
        Contestant::new("anyio-shared", |chunks: u64| {
            let (chunk, (there, here)) = (chunk(), ours());
            let mut kept = Vec::new();
            timed(async {
                for _ in 0..chunks {
                    there.send(&chunk).await.expect("the pipe has room");
                    for _ in 0..COUNT {
                        kept.clear();
                        here.receive_until_inclusive(b"\n", 1000, &mut kept).await.expect("it can be read");
                        black_box(&kept);
                    }
                }
            })
        }),
        Contestant::new("futures-util", |chunks: u64| {
            let (chunk, (mut there, mut here)) = (chunk(), of_futures());
            let mut kept = Vec::new();
            timed(async {
                for _ in 0..chunks {
                    fill(&mut there, &chunk).await;
                    for _ in 0..COUNT {
                        kept.clear();
                        futures::AsyncBufReadExt::read_until(&mut here, b'\n', &mut kept)
                            .await
                            .expect("it can be read");
                        black_box(&kept);
                    }
                }
            })
        }),
        Contestant::new("tokio", |chunks: u64| {
            let (chunk, (mut there, mut here)) = (chunk(), of_tokio());
            let mut kept = Vec::new();
            timed(async {
                for _ in 0..chunks {
                    fill(&mut there, &chunk).await;
                    for _ in 0..COUNT {
                        kept.clear();
                        tokio::io::AsyncBufReadExt::read_until(&mut here, b'\n', &mut kept)
                            .await
                            .expect("it can be read");
                        black_box(&kept);
                    }
                }
            })
        }),
    ]
}

pub(super) fn exact() -> Vec<Contestant> {
    vec![
        Contestant::new("anyio", anyio_exact),
        Contestant::new("anyio-shared", shared_exact),
        Contestant::new("futures-util", |chunks: u64| {
            let (chunk, (mut there, mut here)) = (chunk(), of_futures());
            let mut place = [0; LINE];
            timed(async {
                for _ in 0..chunks {
                    fill(&mut there, &chunk).await;
                    for _ in 0..COUNT {
                        futures::AsyncReadExt::read_exact(&mut here, &mut place).await.expect("it can be read");
                        black_box(&place);
                    }
                }
            })
        }),
        Contestant::new("tokio", |chunks: u64| {
            let (chunk, (mut there, mut here)) = (chunk(), of_tokio());
            let mut place = [0; LINE];
            timed(async {
                for _ in 0..chunks {
                    fill(&mut there, &chunk).await;
                    for _ in 0..COUNT {
                        tokio::io::AsyncReadExt::read_exact(&mut here, &mut place).await.expect("it can be read");
                        black_box(&place);
                    }
                }
            })
        }),
    ]
}

fn anyio_exact(chunks: u64) -> Duration {
    let (chunk, (there, here)) = (chunk(), ours());
    let mut place = [0; LINE];
    timed(async {
        let mut here = here.reader().expect("nobody else reads");
        for _ in 0..chunks {
            there.send(&chunk).await.expect("the pipe has room");
            for _ in 0..COUNT {
                here.receive_exactly_into(&mut place).await.expect("it can be read");
                black_box(&place);
            }
        }
    })
}

fn shared_exact(chunks: u64) -> Duration {
    let (chunk, (there, here)) = (chunk(), ours());
    let mut place = [0; LINE];
    timed(async {
        for _ in 0..chunks {
            there.send(&chunk).await.expect("the pipe has room");
            for _ in 0..COUNT {
                here.receive_exactly_into(&mut place).await.expect("it can be read");
                black_box(&place);
            }
        }
    })
}
