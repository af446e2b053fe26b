//! Chapters on shields: clean-up that is waited for.

use std::{
    cell::Cell,
    io,
    time::{Duration, Instant},
};

use anyio::{
    Builder, CancelError, Cause, Result, cancel_cause, local_task_group, move_on_after, ok, run, shield,
    signals::Signal, sleep, sleep_forever, task_group, yield_now,
};

use crate::{Chapter, signals::press_ctrl_c};

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
    let report = Cell::new("");
    let business = async {
        press_ctrl_c()?;
        let business = sleep_forever().await;
        assert_eq!(cancel_cause(), Some(Cause::Signal(Signal::INT.as_raw())));
        shield(async {
            sleep(Duration::from_millis(20)).await?;
            report.set("Finalizer done");
            ok(())
        })
        .await?;
        ok(business?)
    };
    let ended = Builder::new().cancel_on_signals([Signal::INT]).run(business);
    assert!(ended.is_err_and(|error| error.is_cancelled()));
    assert_eq!(report.get(), "Finalizer done");
    Ok(report.get().into())
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
