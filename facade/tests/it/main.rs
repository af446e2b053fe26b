//! The examples, as programs.

mod convert;
mod grep;
mod support;
