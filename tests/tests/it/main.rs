//! Behaviour across crates, through the facade.

mod around;
mod child;
mod common;

mod context_vars;
mod entry_main;
mod entry_test;
mod errors;
mod executors;
mod hard_contexts;
mod run;
mod signals_in_run;
mod swept_sync;
mod user_stories;
