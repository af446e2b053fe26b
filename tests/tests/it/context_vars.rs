//! Context variables in the places where futures are hard to write.

use std::{
    future::Future,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    thread,
    time::Duration,
};

use anyio::{
    Builder, CancelScope, Result, as_completed, context::Snapshot, context_var, gather, local_task_group,
    map_concurrent, move_on_after, offload, ok, race, run, scope::VirtualClock, shield, sleep, sleep_forever,
    task_group, wait_at_most, yield_now,
};
use futures::{
    FutureExt, Stream, StreamExt,
    future::BoxFuture,
    stream::{self, FuturesUnordered},
};

use crate::common::{Count, ends, let_others_run, under, under_every_executor, words};

context_var! {
    /// Inherited.
    static USER: &'static str;
    static ROUND: u32 = 0;
    /// Not inherited.
    #[local]
    static DEPTH: u32 = 0;
}

const MS: Duration = Duration::from_millis(1);

/// The user before and after a wait.
async fn user() -> Option<&'static str> {
    let user = USER.get();
    yield_now().await;
    assert_eq!(USER.get(), user, "it is the same after the wait");
    user
}

/// What is true under any executor is true under each of these.
async fn nothing_is_left() {
    assert_eq!((USER.get(), ROUND.get(), DEPTH.get()), (None, Some(0), Some(0)));
}

under_every_executor! {
    in_a_boxed_dyn_future,
    behind_a_trait_with_impl_future,
    behind_a_dyn_trait,
    in_select,
    around_captures_by_mut,
    in_nested_groups_that_borrow,
    in_futures_unordered,
    in_join,
    in_streams,
    in_the_combinators,
    around_scopes_shields_and_limits,
    set_around_the_call_and_not_around_the_host,
    in_a_task_that_says_when_it_is_ready,
    local_ones_stay_with_their_task,
    a_panic_puts_them_back,
    after_a_cancelled_wait,
}

/// A foreign `spawn` knows nothing of them, unless it is given a snapshot; what is set inside of it holds there.
#[test]
fn in_tokio_spawn() {
    under::tokio_multi_thread(USER.scope("ada", async {
        assert_eq!(tokio::spawn(user()).await.unwrap(), None);
        assert_eq!(tokio::spawn(Snapshot::take().bind(user())).await.unwrap(), Some("ada"));
        assert_eq!(tokio::spawn(USER.scope("grace", user())).await.unwrap(), Some("grace"));
        assert_eq!(user().await, Some("ada"));
        let inside = tokio::spawn(USER.scope("bob", async {
            let tasks = gather((0..3).map(async |_| ok(user().await)));
            tasks.await.unwrap()
        }));
        assert_eq!(inside.await.unwrap(), [Some("bob"); 3]);
    }));
}

fn boxed() -> Pin<Box<dyn Future<Output = Option<&'static str>> + Send>> {
    Box::pin(user())
}

async fn in_a_boxed_dyn_future() {
    let made_outside = boxed();
    let set: BoxFuture<'_, _> = Box::pin(USER.scope("ada", async { (made_outside.await, boxed().await) }));
    assert_eq!(set.await, (Some("ada"), Some("ada")));
    nothing_is_left().await;
}

trait Service {
    fn call(&self, name: &str) -> impl Future<Output = io::Result<Option<&'static str>>> + Send;
}

struct AsUser<S>(&'static str, S);
struct Last;

impl Service for Last {
    async fn call(&self, _: &str) -> io::Result<Option<&'static str>> {
        Ok(user().await)
    }
}

impl<S: Service + Sync> Service for AsUser<S> {
    async fn call(&self, name: &str) -> io::Result<Option<&'static str>> {
        USER.scope(self.0, self.1.call(name)).await
    }
}

async fn behind_a_trait_with_impl_future() {
    async fn called<S: Service>(service: S) -> Option<&'static str> {
        service.call("name").await.unwrap()
    }
    assert_eq!(called(Last).await, None);
    assert_eq!(called(AsUser("outer", AsUser("inner", Last))).await, Some("inner"));
    assert_eq!(USER.scope("around", called(Last)).await, Some("around"));
}

trait DynService: Send + Sync {
    fn call<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Option<&'static str>>;
}

impl<S: Service + Send + Sync> DynService for S {
    fn call<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Option<&'static str>> {
        Service::call(self, name).map(|called| called.unwrap()).boxed()
    }
}

async fn behind_a_dyn_trait() {
    let services: [Box<dyn DynService>; 2] = [Box::new(AsUser("ada", Last)), Box::new(Last)];
    let seen = map_concurrent(&services, 2, async |service| ok(service.call("name").await));
    assert_eq!(USER.scope("around", seen).await.unwrap(), [Some("ada"), Some("around")]);
}

