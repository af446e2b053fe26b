//! The worker threads: how many, which, and when they are gone.

use std::{
    collections::HashSet,
    io,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyio_cancel_scope::yield_now;
use anyio_runtime::{Builder, offload};
use anyio_task_group::gather;

use crate::support::ends;

fn own_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux has it");
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("anyio-worker")).count()
}

#[test]
fn no_more_threads_poll_than_were_asked_for() {
    ends(|| {
        let (seen, most, now) =
            (Arc::new(Mutex::new(HashSet::new())), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (there, highest, running) = (seen.clone(), most.clone(), now);
        let work = move |_| {
            let (seen, most, now) = (there.clone(), highest.clone(), running.clone());
            offload(async move {
                for _ in 0..10 {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    seen.lock().unwrap().insert(thread::current().id());
                    now.fetch_sub(1, Ordering::SeqCst);
                    yield_now().await;
                }
                io::Result::Ok(())
            })
        };
        Builder::new().worker_threads(3).run(gather((0..200).map(work))).unwrap();
        assert!(most.load(Ordering::SeqCst) <= 3 && seen.lock().unwrap().len() <= 3);
    });
}

#[test]
fn all_of_them_are_used_when_all_are_needed() {
    ends(|| {
        let all = Arc::new(Barrier::new(4));
        let work = |_| {
            let all = all.clone();
            offload(async move {
                all.wait();
                io::Result::Ok(())
            })
        };
        Builder::new().worker_threads(4).run(gather((0..4).map(work))).unwrap();
    });
}

#[test]
fn a_job_that_blocks_does_not_hold_up_the_others() {
    ends(|| {
        let (block, unblock) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let (there, free) = (block.clone(), unblock.clone());
        Builder::new().worker_threads(2).run(async move {
            anyio_task_group::task_group(async |tg| -> io::Result<()> {
                tg.start_soon(offload(async move {
                    there.wait();
                    free.wait();
                }));
                // Both are started now, and one of the workers is inside of the first.
                let meet = offload(async move {
                    block.wait();
                });
                meet.await;
                for n in 0..100 {
                    assert_eq!(offload(async move { n }).await, n);
                }
                unblock.wait();
                Ok(())
            })
            .await
            .unwrap();
        });
    });
}

#[test]
fn one_that_wakes_itself_for_ever_does_not_starve_the_others() {
    ends(|| {
        for count in [0, 1] {
            Builder::new().worker_threads(count).run(async {
                let stop = Arc::new(AtomicUsize::new(0));
                let stopped = stop.clone();
                anyio_task_group::task_group(async |tg| -> io::Result<()> {
                    tg.start_soon(offload(async move {
                        while stopped.load(Ordering::SeqCst) == 0 {
                            yield_now().await;
                        }
                    }));
                    for n in 0..10 {
                        assert_eq!(offload(async move { n }).await, n);
                    }
                    stop.store(1, Ordering::SeqCst);
                    Ok(())
                })
                .await
                .unwrap();
            });
        }
    });
}

/// In a process of its own, since it counts threads.
#[test]
fn they_are_started_when_they_are_needed_and_gone_when_the_run_returns() {
    if std::env::var_os("ALONE").is_none() {
        let me = std::env::current_exe().unwrap();
        let name = "workers::they_are_started_when_they_are_needed_and_gone_when_the_run_returns";
        let child = std::process::Command::new(me).args(["--exact", name]).env("ALONE", "1").output().unwrap();
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
        return;
    }
    anyio_runtime::run(async { assert_eq!(own_threads(), 0) });
    Builder::new().worker_threads(8).run(async {
        assert_eq!(own_threads(), 0);
        offload(async { assert_eq!(own_threads(), 1) }).await;
        let all = Arc::new(Barrier::new(3));
        let work = |_| {
            let all = all.clone();
            offload(async move {
                all.wait();
                io::Result::Ok(())
            })
        };
        gather((0..3).map(work)).await.unwrap();
        // The first may not have been asleep yet when it was wanted again.
        assert!((3..=4).contains(&own_threads()));
    });
    assert_eq!(own_threads(), 0);
}

#[test]
fn runs_on_several_threads_have_workers_each() {
    ends(|| {
        let both = &Barrier::new(2);
        thread::scope(|threads| {
            for _ in 0..2 {
                threads.spawn(|| {
                    Builder::new().worker_threads(1).run(async {
                        both.wait();
                        let sum =
                            gather((0..1000_u32).map(|n| offload(async move { io::Result::Ok(n) }))).await.unwrap();
                        assert_eq!(sum.into_iter().sum::<u32>(), 499_500);
                        both.wait();
                    });
                });
            }
        });
    });
}
