#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod counts;

mod polled;

mod reentrant_waker;

mod executor;

mod claims;
mod contract;
mod watchdog;

pub use contract::{Contract, Draft, Suite};
pub use counts::Counts;
pub use executor::{BoxedFuture, block_on, block_on_for, run_all, run_all_for};
pub use polled::Polled;
pub use reentrant_waker::ReentrantWaker;
