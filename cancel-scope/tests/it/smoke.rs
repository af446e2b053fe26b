use anyio_cancel_scope::*;
use futures::stream::{FuturesUnordered, StreamExt};
use futures_lite::future::block_on;
use std::time::Duration;

#[test]
fn basics() {
    block_on(async {
        let r = move_on_after(Duration::from_millis(5), sleep_forever()).await;
        assert_eq!(r, Ok(None));
        let r = move_on_after(Duration::from_millis(5), async {
            let mut fu: FuturesUnordered<_> = (0..3).map(|_| sleep_forever()).collect();
            while let Some(r) = fu.next().await {
                r?;
            }
            Ok::<_, Cancelled>(())
        })
        .await;
        assert_eq!(r, Ok(None));
        let s = CancelScope::new();
        let s2 = s.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(5));
            s2.cancel()
        });
        let r = s.run(shield(async { sleep(Duration::from_millis(20)).await })).await;
        assert_eq!(r, Ok(Some(())));
        let r = fail_after(Duration::from_millis(1), async {
            sleep_forever().await?;
            ok(())
        })
        .await;
        println!("{}", r.unwrap_err());
    });
}

#[test]
fn thousand_deep_fu() {
    block_on(async {
        let s = CancelScope::new();
        let s2 = s.clone();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(5));
            s2.stop(Duration::from_millis(5))
        });
        let r = s
            .run(shield(async {
                let mut fu: FuturesUnordered<_> = (0..3).map(|_| stopping()).collect();
                while let Some(r) = fu.next().await {
                    r?;
                }
                Ok::<_, Cancelled>(())
            }))
            .await;
        assert_eq!(r, Ok(Some(())));
    });
}
