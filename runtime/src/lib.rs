#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod builder;
mod offload;
mod run;

#[doc(hidden)]
#[path = "entry.rs"]
pub mod __private;
mod crew;
mod job;
mod pool;
mod session;
mod slot;
mod sync;
#[cfg(feature = "tokio")]
mod tokio;
#[cfg_attr(not(feature = "signals"), path = "no_watch.rs")]
mod watch;

pub use builder::Builder;
pub use offload::offload;
pub use run::run;
