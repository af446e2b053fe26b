#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod from_thread;
pub mod to_thread;

mod portal;
mod portal_provider;
mod portal_task;
mod portal_thread;
mod run_finished;
mod run_sync;
mod token;

mod answer;
mod call;
mod crowd;
mod host;
mod hunch;
mod job;
mod linger;
mod loan;
mod pool;
mod roster;
mod shift;
mod shown;
mod sync;
mod threads;

#[cfg(all(test, anyio_loom))]
mod loom_models;
