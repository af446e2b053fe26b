//! Closing, on every way out.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Mutex,
    time::Duration,
};

use anyio_cancel_scope::{
    BoxError, CancelError, CancelScope, VirtualClock, checkpoint, sleep, sleep_forever, yield_now,
};
use anyio_future_contract::Polled;
use anyio_streams::{AsyncResource, DynAsyncResource, aclose_forcefully, with_resource, with_resource_within};
use futures_lite::future::block_on;

use crate::support::{Queue, cancelled_scope};

/// Tells what was done to it. Its graceful part is a checkpoint, gives way, and may fail.
#[derive(Default)]
struct Door {
    log: Mutex<Vec<&'static str>>,
    jams: bool,
}

impl Door {
    fn log(&self, what: &'static str) {
        self.log.lock().unwrap().push(what);
    }

    fn seen(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.log.lock().unwrap())
    }
}

impl AsyncResource for Door {
    async fn aclose(&self) -> io::Result<()> {
        self.log("says good-bye");
        if let Err(cancelled) = checkpoint().await {
            self.log("in a hurry");
            return Err(cancelled.into());
        }
        yield_now().await;
        self.log("closed");
        if self.jams { Err(io::Error::other("it jams")) } else { Ok(()) }
    }

    fn close(&self) {
        self.log("shut");
    }
}

/// The graceful part went through, and the rest of it is no news to a door.
const GRACEFUL: [&str; 3] = ["says good-bye", "closed", "shut"];

#[test]
fn it_is_closed_when_the_work_is_done() {
    let door = Door::default();
    assert_eq!(block_on(with_resource(&door, async { io::Result::Ok(door.seen().len()) })).unwrap(), 0);
    assert_eq!(door.seen(), GRACEFUL);
}

#[test]
fn it_is_closed_when_the_work_failed() {
    let door = Door { jams: true, ..Door::default() };
    let failed = block_on(with_resource(&door, async { Err::<(), BoxError>("the work".into()) }));
    // The error of the work comes before that of closing.
    assert_eq!(failed.unwrap_err().to_string(), "the work");
    assert_eq!(door.seen(), GRACEFUL);
}

#[test]
fn an_error_of_closing_comes_out_of_work_that_went_well() {
    let door = Door { jams: true, ..Door::default() };
    let failed = block_on(with_resource(&door, async { anyhow::Ok(1) }));
    assert_eq!(failed.unwrap_err().to_string(), "it jams");
    assert_eq!(door.seen(), GRACEFUL);
}

#[test]
fn it_is_closed_gracefully_when_the_work_was_cancelled() {
    let door = Door::default();
    let scope = CancelScope::new();
    let mut work = Polled::new(scope.run(with_resource(&door, async { io::Result::Ok(sleep_forever().await?) })));
    work.assert_pending();
    assert!(door.seen().is_empty());
    scope.cancel();
    assert!(work.is_woken());
    // The closing waits, and the cancellation does not end it.
    work.assert_pending();
    assert_eq!(door.seen(), ["says good-bye"]);
    assert!(work.is_woken());
    assert_eq!(work.assert_ready().unwrap(), None);
    assert_eq!(door.seen(), ["closed", "shut"]);

    let door = Door::default();
    let cancelled =
        block_on(cancelled_scope().enter(with_resource(&door, async { Ok::<_, io::Error>(checkpoint().await?) })));
    assert!(cancelled.unwrap_err().is_cancelled());
    assert_eq!(door.seen(), GRACEFUL);
}

/// Waits for a peer that takes so many seconds to say good-bye.
struct Slow {
    log: Mutex<Vec<&'static str>>,
    takes: u64,
}

impl Slow {
    fn new(takes: u64) -> Self {
        Self { log: Mutex::default(), takes }
    }

    fn seen(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.log.lock().unwrap())
    }
}

impl AsyncResource for Slow {
    async fn aclose(&self) -> io::Result<()> {
        let good_bye = sleep(Duration::from_secs(self.takes)).await;
        self.log.lock().unwrap().push(if good_bye.is_ok() { "polite" } else { "gave up" });
        Ok(good_bye?)
    }

    fn close(&self) {
        self.log.lock().unwrap().push("shut");
    }
}

#[test]
fn in_a_cancelled_scope_the_closing_has_a_limit() {
    let (clock, slow, scope) = (VirtualClock::new(), Slow::new(100), CancelScope::new());
    let mut work =
        Polled::new(clock.run(scope.run(with_resource(&slow, async { io::Result::Ok(sleep_forever().await?) }))));
    work.assert_pending();
    scope.cancel();
    work.assert_pending();
    clock.advance(Duration::from_millis(4999));
    work.assert_pending();
    assert!(slow.seen().is_empty());
    clock.advance(Duration::from_millis(1));
    assert!(work.is_woken());
    assert_eq!(work.assert_ready().unwrap(), None);
    assert_eq!(slow.seen(), ["gave up", "shut"]);
}

