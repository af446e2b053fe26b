//! Behaviour across crates, through the facade.

mod common;

mod errors;
mod executors;
mod hard_contexts;
mod run;
mod user_stories;
