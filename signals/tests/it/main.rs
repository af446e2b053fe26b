//! The tests of the crate, one file a noun. Signals are the process's, so a test that deals with real ones has a process of
//! its own: it runs this program again, with itself alone.

mod support;

mod ctrl_c;
mod disposition;
mod executors;
mod fork;
mod others;
mod ported;
mod receive;
mod refused;
mod room;
mod second;
mod send_sync;
mod signal;
mod storm;
mod stream;
