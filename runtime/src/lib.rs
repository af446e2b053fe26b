#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod run;

pub use run::run;
