//! What may go to other threads, and what may be moved.

use std::{io, rc::Rc};

use anyio_cancel_scope::Cancelled;
use anyio_task_group::{
    Completed, ErrorGroup, Hold, Join, JoinError, NeverStarted, Next, TaskBuilder, TaskGroup, TaskHandle, TaskId,
    TaskInfo, TaskState, TaskStatus, Wait, as_completed, debug::TaskTree, gather, local_task_group, map_concurrent,
    race, task_group,
};

use crate::support::forever;

fn send<T: Send>() {}
fn sync<T: Sync>() {}
fn unpin<T: Unpin>() {}
fn is_send<T: Send>(_: &T) {}

#[test]
fn the_types_are_send_and_sync_where_they_can_be() {
    send::<TaskGroup<'_, io::Error>>();
    sync::<TaskGroup<'_, io::Error>>();
    send::<TaskBuilder<'_, '_, io::Error>>();
    send::<TaskHandle<u32>>();
    sync::<TaskHandle<u32>>();
    // What is only `Send` makes its handle `Sync` as well: there is a lock around it.
    sync::<TaskHandle<std::cell::Cell<u32>>>();
    send::<TaskStatus<u32>>();
    sync::<TaskStatus<u32>>();
    send::<Hold>();
    sync::<Hold>();
    send::<Join<'_, u32>>();
    send::<Wait<'_>>();
    send::<Next<'_, u32>>();
    send::<Completed<u32>>();
    send::<ErrorGroup<io::Error>>();
    sync::<ErrorGroup<io::Error>>();
    for_all::<(TaskId, TaskInfo, TaskState, TaskTree, JoinError, NeverStarted, Cancelled)>();
}

fn for_all<T: Send + Sync + Unpin + 'static>() {}

#[test]
fn waits_are_unpin() {
    unpin::<Join<'_, u32>>();
    unpin::<Wait<'_>>();
    unpin::<Next<'_, u32>>();
}

#[test]
fn the_futures_are_send_where_what_they_run_is() {
    is_send(&task_group(async |tg| -> io::Result<()> {
        tg.start_soon(forever());
        let (_port, server) = tg
            .start(async |status| {
                status.started(1);
                forever().await
            })
            .await?;
        server.join().await?;
        Ok(())
    }));
    is_send(&gather([forever()]));
    is_send(&race([forever()]));
    is_send(&map_concurrent([1], 1, async |_| forever().await));
    is_send(&as_completed([forever()], async |mut results| Ok::<_, io::Error>(results.next().await?)));
}

#[test]
fn a_handle_of_a_value_that_is_not_send_stays_where_it_is() {
    // `TaskHandle<Rc<()>>` is not `Send`, or the two candidates would be ambiguous.
    trait Ambiguous<A> {
        fn some() {}
    }
    impl<T> Ambiguous<()> for T {}
    impl<T: Send> Ambiguous<u8> for T {}
    <TaskHandle<Rc<()>> as Ambiguous<_>>::some();
}

#[test]
fn a_local_group_takes_what_is_not_send() {
    let here = Rc::new(());
    drop(local_task_group(async |tg| -> io::Result<()> {
        tg.start_soon(async { drop(here.clone()) });
        Ok(())
    }));
}
