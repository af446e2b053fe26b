#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod scoped;
mod snapshot;
mod var;

mod bindings;
mod declare;

pub use scoped::Scoped;
pub use snapshot::{InSnapshot, Snapshot};
pub use var::ContextVar;
