//! The tests of the crate, one file a noun.

mod scope;
mod snapshot;
