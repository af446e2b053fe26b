//! Tasks that borrow. What must not compile is in `tests/src/refused.rs`, through the facade.

use std::{io, sync::Mutex};

use anyio_cancel_scope::{BoxError, yield_now};
use anyio_task_group::{TaskGroup, TaskHandle, task_group};
use futures::future::BoxFuture;

use crate::support::run;

#[test]
fn tasks_borrow_what_lives_around_the_group() {
    let text = String::from("abc");
    let lengths = Mutex::new(Vec::new());
    run(task_group(async |tg| -> io::Result<()> {
        for _ in 0..2 {
            tg.start_soon(async {
                yield_now().await;
                lengths.lock().unwrap().push(text.len());
            });
        }
        Ok(())
    }))
    .unwrap();
    assert_eq!(lengths.into_inner().unwrap(), [3, 3]);
}

#[test]
fn each_task_may_have_its_own_mutable_part() {
    let mut numbers = vec![1, 2, 3, 4];
    run(task_group(async |tg| -> io::Result<()> {
        for number in &mut numbers {
            tg.start_soon(async move {
                yield_now().await;
                *number *= 10;
            });
        }
        Ok(())
    }))
    .unwrap();
    assert_eq!(numbers, [10, 20, 30, 40]);
}

#[test]
fn the_body_may_change_what_the_tasks_do_not_borrow() {
    let (shared, mut own) = (5, 0);
    run(task_group(async |tg| -> io::Result<()> {
        let task = tg.start_soon(async { io::Result::Ok(shared + 1) });
        own += task.join().await?;
        Ok(())
    }))
    .unwrap();
    assert_eq!(own, 6);
}

struct Counter {
    total: u32,
    names: Vec<String>,
}

impl Counter {
    async fn count(&mut self) -> Result<u32, BoxError> {
        let names = &self.names;
        let sum = task_group(async |tg| -> Result<u32, BoxError> {
            let tasks: Vec<TaskHandle<u32>> =
                names.iter().map(|name| tg.start_soon(async move { Ok::<_, BoxError>(name.len() as u32) })).collect();
            let mut sum = 0;
            for task in &tasks {
                sum += task.join().await?;
            }
            Ok(sum)
        })
        .await?
        .unwrap_or(0);
        self.total += sum;
        Ok(self.total)
    }
}

#[test]
fn a_method_may_borrow_its_self() {
    let mut counter = Counter { total: 1, names: vec!["a".into(), "bc".into()] };
    assert_eq!(run(counter.count()).unwrap(), 4);
}

#[test]
fn a_group_is_lent_to_functions() {
    async fn start_two<'env>(tg: &TaskGroup<'env, io::Error>, place: &'env Mutex<u32>) {
        for _ in 0..2 {
            tg.start_soon(async move { *place.lock().unwrap() += 1 });
        }
    }
    let place = Mutex::new(0);
    run(task_group(async |tg| -> io::Result<()> {
        start_two(&tg, &place).await;
        Ok(())
    }))
    .unwrap();
    assert_eq!(place.into_inner().unwrap(), 2);
}

trait Service {
    fn call(&mut self, names: &[String]) -> impl Future<Output = io::Result<usize>> + Send;
}

struct Total(usize);

impl Service for Total {
    async fn call(&mut self, names: &[String]) -> io::Result<usize> {
        let total = Mutex::new(&mut self.0);
        task_group(async |tg| -> io::Result<()> {
            for name in names {
                let total = &total;
                tg.start_soon(async move {
                    yield_now().await;
                    **total.lock().unwrap() += name.len();
                });
            }
            Ok(())
        })
        .await?;
        Ok(self.0)
    }
}

#[test]
fn a_trait_method_whose_future_is_send_may_use_a_group_that_borrows() {
    fn boxed<'a, S: Service + Send>(service: &'a mut S, names: &'a [String]) -> BoxFuture<'a, io::Result<usize>> {
        Box::pin(service.call(names))
    }
    assert_eq!(run(boxed(&mut Total(1), &["a".into(), "bc".into()])).unwrap(), 4);
}

/// An error that borrows.
#[derive(Debug)]
enum Borrowed<'a> {
    Cancelled,
    Of(&'a str),
    Several(Vec<Borrowed<'a>>),
}

impl From<anyio_cancel_scope::Cancelled> for Borrowed<'_> {
    fn from(_: anyio_cancel_scope::Cancelled) -> Self {
        Self::Cancelled
    }
}

impl<'a> From<anyio_task_group::ErrorGroup<Borrowed<'a>>> for Borrowed<'a> {
    fn from(group: anyio_task_group::ErrorGroup<Borrowed<'a>>) -> Self {
        Self::Several(group.into_vec())
    }
}

impl anyio_cancel_scope::CancelError for Borrowed<'_> {
    fn as_error(&self) -> &(dyn std::error::Error + 'static) {
        &std::fmt::Error
    }

    fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled)
    }
}

#[test]
fn errors_may_borrow() {
    let text = String::from("abc");
    let result = run(task_group(async |tg| -> Result<(), Borrowed<'_>> {
        for _ in 0..2 {
            tg.start_soon(async { Err::<(), _>(Borrowed::Of(&text)) });
        }
        Ok(())
    }));
    let Err(Borrowed::Several(errors)) = result else { panic!("{result:?}") };
    assert!(matches!(errors[..], [Borrowed::Of("abc"), Borrowed::Of("abc")]));
}
