#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod var;
mod scoped;
mod snapshot;

mod bindings;
mod declare;

pub use scoped::Scoped;
pub use snapshot::{InSnapshot, Snapshot};
pub use var::ContextVar;
