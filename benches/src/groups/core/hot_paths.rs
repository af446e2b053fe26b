//! What of the core is counted. All of it runs on `futures::executor::block_on`, for what the host does is counted too.

use std::time::Duration;

use super::{cancel, ready, spawn, timeout, wait};
use crate::case::HotPath;

const fn path(id: &'static str, run: fn(u64)) -> HotPath {
    HotPath { id, run, operations: 1000 }
}

fn untimed(_: Duration) {}

pub(super) const ALL: &[HotPath] = &[
    path("checkpoint_ready", |n| untimed(ready::anyio(n))),
    path("checkpoint_ready_deep", |n| untimed(ready::anyio_deep(n))),
    path("cancellable_ready", |n| untimed(ready::anyio_cancellable(n))),
    path("checkpoint_wait", |n| untimed(wait::anyio(n))),
    path("spawn_trivial", spawn::anyio_trivial),
    path("spawn_yield", spawn::anyio_yielding),
    path("spawn_join", spawn::anyio_joined),
    path("cancel_flat", |n| untimed(cancel::anyio(n))),
    path("timeout_ready", |n| untimed(timeout::anyio_ready(n))),
    path("timeout_wait", |n| untimed(timeout::anyio_wait(n))),
];
