//! Which auto traits the public types have.

use std::cell::Cell;
use std::fmt::Debug;

use anyio_wait_queue::{Left, ShortLock, ShortLockGuard, Ticket, WaitQueue, WakeList};

fn all<T: Send + Sync + Unpin + Debug>() {}
fn send<T: Send + Unpin + Debug>() {}
fn local<T: Unpin + Debug>() {}

#[test]
fn the_public_types_are_as_free_as_what_they_carry() {
    all::<Ticket>();
    all::<WakeList>();
    all::<WaitQueue>();
    all::<WaitQueue<String, Vec<u8>>>();
    all::<Left<String, Vec<u8>>>();
    all::<ShortLock<Cell<u8>>>();
    all::<ShortLockGuard<'_, u8>>();
    send::<WaitQueue<Cell<u8>, Cell<u8>>>();
    send::<Left<Cell<u8>, Cell<u8>>>();
    local::<WaitQueue<*const u8, std::marker::PhantomPinned>>();
}
