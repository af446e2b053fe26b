//! `offload` under a tokio runtime.

use std::{future::pending, io, panic::AssertUnwindSafe, thread};

use anyio_cancel_scope::{CancelScope, Cause, cancel_cause, sleep_forever};
use anyio_context_vars::context_var;
use anyio_runtime::{offload, run};
use anyio_task_group::{gather, task_group};
use futures::FutureExt;

use crate::support::{Census, ends, words};

context_var! { static REQUEST: u32; }

fn on_tokio<T: Send + 'static>(fut: impl Future<Output = T> + Send + 'static) -> T {
    ends(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap().block_on(fut))
}

#[test]
fn it_runs_on_the_threads_of_that_runtime() {
    on_tokio(async {
        let name = offload(async { thread::current().name().map(String::from) }).await.unwrap();
        assert!(name.starts_with("tokio"), "{name}");
        let sum: u32 =
            gather((0..100).map(|n| offload(async move { io::Result::Ok(n) }))).await.unwrap().into_iter().sum();
        assert_eq!(sum, 4950);
    });
}

#[test]
fn scope_and_variables_go_along() {
    on_tokio(async {
        let scope = CancelScope::new();
        scope.cancel_because("x");
        let seen = scope.enter(REQUEST.scope(
            3,
            offload(async {
                let cancelled = sleep_forever().await.is_err();
                (cancelled, cancel_cause(), REQUEST.get())
            }),
        ));
        assert_eq!(seen.await, (true, Some(Cause::Called(Some("x".into()))), Some(3)));
    });
}

#[test]
fn a_panic_resumes_in_the_one_who_awaits() {
    on_tokio(async {
        let ended = AssertUnwindSafe(offload(async { panic!("over there") })).catch_unwind().await;
        let payload = ended.unwrap_err();
        assert_eq!(words(&*payload), "over there");
    });
}

#[test]
fn a_group_waits_until_what_its_children_dropped_is_gone() {
    on_tokio(async {
        let census = Census::default();
        let alive = census.one();
        task_group(async |tg| -> io::Result<()> {
            tg.start_soon(async move {
                let mut work = Box::pin(offload(async move {
                    let _alive = alive;
                    pending::<()>().await;
                }));
                assert!(futures::poll!(&mut work).is_pending());
            });
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(census.count(), 0);
    });
}

#[test]
fn inside_of_a_run_it_uses_the_threads_of_the_run() {
    ends(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let _inside = runtime.enter();
        let name = run(offload(async { thread::current().name().map(String::from) })).unwrap();
        assert!(name.starts_with("anyio-worker"), "{name}");
    });
}
