//! Context variables in tasks (R6).

use std::{io, sync::Mutex};

use anyio_cancel_scope::yield_now;
use anyio_context_vars::context_var;
use anyio_task_group::{Completed, as_completed, gather, local_task_group, map_concurrent, race, task_group};

use crate::support::{Gate, Log, Probe, run};

context_var! {
    static USER: &'static str;
    #[local] static DEPTH: u32;
}

async fn user() -> io::Result<Option<&'static str>> {
    let first = USER.get();
    yield_now().await;
    assert_eq!(USER.get(), first, "it lasts as long as the task");
    Ok(first)
}

// R6
#[test]
fn the_variables_of_a_task_are_those_of_whoever_starts_it() {
    let result = run(USER.scope(
        "host",
        task_group(async |tg| -> io::Result<()> {
            let by_host = tg.start_soon(user());
            let by_body = USER.scope("body", async { tg.start_soon(user()) }).await;
            let again = tg.clone();
            let task = USER.scope("task", async { tg.start_soon(async move { Ok(again.start_soon(user())) }) }).await;
            let by_task = task.join().await?;
            assert_eq!(by_host.join().await?, Some("host"));
            assert_eq!(by_body.join().await?, Some("body"));
            assert_eq!(by_task.join().await?, Some("task"));
            assert_eq!(USER.get(), Some("host"));
            Ok(())
        }),
    ));
    assert_eq!(result.unwrap(), Some(()));
}

// R6
#[test]
fn a_task_that_is_started_where_nothing_is_set_sees_nothing_of_its_host() {
    let (gate, kept) = (Gate::new(), Mutex::new(None));
    let mut group = Probe::new(USER.scope(
        "host",
        task_group(async |tg| -> io::Result<()> {
            *kept.lock().unwrap() = Some(tg);
            gate.wait().await;
            Ok(())
        }),
    ));
    group.waits();
    let task = kept.lock().unwrap().take().unwrap().start_soon(user());
    gate.open();
    group.finish().unwrap();
    assert_eq!(task.try_result(), Some(Ok(None)));
}

// anyio: tests/test_taskgroups.py::TestCreateTask::test_custom_context
#[test]
fn a_task_is_given_variables_of_its_own_around_its_future() {
    run(task_group(async |tg| -> io::Result<()> {
        let own = tg.start_soon(USER.scope("own", user()));
        let sibling = tg.start_soon(user());
        assert_eq!((own.join().await?, sibling.join().await?), (Some("own"), None));
        assert_eq!(USER.get(), None);
        Ok(())
    }))
    .unwrap();
}

// R6: `start` is a wait, and its task is made where it is polled
#[test]
fn a_task_that_says_when_it_is_ready_has_the_variables_of_its_start() {
    run(task_group(async |tg| -> io::Result<()> {
        let start = tg.start(async |status| {
            status.started(USER.get());
            user().await
        });
        let (seen, task) = USER.scope("starter", start).await?;
        assert_eq!((seen, task.join().await?), (Some("starter"), Some("starter")));
        Ok(())
    }))
    .unwrap();
}

// R6
#[test]
fn combinators_and_local_groups_inherit_too() {
    run(USER.scope("caller", async {
        assert_eq!(gather([user(), user()]).await?, [Some("caller"); 2]);
        assert_eq!(map_concurrent([(), ()], 1, async |()| user().await).await?, [Some("caller"); 2]);
        assert_eq!(race([user()]).await?, Some("caller"));
        let body = async |mut results: Completed<_>| Ok(results.next().await?);
        assert_eq!(as_completed([user()], body).await?, Some(Some("caller")));
        let local = local_task_group(async |tg| -> io::Result<_> { Ok(tg.start_soon(user()).join().await?) });
        assert_eq!(local.await?, Some(Some("caller")));
        io::Result::Ok(())
    }))
    .unwrap();
}

#[test]
fn local_variables_stay_with_their_task() {
    run(DEPTH.scope(
        1,
        task_group(async |tg| -> io::Result<()> {
            let task = tg.start_soon(async { io::Result::Ok(DEPTH.get()) });
            assert_eq!((task.join().await?, DEPTH.get()), (None, Some(1)));
            Ok(())
        }),
    ))
    .unwrap();
}

/// A destructor is the task's own code.
#[test]
fn what_a_task_holds_is_dropped_among_its_variables_when_it_ends() {
    let log = Log::new();
    struct Tells(Log);
    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.add(USER.get().unwrap_or("nothing"));
        }
    }
    run(task_group(async |tg| -> io::Result<()> {
        let tells = Tells(log.clone());
        USER.scope("starter", async {
            tg.start_soon(async move {
                let _tells = tells;
                yield_now().await;
            })
        })
        .await;
        Ok(())
    }))
    .unwrap();
    assert_eq!(log.all(), ["starter"]);
}
