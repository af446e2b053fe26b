//! Groups whose tasks stay on one thread.

use std::{cell::RefCell, io, rc::Rc};

use anyio_cancel_scope::{checkpoint, yield_now};
use anyio_task_group::{JoinError, TaskState, local_task_group};

use crate::support::{Gate, Probe, fail, forever, run, told};

#[test]
fn tasks_and_their_values_need_not_be_send() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let result = run(local_task_group(async |tg| -> io::Result<Rc<u32>> {
        let task = tg.start_soon(async {
            yield_now().await;
            seen.borrow_mut().push("task");
            io::Result::Ok(Rc::new(4))
        });
        let again = tg.clone();
        let seen = &seen;
        tg.task("starter").start_soon(async move {
            again.start_soon(async move { seen.borrow_mut().push("inner") });
        });
        Ok(task.join().await?)
    }));
    assert_eq!(*result.unwrap().unwrap(), 4);
    assert_eq!(*seen.borrow(), ["inner", "task"]);
}

#[test]
fn errors_come_out_as_of_any_group() {
    let result = run(local_task_group(async |tg| -> io::Result<()> {
        tg.start_soon(fail("a"));
        tg.task("b").start_soon(fail("b"));
        forever().await
    }));
    assert_eq!(told(&result.unwrap_err()), "[a, b]");
}

#[test]
fn it_is_cancelled_held_listed_and_shown() {
    let result = run(local_task_group(async |tg| -> io::Result<()> {
        let task = tg.start_soon(forever());
        assert_eq!(tg.tasks().len(), 1);
        assert!(format!("{tg:?} {:?}", tg.task("named")).contains("LocalTaskGroup"));
        drop(tg.hold());
        task.cancel();
        assert_eq!(task.join().await.unwrap_err(), JoinError::TaskCancelled);
        tg.cancel_because("over");
        checkpoint().await?;
        Ok(())
    }));
    assert!(matches!(result, Ok(None)));
}

#[test]
fn a_handle_of_a_value_that_is_send_cancels_the_task_from_another_thread() {
    let kept = RefCell::new(None);
    let mut group = Probe::new(local_task_group(async |tg| -> io::Result<()> {
        let here = Rc::new(());
        *kept.borrow_mut() = Some(tg.start_soon(async move {
            let _here = here;
            forever().await
        }));
        Ok(())
    }));
    group.waits();
    let task = kept.borrow_mut().take().unwrap();
    let task = std::thread::spawn(move || {
        task.cancel();
        task
    })
    .join()
    .unwrap();
    assert_eq!(group.finish().unwrap(), Some(()));
    assert_eq!(task.status(), TaskState::Cancelled);
}

#[test]
fn a_value_that_nobody_takes_is_dropped_with_its_handle() {
    let value = Rc::new(());
    let gate = Gate::new();
    let mut group = Probe::new(local_task_group(async |tg| -> io::Result<()> {
        for _ in 0..3 {
            let value = value.clone();
            tg.start_soon(async move { io::Result::Ok(value) });
        }
        gate.wait().await;
        Ok(())
    }));
    group.waits();
    assert_eq!(Rc::strong_count(&value), 1);
    gate.open();
    group.finish().unwrap();
}

#[test]
#[should_panic(expected = "LocalTaskGroup::start_soon: the group has returned")]
fn start_soon_into_a_returned_local_group_panics() {
    let tg = run(local_task_group(async |tg| -> io::Result<_> { Ok(tg) })).unwrap().unwrap();
    tg.start_soon(async {});
}
