#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod as_completed;
pub mod debug;
mod error_group;
mod gather;
mod handle;
mod hold;
#[doc(hidden)]
pub mod host;
mod info;
mod join_error;
mod local_task_group;
mod map_concurrent;
mod output;
mod race;
mod start;
mod task;
mod task_group;

mod bell;
mod blocks;
mod book;
mod child;
mod children;
mod group;
mod hub;
mod inbox;
mod joiners;
mod keep;
mod part;
mod registry;
mod sync;
mod tally;

#[cfg(all(test, anyio_loom))]
mod loom_models;

pub use as_completed::{Completed, Next, as_completed};
pub use error_group::ErrorGroup;
pub use gather::gather;
pub use handle::{Join, TaskHandle, Wait};
pub use hold::{Hold, hold};
pub use info::TaskInfo;
pub use join_error::{JoinError, NeverStarted};
pub use local_task_group::{LocalTaskBuilder, LocalTaskGroup, local_task_group};
pub use map_concurrent::map_concurrent;
pub use output::TaskOutput;
pub use race::race;
pub use start::TaskStatus;
pub use task::{TaskId, TaskState, current_task};
pub use task_group::{TaskBuilder, TaskGroup, task_group};
