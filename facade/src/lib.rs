#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

#[doc(hidden)]
pub use anyio_cancel_scope::__derive;
#[doc(inline)]
pub use anyio_cancel_scope::CancelError;
#[doc(inline)]
pub use anyio_cancel_scope::{
    BoxError, CancelExt, CancelScope, Cancelled, Cause, CompletedExt, Result, TimedOut, cancel_cause, check_cancelled,
    checkpoint, current_effective_deadline, fail_after, fail_at, is_cancellation, move_on_after, move_on_at, now, ok,
    shield, sleep, sleep_forever, sleep_until, stopping, wait_at_most, yield_now,
};
#[doc(inline)]
pub use anyio_context_vars::context_var;
#[cfg(feature = "macros")]
#[doc(inline)]
pub use anyio_macros::{main, test};
#[cfg(feature = "memory")]
#[doc(inline)]
pub use anyio_memstream::memory_object_stream;
#[cfg(not(feature = "testing"))]
#[doc(hidden)]
pub use anyio_runtime::__private;
#[doc(inline)]
pub use anyio_runtime::{Builder, offload, run};
#[cfg(feature = "signals")]
#[doc(inline)]
pub use anyio_signals::open_signal_receiver;
#[doc(inline)]
pub use anyio_task_group::{
    ErrorGroup, JoinError, LocalTaskGroup, NeverStarted, TaskGroup, TaskHandle, TaskStatus, as_completed, current_task,
    debug, gather, local_task_group, map_concurrent, race, task_group,
};
#[cfg(feature = "testing")]
#[doc(hidden)]
pub use anyio_testing::__private;

#[doc(inline)]
pub use anyio_cancel_scope as scope;
#[doc(inline)]
pub use anyio_context_vars as context;
#[cfg(feature = "fs")]
#[doc(inline)]
pub use anyio_fileio as fs;
#[cfg(feature = "memory")]
#[doc(inline)]
pub use anyio_memstream as memory;
#[cfg(feature = "signals")]
#[doc(inline)]
pub use anyio_signals as signals;
#[cfg(feature = "streams")]
#[doc(inline)]
pub use anyio_streams as streams;
#[cfg(feature = "sync")]
#[doc(inline)]
pub use anyio_sync as sync;
#[doc(inline)]
pub use anyio_task_group as task;
#[cfg(feature = "testing")]
#[doc(inline)]
pub use anyio_testing as testing;
#[cfg(feature = "threads")]
#[doc(inline)]
pub use anyio_threads::{from_thread, to_thread};
#[cfg(feature = "streams")]
#[doc(inline)]
pub use anyio_typed_attrs as typed_attrs;

/// The traits that add methods, for `use anyio::prelude::*`.
pub mod prelude {
    pub use crate::{CancelError, CancelExt, CompletedExt, context_var};
}
