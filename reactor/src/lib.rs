#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod timer;

mod driver;

mod alarm;
mod wheel;

mod block_on;
mod park;
mod readiness;

pub use block_on::block_on;
pub use park::{Parker, Unparker};
pub use readiness::{Readiness, Ready};
