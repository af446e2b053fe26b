//! The tests of the crate, one file a noun.
mod smoke;
