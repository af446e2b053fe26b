//! Groups in the places where futures are hard to write: not only that they compile there, also that they run.

use std::{
    collections::BTreeMap,
    future::Future,
    io,
    pin::{Pin, pin},
    time::Duration,
};

use anyio::{
    BoxError, CancelScope, CompletedExt, Result, TaskGroup, gather, map_concurrent, move_on_after, ok, shield, sleep,
    sleep_forever, task_group, yield_now,
};
use futures::{FutureExt, future::BoxFuture};

use crate::common::{Count, let_others_run, under, under_every_executor};

const MS: Duration = Duration::from_millis(1);

async fn work(n: u32) -> io::Result<u32> {
    yield_now().await;
    Ok(n)
}

under_every_executor! {
    boxed_as_dyn_send,
    behind_a_trait_with_impl_future,
    behind_a_dyn_trait,
    in_select,
    in_select_in_a_loop,
    with_captures_by_mut,
    with_captures_of_mut_self,
    nested_with_the_outer_childs_locals,
    from_an_inner_group_into_the_outer_one,
    recursive,
    as_a_handle_in_functions_and_structs,
    in_join_and_try_join,
    generic_in_the_error,
    as_shared,
}

/// `tokio::spawn` from inside of a group: the foreign task knows nothing of the scope, and its handle is a foreign future.
#[test]
fn in_tokio_spawn_and_around_it() {
    under::tokio_multi_thread(async {
        let ended = move_on_after(
            2 * MS,
            task_group(async |tg| -> Result<()> {
                for _ in 0..4 {
                    tg.start_soon(async {
                        let inside = tokio::spawn(async {
                            let names = [String::from("a"), String::from("bc")];
                            let lengths = gather(names.iter().map(async |name| ok(work(name.len() as u32).await?)));
                            lengths.await
                        });
                        assert_eq!(inside.cancellable().await???, [1, 2]);
                        let endless = tokio::spawn(std::future::pending::<()>());
                        let abort = endless.abort_handle();
                        let ended = endless.cancellable().await;
                        abort.abort();
                        ended??;
                        ok(())
                    });
                }
                Ok(())
            }),
        );
        assert!(ended.await.unwrap().is_none());
    });
    use anyio::CancelExt;
}

fn sum(numbers: &[u32]) -> Pin<Box<dyn Future<Output = Result<u32>> + Send + '_>> {
    Box::pin(async move {
        let mut sum = 0;
        task_group(async |tg| -> Result<_> {
            let parts: Vec<_> = numbers.iter().map(|n| tg.start_soon(async { ok(work(*n).await?) })).collect();
            for part in parts {
                sum += part.join().await?;
            }
            Ok(())
        })
        .await?;
        Ok(sum)
    })
}

async fn boxed_as_dyn_send() {
    assert_eq!(sum(&[1, 2, 3]).await.unwrap(), 6);
}

trait Service {
    fn call(&self, name: &str) -> impl Future<Output = io::Result<u32>> + Send;
}

struct Store(Vec<u32>);

impl Service for Store {
    async fn call(&self, name: &str) -> io::Result<u32> {
        let count = Count::new();
        task_group(async |tg| -> io::Result<_> {
            for n in &self.0 {
                tg.start_soon(async {
                    for _ in 0..work(*n).await? {
                        count.up();
                    }
                    Ok(())
                });
            }
            tg.start_soon(work(name.len() as u32));
            Ok(())
        })
        .await?;
        Ok(count.get() as u32)
    }
}

async fn behind_a_trait_with_impl_future() {
    async fn twice<S: Service>(service: &S) -> io::Result<u32> {
        Ok(service.call("a").await? + service.call("b").await?)
    }
    assert_eq!(twice(&Store(vec![1, 2, 3])).await.unwrap(), 12);
}

trait DynService: Send + Sync {
    fn call<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<String>>;
}

impl DynService for String {
    fn call<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            let greeting = task_group(async |tg| -> Result<_> {
                let greeting = tg.start_soon(async move {
                    sleep(MS).await?;
                    ok(format!("{self} {name}"))
                });
                Ok(greeting.join().await?)
            });
            greeting.await.completed()
        })
    }
}

async fn behind_a_dyn_trait() {
    let services: Vec<Box<dyn DynService>> = vec![Box::new(String::from("hello")), Box::new(String::from("good day"))];
    let greetings = map_concurrent(&services, 2, |service| service.call("ada")).await.unwrap();
    assert_eq!(greetings, ["hello ada", "good day ada"]);
}

