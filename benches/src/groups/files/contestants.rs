//! The hosts of this group's contestants.

use std::{
    io,
    time::{Duration, Instant},
};

use crate::{
    case::Contestant,
    hosts::{block_on, tokio_mt},
};

/// Each iteration is a call.
pub(super) fn by_std(mut f: impl FnMut() -> io::Result<()> + 'static) -> Contestant {
    Contestant::new("std", move |iterations| {
        let begun = Instant::now();
        (0..iterations).try_for_each(|_| f()).expect("it works");
        begun.elapsed()
    })
}

/// The same of a future that needs no runtime.
pub(super) fn on_block_on(who: &'static str, f: impl AsyncFn() -> io::Result<()> + 'static) -> Contestant {
    Contestant::new(who, move |iterations| block_on(timed(&f, iterations)))
}

/// The same on the threads of tokio.
pub(super) fn on_tokio(f: impl AsyncFn() -> io::Result<()> + 'static) -> Contestant {
    let runtime = tokio_mt();
    Contestant::new("tokio", move |iterations| runtime.block_on(timed(&f, iterations)))
}

/// The same on monoio.
pub(super) fn on_monoio(f: impl AsyncFn() -> io::Result<()> + 'static) -> Contestant {
    Contestant::new("monoio", move |iterations| {
        let runtime = monoio::RuntimeBuilder::<monoio::IoUringDriver>::new().build();
        runtime.expect("there is io_uring").block_on(timed(&f, iterations))
    })
}

/// The same on compio.
pub(super) fn on_compio(f: impl AsyncFn() -> io::Result<()> + 'static) -> Contestant {
    Contestant::new("compio", move |iterations| {
        let runtime = compio::runtime::Runtime::new();
        runtime.expect("there is io_uring").block_on(timed(&f, iterations))
    })
}

async fn timed(f: impl AsyncFn() -> io::Result<()>, iterations: u64) -> Duration {
    let begun = Instant::now();
    for _ in 0..iterations {
        f().await.expect("it works");
    }
    begun.elapsed()
}
