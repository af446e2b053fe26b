//! The behaviour of the crate, through its public face.

mod common;

mod block_on;
mod hosts;
mod park;
mod readiness;
mod refused;
mod send_sync;
mod threads;
mod timers;
