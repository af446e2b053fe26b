#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

/// The program in the README of the workspace.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub mod readme {}

#[doc(hidden)]
pub mod accepted;
#[doc(hidden)]
pub mod refused;
