//! A chapter on time.

use std::time::{Duration, Instant};

use anyio::{Builder, Result, gather, move_on_after, now, offload, ok, scope::VirtualClock, sleep, sleep_forever};

use crate::Chapter;

pub(crate) const CHAPTERS: &[Chapter] = &[Chapter {
    title: "a virtual clock: an hour passes in no time",
    elsewhere: "a test of a timeout waits for it, or its time can be stopped on one thread only",
    show: an_hour,
}];

fn an_hour() -> Result<String> {
    const MINUTE: Duration = Duration::from_secs(60);

    let real = Instant::now();
    Builder::new().clock(VirtualClock::autojump()).run(async {
        let begun = now();
        let naps = [20, 60, 40].map(|minutes| {
            offload(async move {
                sleep(minutes * MINUTE).await?;
                ok(now())
            })
        });
        let woken = gather(naps).await?;
        assert_eq!(woken, [20, 60, 40].map(|minutes| begun + minutes * MINUTE));
        assert!(move_on_after(MINUTE, sleep_forever()).await?.is_none());
        assert_eq!(now() - begun, 61 * MINUTE);
        ok(())
    })?;
    let took = real.elapsed();
    assert!(took < MINUTE / 6);
    Ok(format!("three sleepers on worker threads and a timeout, 61 minutes in all, took {took:.1?}"))
}
