//! Chapters on cancellation: it is delivered again, and takes nothing away.

use std::{cell::Cell, time::Duration};

use anyio::{
    CancelScope, Cause, Result, cancel_cause, local_task_group, move_on_after, ok, run, sleep, sleep_forever, stopping,
    task_group, yield_now,
};

use crate::Chapter;

pub(crate) const CHAPTERS: &[Chapter] = &[
    Chapter {
        title: "a swallowed cancellation is delivered again",
        elsewhere: "delivered once; a task that swallows it goes on for ever, and the program hangs",
        show: swallowed,
    },
    Chapter {
        title: "a task that is about to resume with a value processes it",
        elsewhere: "the value is lost, for the cancellation takes its place",
        show: resumes,
    },
    Chapter {
        title: "a task that is cancelled before it started still closes its resource",
        elsewhere: "it never runs, and the resource stays open",
        show: closes,
    },
    Chapter {
        title: "a cancellation says why, and a deadline belongs to a scope",
        elsewhere: "a timeout and a shutdown look the same to the code that is interrupted",
        show: causes,
    },
    Chapter {
        title: "a graceful stop lets work finish, and ends what takes too long",
        elsewhere: "a drain loop, a token and a second timeout, by hand in each server",
        show: graceful,
    },
];

fn swallowed() -> Result<String> {
    run(async {
        task_group(async |tg| -> Result<()> {
            tg.start_soon(async {
                // The mistake: this loses the first `Cancelled`.
                sleep(Duration::from_secs(60)).await.ok();
                // The next checkpoint tells it again.
                sleep_forever().await?;
                ok(())
            });
            yield_now().await;
            tg.cancel();
            Ok(())
        })
        .await?;
        Ok("done".into())
    })
}

fn resumes() -> Result<String> {
    run(async {
        let heard = Cell::new("");
        local_task_group(async |tg| -> Result<()> {
            let speaker = tg.start_soon(async {
                yield_now().await;
                ok("hello")
            });
            tg.start_soon(async {
                let speaker = speaker;
                heard.set(speaker.join().await?);
                sleep(Duration::from_secs(60)).await?;
                heard.set("the task is cancelled before this");
                Ok(())
            });
            // The speaker ends in the next turn, and makes its listener ready; then both are cancelled.
            yield_now().await;
            tg.cancel();
            Ok(())
        })
        .await?;
        assert_eq!(heard.get(), "hello");
        Ok(heard.get().into())
    })
}

fn closes() -> Result<String> {
    struct Resource<'a>(&'a Cell<&'static str>);

    impl Resource<'_> {
        async fn close(self) {
            yield_now().await;
            self.0.set("closed");
        }
    }

    run(async {
        let state = Cell::new("open");
        let resource = Resource(&state);
        local_task_group(async |tg| -> Result<()> {
            tg.start_soon(async {
                let used = sleep(Duration::from_secs(60)).await;
                resource.close().await;
                ok(used?)
            });
            tg.cancel();
            Ok(())
        })
        .await?;
        assert_eq!(state.get(), "closed");
        Ok(state.get().into())
    })
}

fn causes() -> Result<String> {
    run(async {
        let told = Cell::new(None);
        let slow = async {
            let result = sleep_forever().await;
            told.set(cancel_cause());
            ok(result?)
        };
        assert!(move_on_after(Duration::from_millis(10), slow).await?.is_none());
        let by_time = told.take();
        assert_eq!(by_time, Some(Cause::Deadline));

        let scope = CancelScope::new().named("request");
        scope.cancel_because("the client hung up");
        scope.run(async { ok(sleep_forever().await?) }).await?;
        let Some(by_hand) = scope.cause() else { panic!("a cancelled scope has a cause") };
        Ok(format!("\"{}\" and \"{by_hand}\"", Cause::Deadline))
    })
}

fn graceful() -> Result<String> {
    run(async {
        let (quick, slow) = (Cell::new("unfinished"), Cell::new("unfinished"));
        let server = CancelScope::new();
        let served = server.run(local_task_group(async |tg| -> Result<()> {
            tg.start_soon(async {
                stopping().await?;
                sleep(Duration::from_millis(5)).await?;
                quick.set("finished");
                ok(())
            });
            tg.start_soon(async {
                sleep_forever().await?;
                slow.set("finished");
                ok(())
            });
            server.stop(Duration::from_millis(100));
            Ok(())
        }));
        served.await?;
        assert_eq!((quick.get(), slow.get()), ("finished", "unfinished"));
        assert_eq!(server.cause(), Some(Cause::Stopped));
        Ok(format!("the quick one {}, the slow one {} when the grace ran out", quick.get(), slow.get()))
    })
}
