//! The examples, as programs.

mod grep;