#[test]
fn within_the_grace_the_closing_is_whole() {
    let (clock, slow, scope) = (VirtualClock::new(), Slow::new(9), CancelScope::new());
    let mut work =
        Polled::new(clock.run(scope.run(with_resource_within(Duration::from_secs(10), &slow, async {
            io::Result::Ok(sleep_forever().await?)
        }))));
    work.assert_pending();
    scope.cancel();
    work.assert_pending();
    clock.advance(Duration::from_secs(9));
    assert_eq!(work.assert_ready().unwrap(), None);
    assert_eq!(slow.seen(), ["polite", "shut"]);
}

#[test]
fn where_nothing_is_cancelled_the_closing_takes_its_time_until_something_is() {
    let (clock, slow) = (VirtualClock::new(), Slow::new(100));
    let mut work = Polled::new(clock.run(with_resource(&slow, async { io::Result::Ok(1) })));
    work.assert_pending();
    clock.advance(Duration::from_secs(99));
    work.assert_pending();
    clock.advance(Duration::from_secs(1));
    assert_eq!(work.assert_ready().unwrap(), 1);
    assert_eq!(slow.seen(), ["polite", "shut"]);

    // Cancelled in the middle of closing: from then on there is a limit.
    let scope = CancelScope::new();
    let mut work = Polled::new(clock.run(scope.run(with_resource(&slow, async { io::Result::Ok(1) }))));
    work.assert_pending();
    clock.advance(Duration::from_secs(50));
    work.assert_pending();
    scope.cancel();
    assert!(work.is_woken());
    work.assert_pending();
    clock.advance(Duration::from_secs(5));
    assert_eq!(work.assert_ready().unwrap(), None);
    assert_eq!(slow.seen(), ["gave up", "shut"]);
}

#[test]
fn the_error_of_the_work_is_told_though_the_closing_gave_up() {
    let (clock, slow, scope) = (VirtualClock::new(), Slow::new(100), CancelScope::new());
    scope.cancel();
    let work = with_resource_within(Duration::ZERO, &slow, async { Err::<(), _>(io::Error::other("the work")) });
    let mut work = Polled::new(clock.run(scope.run(work)));
    let failed = match work.poll() {
        std::task::Poll::Ready(failed) => failed,
        std::task::Poll::Pending => work.assert_ready(),
    };
    assert_eq!(failed.unwrap_err().to_string(), "the work");
    assert_eq!(slow.seen(), ["gave up", "shut"]);
}

#[test]
fn it_is_closed_when_the_work_panics() {
    let door = Door::default();
    let work = async {
        if door.seen().is_empty() {
            panic!("boom");
        }
        io::Result::Ok(())
    };
    let panicked = catch_unwind(AssertUnwindSafe(|| block_on(with_resource(&door, work))));
    assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"boom"));
    assert_eq!(door.seen(), ["shut"]);
}

#[test]
fn it_is_closed_when_the_work_is_dropped() {
    let door = Door::default();
    let mut work = Polled::new(with_resource(&door, std::future::pending::<io::Result<()>>()));
    work.assert_pending();
    drop(work);
    assert_eq!(door.seen(), ["shut"]);

    // In the middle of closing, too.
    let mut work = Polled::new(with_resource(&door, async { io::Result::Ok(()) }));
    work.assert_pending();
    drop(work);
    assert_eq!(door.seen(), ["says good-bye", "shut"]);
}

#[test]
fn work_that_was_never_polled_leaves_it_open() {
    let door = Door::default();
    drop(with_resource(&door, async { io::Result::Ok(()) }));
    assert!(door.seen().is_empty());
}

#[test]
fn a_trait_object_and_a_borrowed_resource_will_do() {
    let door = Door::default();
    let resource: &dyn DynAsyncResource = &door;
    assert_eq!(block_on(with_resource(resource, async { io::Result::Ok(1) })).unwrap(), 1);
    assert_eq!(door.seen(), GRACEFUL);
    assert_eq!(block_on(with_resource(&&door, async { io::Result::Ok(1) })).unwrap(), 1);
    assert_eq!(door.seen(), GRACEFUL);
}

#[test]
fn it_may_be_spawned() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let ended = runtime.block_on(async {
        tokio::spawn(async {
            let queue = Queue::<u32>::new();
            with_resource(&queue, async {
                anyio_streams::UnreliableObjectSendStream::send(&queue, 1).await?;
                io::Result::Ok(queue.counts())
            })
            .await
        })
        .await
    });
    assert_eq!(ended.unwrap().unwrap(), [0, 0]);
}

// S9
#[test]
fn closing_forcefully_needs_no_checkpoint() {
    let door = Door::default();
    block_on(cancelled_scope().enter(aclose_forcefully(&door)));
    assert_eq!(door.seen(), ["shut"]);
}
