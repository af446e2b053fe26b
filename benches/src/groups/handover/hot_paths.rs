//! What of the hand-over is counted, on `futures::executor::block_on`.

use super::{primitives, streams};
use crate::case::HotPath;

const fn path(id: &'static str, run: fn(u64)) -> HotPath {
    HotPath { id, run, operations: 1000 }
}

pub(super) const ALL: &[HotPath] = &[
    path("send_receive_buffered", streams::buffered),
    path("send_receive_rendezvous", streams::rendezvous),
    path("lock", primitives::count_lock),
    path("semaphore", primitives::count_semaphore),
    path("limiter", primitives::count_limiter),
    path("event", primitives::count_event),
    path("hand_over_8", primitives::count_hand_over_8),
];
