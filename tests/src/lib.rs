#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[doc(hidden)]
pub mod accepted;
#[doc(hidden)]
pub mod refused;
