//! Chapters on task groups.

use std::{io, time::Duration};

use anyio::{
    ErrorGroup, Result, TaskGroup, debug, local_task_group, move_on_after, ok, run, sleep, sleep_forever,
    task::TaskState, task_group, yield_now,
};

use crate::Chapter;

pub(crate) const CHAPTERS: &[Chapter] = &[
    Chapter {
        title: "a group lists its children",
        elsewhere: "whoever wants to know what runs keeps a list by hand",
        show: listing,
    },
    Chapter {
        title: "a late child of a cancelled group is cancelled too",
        elsewhere: "it runs on, and the group hangs on it",
        show: late_child,
    },
    Chapter {
        title: "a child says when it is ready",
        elsewhere: "an event and a race with the child's failure, written anew each time",
        show: readiness,
    },
    Chapter {
        title: "handles give results, and cancel one child",
        elsewhere: "an abort handle and a channel per task",
        show: handles,
    },
    Chapter {
        title: "two errors come out of one group",
        elsewhere: "the first error wins, the second is dropped or only logged",
        show: two_errors,
    },
    Chapter {
        title: "children borrow from the code around them",
        elsewhere: "everything is cloned into an Arc, since a task must own what it uses",
        show: borrowing,
    },
    Chapter {
        title: "a timeout ends the grandchildren, too",
        elsewhere: "it drops the parent, and what that had spawned runs on",
        show: grandchildren,
    },
];

fn listing() -> Result<String> {
    run(async {
        let mut names = Vec::new();
        task_group(async |tg| -> Result<()> {
            for name in ["reader", "writer"] {
                tg.task(name).start_soon(async { ok(sleep_forever().await?) });
            }
            yield_now().await;
            names = tg.tasks().iter().map(|task| task.name().to_owned()).collect();
            let tree = debug::task_tree().to_string();
            assert!(tree.contains("reader") && tree.contains("waits in sleep_forever at"), "{tree}");
            tg.cancel();
            Ok(())
        })
        .await?;
        assert_eq!(names, ["reader", "writer"]);
        Ok(format!("{}, each with the line where it waits", names.join(" and ")))
    })
}

fn late_child() -> Result<String> {
    run(async {
        let mut state = TaskState::Pending;
        local_task_group(async |tg| -> Result<()> {
            tg.cancel();
            let late = tg.start_soon(async { ok(sleep_forever().await?) });
            while late.status() != TaskState::Cancelled {
                yield_now().await;
            }
            state = late.status();
            Ok(())
        })
        .await?;
        Ok(format!("it ran to its first checkpoint: {state:?}"))
    })
}

/// Listens, says on which port, and serves until it is cancelled.
async fn serve(status: anyio::TaskStatus<u16>) -> Result<()> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    status.started(listener.local_addr()?.port());
    Ok(sleep_forever().await?)
}

fn readiness() -> Result<String> {
    run(async {
        let mut reached = false;
        task_group(async |tg| -> Result<()> {
            let (port, server) = tg.start(serve).await?;
            reached = std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
            server.cancel();

            let failed =
                tg.start(async |_status: anyio::TaskStatus<u16>| Err::<(), _>("the port is in use".into())).await;
            assert_eq!(failed.map(|(port, _)| port).unwrap_err().to_string(), "the port is in use");
            Ok(())
        })
        .await?;
        assert!(reached);
        Ok("`start` returned the port of a server that listens; a child that failed instead left the group alone"
            .into())
    })
}

fn handles() -> Result<String> {
    run(async {
        let sum = task_group(async |tg| -> Result<u32> {
            let idle = tg.start_soon(async { ok(sleep_forever().await?) });
            let squares: Vec<_> = (1..=3).map(|n: u32| tg.start_soon(async move { ok(n * n) })).collect();
            idle.cancel();
            idle.wait().await?;
            assert_eq!(idle.status(), TaskState::Cancelled);
            let mut sum = 0;
            for square in squares {
                sum += square.join().await?;
            }
            Ok(sum)
        })
        .await?;
        assert_eq!(sum, Some(14));
        Ok("1 + 4 + 9 = 14, while a fourth child was cancelled alone".into())
    })
}

fn two_errors() -> Result<String> {
    run(async {
        let error = task_group(async |tg| -> io::Result<()> {
            for what in ["the disk is full", "the network is down"] {
                tg.start_soon(async move { Err::<(), _>(io::Error::other(what)) });
            }
            sleep_forever().await?;
            Ok(())
        })
        .await
        .expect_err("both children fail");
        let group = error.get_ref().and_then(|error| error.downcast_ref::<ErrorGroup<io::Error>>());
        assert_eq!(group.map(ErrorGroup::len), Some(2));
        Ok(error.to_string())
    })
}

fn borrowing() -> Result<String> {
    /// A child may be started from a function, too.
    fn count<'env>(tg: &TaskGroup<'env, anyio::BoxError>, word: &'env str, letters: &'env mut usize) {
        tg.start_soon(async move {
            sleep(Duration::from_millis(1)).await?;
            *letters = word.len();
            ok(())
        });
    }

    run(async {
        let words = [String::from("structured"), String::from("concurrency")];
        let mut counts = [0; 2];
        task_group(async |tg| -> Result<()> {
            for (word, letters) in words.iter().zip(&mut counts) {
                count(&tg, word, letters);
            }
            Ok(())
        })
        .await?;
        assert_eq!(counts, [10, 11]);
        Ok(format!("two children wrote {counts:?} into an array of this function"))
    })
}

fn grandchildren() -> Result<String> {
    run(async {
        let ended = std::sync::atomic::AtomicUsize::new(0);
        let family = async {
            task_group(async |parents| -> Result<()> {
                for _ in 0..3 {
                    parents.start_soon(async {
                        task_group(async |children| -> Result<()> {
                            for _ in 0..3 {
                                children.start_soon(async {
                                    let result = sleep_forever().await;
                                    ended.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                                    ok(result?)
                                });
                            }
                            Ok(())
                        })
                        .await
                    });
                }
                Ok(())
            })
            .await
        };
        assert!(move_on_after(Duration::from_millis(10), family).await?.is_none());
        assert_eq!(ended.load(std::sync::atomic::Ordering::Relaxed), 9);
        Ok("all 9 had ended, by their own code, when the timeout returned".into())
    })
}