async fn in_select() {
    let chosen = USER.scope("ada", async {
        let mut rounds = 0;
        let mut other = pin!(USER.scope("grace", async {
            for_rounds(3).await;
            user().await
        }));
        loop {
            tokio::select! {
                biased;
                seen = other.as_mut() => break (seen, rounds, user().await),
                here = user() => {
                    assert_eq!(here, Some("ada"), "the other branch left nothing here");
                    rounds += 1;
                }
            }
        }
    });
    let (seen, rounds, here) = chosen.await;
    assert_eq!((seen, here), (Some("grace"), Some("ada")));
    assert!(rounds > 0);
    nothing_is_left().await;
}

async fn for_rounds(count: u32) {
    for _ in 0..count {
        yield_now().await;
    }
}

async fn around_captures_by_mut() {
    let mut seen = Vec::new();
    let mut set = async |name| USER.scope(name, async { seen.push(user().await) }).await;
    set("ada").await;
    set("grace").await;
    let both = task_group(async |tg| -> Result<_> {
        tg.start_soon(USER.scope("bob", async { seen.push(user().await) }));
        Ok(())
    });
    both.await.unwrap();
    assert_eq!(seen, [Some("ada"), Some("grace"), Some("bob")]);
}

// R6
async fn in_nested_groups_that_borrow() {
    let names = [String::from("one"), String::from("two")];
    let ended = USER.scope(
        "ada",
        task_group(async |tg| -> Result<_> {
            for (round, name) in (1..).zip(&names) {
                tg.start_soon(ROUND.scope(round, async move {
                    let local = format!("{name} of {:?}", user().await);
                    let inner = task_group(async |tg| -> Result<_> {
                        let child = tg.start_soon(async {
                            assert_eq!(local, format!("{name} of Some(\"ada\")"));
                            let_others_run().await;
                            ok((USER.get(), ROUND.get()))
                        });
                        let own = tg.start_soon(USER.scope("grace", async { ok((user().await, ROUND.get())) }));
                        Ok((child.join().await?, own.join().await?))
                    });
                    let seen = inner.await?.unwrap();
                    assert_eq!(seen, ((Some("ada"), Some(round)), (Some("grace"), Some(round))));
                    ok(())
                }));
            }
            Ok(ROUND.get())
        }),
    );
    assert_eq!(ended.await.unwrap(), Some(Some(0)));
    nothing_is_left().await;
}

async fn in_futures_unordered() {
    let mut all = FuturesUnordered::new();
    for name in ["ada", "grace", "bob"] {
        all.push(
            USER.scope(name, async move {
                let_others_run().await;
                (name, user().await)
            })
            .boxed(),
        );
    }
    // Those that set nothing see what holds where they are polled.
    all.push(async { ("around", user().await) }.boxed());
    let count = USER.scope("around", async {
        let mut count = 0;
        while let Some((name, seen)) = all.next().await {
            assert_eq!(seen, Some(name));
            assert_eq!(USER.get(), Some("around"));
            count += 1;
        }
        count
    });
    assert_eq!(count.await, 4);
}

async fn in_join() {
    let both = USER.scope("ada", async { futures::join!(user(), USER.scope("grace", user()), boxed()) });
    assert_eq!(both.await, (Some("ada"), Some("grace"), Some("ada")));
    let tried = futures::try_join!(USER.scope("bob", async { ok(user().await) }), async { ok(user().await) });
    assert_eq!(tried.unwrap(), (Some("bob"), None));
}

async fn in_streams() {
    fn users() -> impl Stream<Item = Option<&'static str>> {
        stream::iter(0..4).map(|_| user()).buffered(2)
    }
    // A stream is polled by whoever takes from it.
    let mut stream = pin!(users());
    assert_eq!(stream.next().await, Some(None));
    let seen = USER.scope("ada", users().collect::<Vec<_>>());
    assert_eq!(seen.await, [Some("ada"); 4]);
    let set = stream::iter(["ada", "grace"]).then(|name| USER.scope(name, user()));
    assert_eq!(set.collect::<Vec<_>>().await, [Some("ada"), Some("grace")]);
}

// R6
async fn in_the_combinators() {
    let seen = USER.scope("ada", async {
        let all = gather([boxed(), boxed()].map(|user| async { ok(user.await) })).await.unwrap();
        let mapped = map_concurrent([1, 2], 2, async |_| ok(user().await)).await.unwrap();
        let first = race([USER.scope("grace", async { ok(user().await) })]).await.unwrap();
        let completed = as_completed([async { ok(user().await) }], async |mut results| -> Result<_> {
            let mut seen = vec![user().await];
            while let Some(user) = results.next().await? {
                seen.push(user);
            }
            Ok(seen)
        });
        (all, mapped, first, completed.await.unwrap())
    });
    let ada = vec![Some("ada"); 2];
    assert_eq!(seen.await, (ada.clone(), ada.clone(), Some("grace"), ada));
}

