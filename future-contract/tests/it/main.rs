//! The helpers, and the suite on primitives that are right and on the same primitives with planted bugs.

mod event;
mod semaphore;

mod contract;
mod counts;
mod executor;
mod polled;
mod reentrant_waker;
