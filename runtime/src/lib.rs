#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod builder;
mod offload;
mod run;

mod crew;
mod job;
mod pool;
mod session;
mod sync;
#[cfg(feature = "tokio")]
mod tokio;

pub use builder::Builder;
pub use offload::offload;
pub use run::run;
