#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod cancellable;
mod cause;
mod checkpoint;
mod clock;
mod error;
mod ext;
mod in_scope;
mod limit;
mod run_record;
mod scope;
mod sleep;
mod stopping;
mod task_record;
mod virtual_clock;
mod wait_at_most;

mod ambient;
mod ambient_leaf;
mod budget;
mod draft;
mod expiry;
mod generation;
mod leaf;
mod node;
mod parentage;
mod scope_node;
mod seat;
mod sync;
mod system_clock;
mod tree;
mod trial;
mod waker_id;

#[doc(hidden)]
#[path = "derive_support.rs"]
pub mod __derive;
#[doc(hidden)]
pub mod host;

#[cfg(all(test, anyio_loom))]
mod loom_models;

pub use cancellable::{Cancellable, OrCancelled};
pub use cause::Cause;
pub use checkpoint::{Checkpoint, CheckpointOnly, YieldNow, cancel_cause, check_cancelled, checkpoint, yield_now};
pub use clock::{AlarmKey, Clock, WithClock, now, with_clock};
pub use error::{BoxError, CancelError, Cancelled, Result, TimedOut, is_cancellation, ok};
pub use ext::{CancelExt, CompletedExt, current_effective_deadline};
pub use in_scope::InScope;
pub use limit::{Shield, fail_after, fail_at, move_on_after, move_on_at, shield};
pub use run_record::RunRecord;
pub use scope::{CancelScope, Enter};
pub use sleep::{Sleep, sleep, sleep_forever, sleep_until};
pub use stopping::{Stopping, UnlessStopping, stopping};
pub use task_record::{TaskRecord, Verb};
pub use virtual_clock::VirtualClock;
pub use wait_at_most::{WaitAtMost, wait_at_most};

#[cfg(feature = "derive")]
pub use anyio_macros::CancelError;
