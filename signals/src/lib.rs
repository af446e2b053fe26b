#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

mod signal;

mod receiver;
mod stream;

mod ctrl_c;

mod error;

mod exchange;
mod readers;
mod turn;
mod unread;

mod second;
mod set;
mod sys;

#[doc(hidden)]
pub mod host;

pub use ctrl_c::{CtrlC, ctrl_c};
pub use error::SignalError;
pub use receiver::{Next, SignalReceiver, open_signal_receiver};
pub use signal::Signal;
