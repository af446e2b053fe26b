//! The derive as its users meet it, against a mock of the crate that has the trait.

#![allow(missing_docs, missing_debug_implementations, reason = "test types")]

mod attributes;
mod generics;
pub mod mock;
mod readme;
mod sources;
mod ui;