async fn in_select() {
    let alive = Count::new();
    let idle = || {
        task_group(async |tg| -> Result<()> {
            tg.start_soon(async {
                let _alive = alive.hold();
                ok(sleep_forever().await?)
            });
            Ok(())
        })
    };
    let first = tokio::select! {
        ended = idle() => panic!("it is endless: {ended:?}"),
        slept = sleep(MS) => slept,
    };
    assert_eq!((first, alive.get()), (Ok(()), 0));

    let first = tokio::select! {
        biased;
        _ = sleep_forever() => panic!("it is endless"),
        sum = sum(&[1, 2]) => sum,
    };
    assert_eq!(first.unwrap(), 3);

    let late = move_on_after(MS, async {
        tokio::select! {
            ended = idle() => ended?,
            ended = sleep_forever() => Some(ended?),
        };
        ok(())
    });
    assert!(late.await.unwrap().is_none());
    assert_eq!(alive.get(), 0);
}

async fn in_select_in_a_loop() {
    let count = Count::new();
    let mut group = pin!(task_group(async |tg| -> Result<_> {
        for _ in 0..3 {
            tg.start_soon(async {
                let_others_run().await;
                count.up();
            });
        }
        Ok("done")
    }));
    let mut ticks = 0;
    let done = loop {
        tokio::select! {
            biased;
            done = group.as_mut() => break done,
            () = yield_now() => ticks += 1,
        }
    };
    assert_eq!((done.unwrap(), count.get()), (Some("done"), 3));
    assert!(ticks >= 20, "the group stood still between: {ticks}");
}

async fn with_captures_by_mut() {
    let (mut number, mut list) = (0, vec![]);
    task_group(async |tg| -> io::Result<_> {
        tg.start_soon(async {
            number += work(1).await?;
            Ok(())
        });
        tg.start_soon(async {
            list.push(work(2).await?);
            list.push(work(3).await?);
            Ok(())
        });
        Ok(())
    })
    .await
    .unwrap();
    number += 1;
    assert_eq!((number, list), (2, vec![2, 3]));
}

struct Totals {
    sum: u32,
    seen: BTreeMap<u32, u32>,
}

impl Totals {
    async fn add(&mut self, n: u32) -> io::Result<()> {
        task_group(async |tg| -> io::Result<_> {
            tg.start_soon(async {
                self.sum += work(n).await?;
                Ok(())
            });
            tg.start_soon(async {
                *self.seen.entry(work(n).await?).or_default() += 1;
                Ok(())
            });
            Ok(())
        })
        .await
        .completed()
    }
}

async fn with_captures_of_mut_self() {
    let mut totals = Totals { sum: 0, seen: BTreeMap::new() };
    for n in [1, 2, 2] {
        totals.add(n).await.unwrap();
    }
    assert_eq!((totals.sum, totals.seen), (5, BTreeMap::from([(1, 1), (2, 2)])));
}

async fn nested_with_the_outer_childs_locals() {
    let outer = String::from("outer");
    let seen = Count::new();
    let scope = CancelScope::new();
    let ended = scope.run(task_group(async |tg| -> Result<()> {
        for number in 0..3 {
            let (outer, seen) = (&outer, &seen);
            tg.start_soon(async move {
                let inner = format!("{outer} {number}");
                let mut last = None;
                let result = task_group(async |tg| -> Result<()> {
                    tg.start_soon(async {
                        let deep = inner.clone();
                        task_group(async |tg| -> Result<()> {
                            tg.start_soon(async {
                                let ended = sleep_forever().await;
                                assert_eq!((deep.as_str(), outer.as_str()), (inner.as_str(), "outer"));
                                seen.up();
                                ok(ended?)
                            });
                            Ok(())
                        })
                        .await?;
                        ok(())
                    });
                    let ended = sleep_forever().await;
                    last = Some(inner.len());
                    Ok(ended?)
                });
                let result = result.await;
                assert_eq!(last, Some(inner.len()));
                result?;
                ok(())
            });
        }
        let_others_run().await;
        scope.cancel();
        Ok(())
    }));
    assert!(ended.await.unwrap().is_none());
    assert_eq!(seen.get(), 3);
}

