//! Which auto traits the public types have.

use std::os::unix::net::UnixStream;

use anyio_reactor::timer::TimerKey;
use anyio_reactor::{Parker, Readiness, Ready, Unparker};

fn all<T: Send + Sync + Unpin + std::fmt::Debug>() {}
fn send<T: Send + Unpin + std::fmt::Debug>() {}

#[test]
fn the_public_types_can_go_to_other_threads() {
    all::<TimerKey>();
    all::<Unparker>();
    all::<Readiness<UnixStream>>();
    all::<Ready<'static, UnixStream>>();
    send::<Parker>();
    assert_eq!(size_of::<Option<TimerKey>>(), 16);
}
