//! The tests of the crate, one file a noun.

mod support;

mod cancellation;
mod conversions;
mod dyn_forms;
mod items;
mod pointers;
mod resource;
mod send_sync;
mod words;
mod wrapper;