async fn from_an_inner_group_into_the_outer_one() {
    let word = String::from("word");
    let ended = Count::new();
    task_group(async |outer| -> Result<_> {
        task_group(async |tg| -> Result<_> {
            tg.start_soon(async {
                outer.start_soon(async {
                    let_others_run().await;
                    assert_eq!(word, "word");
                    ended.up();
                });
                ok(())
            });
            Ok(())
        })
        .await?;
        assert_eq!(ended.get(), 0, "the outer one waits for it, not the inner one");
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(ended.get(), 1);
}

async fn recursive() {
    fn walk(depth: u32, leaves: &Count) -> BoxFuture<'_, io::Result<()>> {
        async move {
            if depth == 0 {
                leaves.up();
                return Ok(());
            }
            task_group(async |tg| -> io::Result<_> {
                for _ in 0..3 {
                    tg.start_soon(walk(depth - 1, leaves));
                }
                Ok(())
            })
            .await
            .completed()
        }
        .boxed()
    }
    let leaves = Count::new();
    walk(5, &leaves).await.unwrap();
    assert_eq!(leaves.get(), 243);
}

struct Server<'env> {
    tg: TaskGroup<'env, BoxError>,
    served: &'env Count,
}

impl<'env> Server<'env> {
    fn serve(&self, n: u32) {
        let served = self.served;
        self.tg.start_soon(async move {
            work(n).await?;
            served.up();
            ok(())
        });
    }
}

async fn as_a_handle_in_functions_and_structs() {
    async fn accept<'env>(tg: TaskGroup<'env, BoxError>, served: &'env Count) -> Result<()> {
        let server = Server { tg, served };
        for n in 0..5 {
            server.serve(work(n).await?);
        }
        Ok(())
    }
    let served = Count::new();
    task_group(async |tg| -> Result<_> {
        tg.start_soon(accept(tg.clone(), &served));
        Ok(())
    })
    .await
    .unwrap();
    assert_eq!(served.get(), 5);
}

async fn in_join_and_try_join() {
    let numbers = vec![1, 2, 3];
    let (one, two) = futures::join!(sum(&numbers), sum(&numbers[1..]));
    assert_eq!((one.unwrap(), two.unwrap()), (6, 5));

    let scope = CancelScope::new();
    let both = scope.run(async {
        futures::try_join!(sum(&numbers), async {
            let_others_run().await;
            scope.cancel();
            ok(sleep_forever().await?)
        })
    });
    assert!(both.await.unwrap().is_none());
}

async fn generic_in_the_error() {
    async fn all<E>(count: &Count) -> Result<Option<u32>, E>
    where
        E: anyio::CancelError + From<anyio::ErrorGroup<E>> + From<io::Error> + From<anyio::JoinError> + Send + 'static,
    {
        task_group(async |tg| -> Result<_, E> {
            let one = tg.start_soon(async {
                count.up();
                Ok(work(1).await?)
            });
            Ok(one.join().await? + work(2).await?)
        })
        .await
    }
    let count = Count::new();
    assert_eq!(all::<BoxError>(&count).await.unwrap(), Some(3));
    assert_eq!(all::<anyhow::Error>(&count).await.unwrap(), Some(3));
    assert_eq!(all::<io::Error>(&count).await.unwrap(), Some(3));
    assert_eq!(count.get(), 3);
}

/// Two tasks await one group through `Shared`, whose waker is its own, and the scope around one of them is cancelled.
async fn as_shared() {
    let cleaned = Count::new();
    let group = async {
        let ended = task_group(async |tg| -> Result<()> {
            tg.start_soon(async {
                let ended = sleep_forever().await;
                shield(async {
                    yield_now().await;
                    cleaned.up();
                })
                .await;
                ok(ended?)
            });
            Ok(())
        });
        ended.await.map_err(|error| error.to_string())
    };
    let group = group.shared();
    let scope = CancelScope::new();
    task_group(async |tg| -> Result<_> {
        let (inside, outside) = (group.clone(), group.clone());
        let first = tg.start_soon(scope.run(async { inside.await.map_err(BoxError::from) }));
        let_others_run().await;
        scope.cancel();
        assert!(outside.await.is_err(), "outside of the scope it is a failure");
        assert_eq!(first.join().await.unwrap_err(), anyio::JoinError::TaskFailed);
        Ok(())
    })
    .await
    .unwrap_err();
    assert_eq!(cleaned.get(), 1);
}
