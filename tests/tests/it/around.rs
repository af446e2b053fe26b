//! A type with a task of its own behind it, which offers one call in which the body of its user runs (X1).

use std::{
    future::Future,
    io,
    sync::{Arc, Mutex},
};

use anyio::{
    CancelError, CancelScope, CompletedExt, checkpoint, move_on_after, shield, sleep_forever,
    streams::{AsyncResource, with_resource},
    task_group,
};
use std::time::Duration;

use futures::executor::block_on;

/// Where it goes wrong, or is cancelled.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Step {
    Nowhere,
    SetUp,
    Body,
    TearDown,
}

/// A connection that tells what was done with it.
struct Service {
    log: Log,
    fails: Step,
}

type Log = Arc<Mutex<Vec<&'static str>>>;

impl Service {
    /// Sets up, runs the body, tears down.
    async fn with<T, F, Fut>(log: Log, fails: Step, body: F) -> io::Result<T>
    where
        F: FnOnce(Arc<Self>) -> Fut,
        Fut: Future<Output = io::Result<T>>,
    {
        checkpoint().await?;
        if fails == Step::SetUp {
            return Err(io::Error::other("set-up"));
        }
        log.lock().unwrap().push("set up");
        let service = Arc::new(Self { log, fails });
        task_group(async |tg| -> io::Result<T> {
            tg.task("keeps it alive").start_soon(async {
                let stopped = sleep_forever().await;
                service.say("the task ended");
                Ok(stopped?)
            });
            let result = with_resource(&*service, body(service.clone())).await;
            tg.cancel();
            result
        })
        .await
        .completed()
    }

    fn say(&self, what: &'static str) {
        self.log.lock().unwrap().push(what);
    }
}

impl AsyncResource for Service {
    async fn aclose(&self) -> io::Result<()> {
        if self.fails == Step::TearDown {
            return Err(io::Error::other("tear-down"));
        }
        checkpoint().await?;
        self.say("good-bye");
        Ok(())
    }

    fn close(&self) {
        self.say("closed");
    }
}

fn seen(log: &Log) -> Vec<&'static str> {
    std::mem::take(&mut log.lock().unwrap())
}

/// What comes of a service that fails somewhere, and what was seen.
fn run(fails: Step) -> (Result<u32, String>, Vec<&'static str>) {
    let log = Log::default();
    let result = block_on(Service::with(log.clone(), fails, async |service| {
        service.say("body");
        checkpoint().await?;
        if fails == Step::Body { Err(io::Error::other("body")) } else { Ok(7) }
    }));
    (result.map_err(|error| error.to_string()), seen(&log))
}

// anyio: tests/test_contextmanagers.py::TestAsyncContextManagerMixin::test_contextmanager
#[test]
fn the_body_runs_between_set_up_and_tear_down() {
    assert_eq!(run(Step::Nowhere), (Ok(7), vec!["set up", "body", "good-bye", "closed", "the task ended"]));
}

// anyio: tests/test_contextmanagers.py::TestAsyncContextManagerMixin::test_exception
#[test]
fn an_error_of_the_body_comes_out_after_the_tear_down() {
    let all = vec!["set up", "body", "good-bye", "closed", "the task ended"];
    assert_eq!(run(Step::Body), (Err("body".into()), all));
}

#[test]
fn an_error_of_the_set_up_leaves_nothing_to_tear_down() {
    assert_eq!(run(Step::SetUp), (Err("set-up".into()), vec![]));
}

#[test]
fn an_error_of_the_tear_down_comes_out_and_all_has_ended() {
    let all = vec!["set up", "body", "closed", "the task ended"];
    assert_eq!(run(Step::TearDown), (Err("tear-down".into()), all));
}

#[test]
fn cancelled_in_the_set_up_nothing_was_there() {
    let (log, scope) = (Log::default(), CancelScope::new());
    scope.cancel();
    let run = scope.run(Service::with(log.clone(), Step::Nowhere, async |_| Ok(())));
    assert_eq!(block_on(run).unwrap(), None);
    assert!(seen(&log).is_empty());
}

#[test]
fn cancelled_in_the_body_it_is_torn_down_gracefully() {
    let (log, scope) = (Log::default(), CancelScope::new());
    let run = scope.run(Service::with(log.clone(), Step::Nowhere, async |service| {
        service.say("body");
        scope.cancel();
        let cancelled = sleep_forever().await;
        // The body too may clean up.
        shield(move_on_after(Duration::from_secs(1), checkpoint())).await?;
        service.say("body cleaned up");
        Ok(cancelled?)
    }));
    assert_eq!(block_on(run).unwrap(), None);
    let mut seen = seen(&log);
    // The task is cancelled together with the body, so it may end before.
    seen.retain(|what| *what != "the task ended");
    assert_eq!(seen, ["set up", "body", "body cleaned up", "good-bye", "closed"]);
}

#[test]
fn cancelled_in_the_tear_down_it_is_torn_down_all_the_same() {
    let (log, scope) = (Log::default(), CancelScope::new());
    let run = scope.enter(Service::with(log.clone(), Step::Nowhere, async |_| {
        scope.cancel();
        // The body is done; what follows is torn down in a cancelled scope.
        Ok(7)
    }));
    let result = block_on(run);
    assert!(result.as_ref().is_ok_and(|value| *value == 7) || result.is_err_and(|error| error.is_cancelled()));
    let mut seen = seen(&log);
    seen.retain(|what| *what != "the task ended");
    assert_eq!(seen, ["set up", "good-bye", "closed"]);
}

// anyio: tests/test_contextmanagers.py::TestAsyncContextManagerMixin::test_call_superclass_method
#[test]
fn they_nest_and_are_torn_down_from_the_inside_out() {
    let (outer, inner) = (Log::default(), Log::default());
    let result = block_on(Service::with(outer.clone(), Step::Nowhere, async |service| {
        let value = Service::with(inner.clone(), Step::Nowhere, async |_| Ok(7)).await?;
        assert_eq!(seen(&inner).last(), Some(&"the task ended"));
        service.say("the inner one is gone");
        Ok(value)
    }));
    assert_eq!(result.unwrap(), 7);
    assert_eq!(seen(&outer), ["set up", "the inner one is gone", "good-bye", "closed", "the task ended"]);
}

#[test]
fn it_may_be_spawned() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let log = Log::default();
    let spawned = Service::with(log.clone(), Step::Nowhere, async |service| {
        service.say("body");
        Ok(1)
    });
    assert_eq!(runtime.block_on(async { tokio::spawn(spawned).await }).unwrap().unwrap(), 1);
    assert_eq!(seen(&log).len(), 5);
}
