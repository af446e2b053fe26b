#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod line;
mod queue;
mod wake_list;

pub use queue::{Left, Ticket, WaitQueue};
pub use wake_list::WakeList;
