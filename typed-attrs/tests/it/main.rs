//! The tests of the crate, one file a noun.

mod lookup;
mod send_sync;
