#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod at_end;
mod loss;

#[doc(hidden)]
#[path = "entry.rs"]
pub mod __private;
mod control;
mod dice;
mod isolated;
mod kit;
mod settings;
mod snapshot;
mod sweep;

pub use anyio_cancel_scope::VirtualClock;
pub use anyio_macros::test;
pub use anyio_runtime::__private::{Blocked, wait_all_tasks_blocked};
pub use at_end::at_end;
pub use loss::{Held, Item, Loss};
