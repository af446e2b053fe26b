//! The same work on two threads at once, and on one alone: what threads that have nothing to do with each other lose.

use std::{sync::Barrier, thread, time::Duration};

use super::{cancel as flat, ready as at_once, spawn as trivial};
use crate::{
    bar::ALONE,
    case::{Contestant, OURS},
    hosts::THREADS,
};

pub(super) const HOST: &str = "futures::executor::block_on, on each of two threads; `-alone`: on one";

/// One contestant twice: on two threads at once, and alone.
macro_rules! at_once_and_alone {
    ($($who:literal => $work:expr),+ $(,)?) => {
        vec![$(
            Contestant::new($who, |n| on_threads(THREADS, n, $work)),
            Contestant::new(concat!($who, "-alone"), |n| on_threads(1, n, $work)),
        )+]
    };
}

pub(super) fn ready() -> Vec<Contestant> {
    checked(at_once_and_alone! {
        "anyio" => at_once::anyio,
        "bare" => at_once::bare,
        "cancellation-token" => at_once::cancellation_token,
    })
}

pub(super) fn spawn() -> Vec<Contestant> {
    checked(at_once_and_alone! {
        "anyio" => |n| trivial::times(n, || trivial::anyio_trivial(trivial::CHILDREN)),
        "futures-unordered" => |n| trivial::times(n, || trivial::futures_unordered_trivial(trivial::CHILDREN)),
    })
}

pub(super) fn cancel() -> Vec<Contestant> {
    checked(at_once_and_alone! {
        "anyio" => |n| flat::sum(n, || flat::anyio(flat::CHILDREN)),
        "futures-unordered" => |n| flat::sum(n, flat::drop_fu),
        "cancellation-token-fu" => |n| flat::sum(n, flat::token_fu),
    })
}

/// The names have the end that the bars look for.
fn checked(contestants: Vec<Contestant>) -> Vec<Contestant> {
    assert!(contestants.iter().any(|one| one.who.strip_suffix(ALONE) == Some(OURS)));
    contestants
}

/// Does the work on so many threads, which begin together. It tells what one of them took, in the mean.
fn on_threads(count: usize, iterations: u64, work: impl Fn(u64) -> Duration + Sync) -> Duration {
    let ready = Barrier::new(count);
    thread::scope(|scope| {
        let start = || {
            scope.spawn(|| {
                ready.wait();
                work(iterations)
            })
        };
        let threads: Vec<_> = (0..count).map(|_| start()).collect();
        let taken: Duration =
            threads.into_iter().map(|thread| thread.join().expect("a contestant does not panic")).sum();
        taken / u32::try_from(count).expect("they are few")
    })
}