async fn around_scopes_shields_and_limits() {
    let seen = USER.scope("ada", async {
        let shielded = shield(user()).await;
        let limited = move_on_after(MS * 60_000, async { ok(user().await) }).await.unwrap();
        let waited = wait_at_most(MS * 60_000, user()).await;
        let inside = CancelScope::new().enter(USER.scope("grace", user())).await;
        (shielded, limited, waited, inside)
    });
    assert_eq!(seen.await, (Some("ada"), Some(Some("ada")), Some(Some("ada")), Some("grace")));
}

// R6
async fn set_around_the_call_and_not_around_the_host() {
    let seen = USER.scope(
        "host",
        task_group(async |tg| -> Result<_> {
            let around = USER.scope("caller", async { tg.start_soon(async { ok(user().await) }) }).await;
            let later = USER.scope("named", async { tg.task("named") }).await;
            let later = later.start_soon(async { ok(user().await) });
            // Made there, started here.
            let mut made = None;
            USER.scope("maker", async { made = Some(user().map(ok)) }).await;
            let made = tg.start_soon(made.unwrap());
            Ok((around.join().await?, later.join().await?, made.join().await?))
        }),
    );
    assert_eq!(seen.await.unwrap(), Some((Some("caller"), Some("host"), Some("host"))));

    // A task that outlives the future around its start keeps what it was started with.
    task_group(async |tg| -> Result<_> {
        let kept = USER.scope("gone", async {
            tg.start_soon(async {
                let_others_run().await;
                ok(user().await)
            })
        });
        let kept = kept.await;
        assert_eq!(user().await, None);
        assert_eq!(kept.join().await?, Some("gone"));
        Ok(())
    })
    .await
    .unwrap();
}

// G5
async fn in_a_task_that_says_when_it_is_ready() {
    task_group(async |tg| -> Result<_> {
        let started = USER.scope(
            "ada",
            tg.start(async |status| {
                status.started(user().await);
                let_others_run().await;
                ok(user().await)
            }),
        );
        let (first, task) = started.await?;
        assert_eq!((first, task.join().await?), (Some("ada"), Some("ada")));
        Ok(())
    })
    .await
    .unwrap();
}

async fn local_ones_stay_with_their_task() {
    let seen = USER.scope(
        "ada",
        DEPTH.scope(
            3,
            ROUND.scope(
                1,
                task_group(async |tg| -> Result<_> {
                    let inherited = tg.start_soon(async {
                        yield_now().await;
                        ok((USER.get(), DEPTH.get(), ROUND.get()))
                    });
                    let own = tg.start_soon(DEPTH.scope(1, async {
                        yield_now().await;
                        ok((USER.get(), DEPTH.get(), ROUND.get()))
                    }));
                    Ok((DEPTH.get(), inherited.join().await?, own.join().await?))
                }),
            ),
        ),
    );
    let (host, inherited, own) = seen.await.unwrap().unwrap();
    assert_eq!(host, Some(3), "the body of a group is its host's task");
    assert_eq!(inherited, (Some("ada"), Some(0), Some(1)));
    assert_eq!(own, (Some("ada"), Some(1), Some(1)));
}

async fn a_panic_puts_them_back() {
    let panic = AssertUnwindSafe(USER.scope("ada", async {
        yield_now().await;
        panic!("while {:?}", USER.get());
    }))
    .catch_unwind();
    assert_eq!(words(panic.await.unwrap_err()), "while Some(\"ada\")");
    nothing_is_left().await;

    let panic = AssertUnwindSafe(USER.scope(
        "ada",
        task_group(async |tg| -> Result<_> {
            tg.start_soon(ROUND.scope(7, async { panic!("in a task") }));
            Ok(())
        }),
    ));
    assert_eq!(words(panic.catch_unwind().await.unwrap_err()), "in a task");
    nothing_is_left().await;
}

async fn after_a_cancelled_wait() {
    let ended = move_on_after(
        MS,
        USER.scope("ada", async {
            let ended = sleep_forever().await;
            assert_eq!(shield(user()).await, Some("ada"), "the clean-up has them");
            ok(ended?)
        }),
    );
    assert!(ended.await.unwrap().is_none());
    nothing_is_left().await;
}

