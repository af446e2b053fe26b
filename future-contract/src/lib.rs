#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod counts;

mod polled;

mod reentrant_waker;

mod executor;

mod claims;
mod contract;
mod watchdog;

mod census;
mod on_drop;
mod panics;
mod sleeper;
mod threadless;

pub use census::{Alive, Census};
pub use contract::{Contract, Draft, Suite};
pub use counts::Counts;
pub use executor::{BoxedFuture, block_on, block_on_for, run_all, run_all_for};
pub use on_drop::OnDrop;
pub use panics::{panic_of, words};
pub use polled::{Polled, start};
pub use reentrant_waker::ReentrantWaker;
pub use sleeper::Sleeper;
pub use threadless::without_threads;
pub use watchdog::ends;
