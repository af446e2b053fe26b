//! Chapters on shields: clean-up that is waited for.

use std::{
    cell::Cell,
    io,
    time::{Duration, Instant},
};

use anyio::{
    CancelError, CancelExt, Cause, Result, local_task_group, move_on_after, ok, run, shield, sleep, sleep_forever,
    task_group, yield_now,
};
use async_signal::{Signal, Signals};
use futures_lite::StreamExt;

use crate::Chapter;

pub(crate) const CHAPTERS: &[Chapter] = &[
    Chapter {
        title: "a shielded section is no orphan, and its error comes out",
        elsewhere: "a shield makes a second task, which its host abandons; nobody sees its error",
        show: no_orphan,
    },
    Chapter {
        title: "a shielded finalizer ends after Ctrl-C",
        elsewhere: "the shutdown cancels every task, the shielded ones too",
        show: after_ctrl_c,
    },
    Chapter {
        title: "a shielded finalizer has a limit of its own",
        elsewhere: "a clean-up that hangs makes the shutdown hang",
        show: limited,
    },
];

fn no_orphan() -> Result<String> {
    run(async {
        let error = task_group(async |tg| -> io::Result<()> {
            tg.start_soon(async {
                shield(async {
                    sleep(Duration::from_millis(5)).await?;
                    Err::<(), _>(io::Error::other("the flush failed"))
                })
                .await
            });
            yield_now().await;
            tg.cancel();
            Ok(())
        })
        .await
        .expect_err("the error of the shielded section comes out of the group");
        assert!(!error.is_cancelled());
        Ok(format!("the group waited for it, and returned \"{error}\""))
    })
}

fn after_ctrl_c() -> Result<String> {
    run(async {
        let mut signals = Signals::new([Signal::Int])?;
        let report = Cell::new("");
        local_task_group(async |tg| -> Result<()> {
            let group = tg.clone();
            tg.start_soon(async move {
                signals.next().cancellable().await?;
                group.cancel_because("Ctrl-C");
                ok(())
            });
            tg.start_soon(async {
                let business = sleep_forever().await;
                shield(async {
                    sleep(Duration::from_millis(20)).await?;
                    report.set("Finalizer done");
                    ok(())
                })
                .await?;
                ok(business?)
            });
            yield_now().await;
            // The program presses Ctrl-C itself.
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::INT)?;
            sleep_forever().await?;
            Ok(())
        })
        .await?;
        assert_eq!(report.get(), "Finalizer done");
        Ok(report.get().into())
    })
}

fn limited() -> Result<String> {
    run(async {
        let begun = Instant::now();
        let finished = Cell::new(None);
        let ended = local_task_group(async |tg| -> Result<()> {
            tg.start_soon(async {
                let work = sleep_forever().await;
                let say_goodbye = async { ok(sleep(Duration::from_secs(60)).await?) };
                finished.set(shield(move_on_after(Duration::from_millis(20), say_goodbye)).await?);
                ok(work?)
            });
            yield_now().await;
            tg.scope().cancel_because("shutting down");
            assert_eq!(tg.scope().cause(), Some(Cause::Called(Some("shutting down".into()))));
            sleep_forever().await?;
            Ok(())
        });
        assert!(ended.await?.is_none() && finished.get().is_none());
        assert!(begun.elapsed() < Duration::from_secs(10));
        Ok("a goodbye of 60 s was given up after its 20 ms".into())
    })
}