#[test]
fn moved_between_threads_a_future_takes_them_along() {
    ends(|| {
        let mut moving = Box::pin(USER.scope(
            "ada",
            ROUND.scope(1, async {
                for _ in 0..8 {
                    assert_eq!((USER.get(), ROUND.get()), (Some("ada"), Some(1)));
                    yield_now().await;
                }
                thread::current().id()
            }),
        ));
        let seen = loop {
            // Each poll is on a thread of its own, and there is nothing left on it.
            let polled = thread::spawn(move || {
                let seen = moving.as_mut().now_or_never();
                assert_eq!((USER.get(), ROUND.get()), (None, Some(0)));
                (seen, moving)
            });
            match polled.join().unwrap() {
                (Some(seen), _) => break seen,
                (None, back) => moving = back,
            }
        };
        assert_ne!(seen, thread::current().id());
    });
}

#[test]
fn tasks_that_move_between_threads_see_each_their_own() {
    under::tokio_multi_thread(async {
        let tasks = (0..32).map(|n| {
            tokio::spawn(ROUND.scope(n, async move {
                for _ in 0..100 {
                    assert_eq!(ROUND.get(), Some(n));
                    tokio::task::yield_now().await;
                }
            }))
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
}

// R6
#[test]
fn offload_takes_them_along_and_leaves_local_ones() {
    for workers in [0, 1, 2] {
        ends(move || {
            Builder::new().worker_threads(workers).run(async {
                let seen = USER.scope(
                    "ada",
                    DEPTH.scope(
                        2,
                        offload(async {
                            yield_now().await;
                            let below = offload(async { (USER.get(), DEPTH.get()) }).await;
                            (USER.get(), DEPTH.get(), below)
                        }),
                    ),
                );
                assert_eq!(seen.await, (Some("ada"), Some(0), (Some("ada"), Some(0))));
                assert_eq!(offload(async { USER.get() }).await, None, "nothing is left on the worker");
            });
        });
    }
}

#[test]
fn a_panic_of_a_poll_leaves_nothing_on_the_thread() {
    ends(|| {
        let panic = catch_unwind(|| {
            run(USER.scope(
                "ada",
                task_group(async |tg| -> Result<()> {
                    tg.start_soon(ROUND.scope(1, async { ok(sleep_forever().await?) }));
                    yield_now().await;
                    panic!("on purpose")
                }),
            ))
        });
        assert_eq!(words(panic.unwrap_err()), "on purpose");
        assert_eq!((USER.get(), ROUND.get()), (None, Some(0)));
    });
}

#[test]
fn futures_that_are_not_send_have_them_too() {
    ends(|| {
        run(USER.scope("ada", async {
            let local = std::rc::Rc::new(1);
            let seen = local_task_group(async |tg| -> Result<_> {
                let here = local.clone();
                let task = tg.start_soon(async move { ok((*here, user().await)) });
                Ok(task.join().await?)
            });
            assert_eq!(seen.await.unwrap(), Some((1, Some("ada"))));
        }));
    });
}

#[test]
fn a_clock_that_jumps_does_not_mix_them_up() {
    ends(|| {
        Builder::new().clock(VirtualClock::autojump()).run(async {
            let sleepers = (0..50_u32).map(|n| {
                ROUND.scope(n, async move {
                    sleep(Duration::from_secs((n % 7).into())).await?;
                    ok((n, ROUND.get()))
                })
            });
            for (n, seen) in gather(sleepers).await.unwrap() {
                assert_eq!(seen, Some(n));
            }
        });
    });
}

/// What is cloned, and what a default is asked for, counts up here.
struct Counted;

static CLONES: Count = Count::new();
static DEFAULTS: Count = Count::new();

impl Counted {
    fn default() -> Self {
        DEFAULTS.up();
        Self
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        CLONES.up();
        Self
    }
}

context_var! { static COUNTED: Counted = Counted::default(); }

// Both claims in one test, as the counts are the process's.
#[test]
fn tasks_copy_no_value_and_ask_for_no_default() {
    async fn hundred_tasks(present: bool) {
        let seen = &Count::new();
        task_group(async |tg| -> Result<()> {
            for _ in 0..100 {
                tg.start_soon(async move {
                    assert_eq!(offload(async { Snapshot::take().is_empty() }).await, !present);
                    yield_now().await;
                    assert_eq!(Snapshot::take().is_empty(), !present);
                    seen.up();
                });
            }
            Ok(())
        })
        .await
        .unwrap();
        assert_eq!(seen.get(), 100);
    }
    ends(|| {
        run(async {
            hundred_tasks(false).await;
            // Tasks of one that has local variables alone carry none either.
            DEPTH.scope(1, hundred_tasks(false)).await;
            COUNTED.scope(Counted, hundred_tasks(true)).await;
            assert_eq!((CLONES.get(), DEFAULTS.get()), (0, 0));
            assert!(COUNTED.get().is_some());
            assert_eq!((CLONES.get(), DEFAULTS.get()), (1, 1), "a reader gets a copy of what he asked for");
        });
    });
}
