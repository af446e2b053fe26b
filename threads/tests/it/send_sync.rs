//! What may cross threads, what may be moved and what shows itself.

use std::{cell::Cell, fmt::Debug, future::Future, marker::PhantomPinned};

use anyio_threads::{
    from_thread::{BlockingPortal, BlockingPortalProvider, PortalGuard, PortalTask, RunFinished, RunToken},
    to_thread::{self, RunSync},
};

fn everywhere<T: Send + Sync + Debug>() {}
fn is_send<T: Send + Unpin + Debug>(_: &T) {}

#[test]
fn handles_go_anywhere() {
    everywhere::<BlockingPortal>();
    everywhere::<BlockingPortalProvider>();
    everywhere::<PortalGuard>();
    everywhere::<PortalTask<Cell<u8>>>();
    everywhere::<RunToken>();
    everywhere::<RunFinished>();
}

#[test]
fn a_call_may_go_to_another_task_whatever_it_carries() {
    let cell = Cell::new(0);
    is_send(&to_thread::run_sync(move || (cell, PhantomPinned)));
    fn unpin<T: Unpin>() {}
    unpin::<RunSync<PhantomPinned, PhantomPinned>>();
}

#[test]
fn it_compiles_in_a_spawned_task() {
    fn spawned(_: impl Future<Output = ()> + Send + 'static) {}
    spawned(async {
        let text = String::from("text");
        let length = to_thread::run_sync(move || text.len()).abandon_on_cancel(true).named("length");
        drop(length.await);
    });
}

#[test]
fn what_it_shows_tells_how_far_it_is() {
    let call = to_thread::run_sync(|| ());
    assert!(format!("{call:?}").contains("ahead"), "{call:?}");
}
