//! The tests of the crate, one file a noun. Where tests of AnyIO's went is told in `task-group/tests/it/anyio.md`.

mod at_end;
mod blocked;
mod isolated;
mod left_over;
mod loss;
mod page;
mod planted;
mod schedules;
mod settings;
mod stuck;
mod sweep;
mod time;
