#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod line;
mod queue;
mod short_lock;
mod wake_list;

pub use queue::{Left, Ticket, WaitQueue};
pub use short_lock::{ShortLock, ShortLockGuard};
pub use wake_list::WakeList;
