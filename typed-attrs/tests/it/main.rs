//! The tests of the crate, one file a noun.

mod declare;
mod lookup;
mod send_sync;
