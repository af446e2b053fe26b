use anyio_cancel_scope::*;
use anyio_task_group::*;
use futures_lite::future::block_on;
use std::{io, time::Duration};

#[test]
fn thousand_yields() {
    let n = std::sync::atomic::AtomicUsize::new(0);
    block_on(async {
        let r = task_group(async |tg| -> io::Result<u32> {
            for _ in 0..10_000 {
                tg.start_soon(async {
                    yield_now().await;
                    n.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                });
            }
            Ok(3)
        })
        .await;
        assert_eq!(r.unwrap(), Some(3));
        assert_eq!(n.load(std::sync::atomic::Ordering::Relaxed), 10_000);
        let r = move_on_after(
            Duration::from_millis(20),
            task_group(async |tg| -> io::Result<u32> {
                for _ in 0..10_000 {
                    tg.start_soon(sleep_forever().or_cancelled_io());
                }
                Ok(3)
            }),
        )
        .await;
        assert!(r.unwrap().is_none());
    });
}
trait X {
    fn or_cancelled_io(self) -> impl Future<Output = io::Result<()>> + Send;
}
impl<F: Future<Output = std::result::Result<(), Cancelled>> + Send> X for F {
    async fn or_cancelled_io(self) -> io::Result<()> {
        self.await?;
        Ok(())
    }
}

#[test]
fn start_and_errors() {
    block_on(async {
        let e = task_group(async |tg| -> io::Result<()> {
            let (p, h) = tg
                .start(async |s| {
                    s.started(7);
                    sleep_forever().await?;
                    Ok(())
                })
                .await?;
            assert_eq!(p, 7);
            h.cancel();
            h.wait().await?;
            assert_eq!(h.status(), TaskState::Cancelled);
            let e = tg.start::<(), (), _, _>(async |_s| Err(io::Error::other("no"))).await.unwrap_err();
            assert_eq!(e.to_string(), "no");
            println!("{}", debug::task_tree());
            tg.start_soon(async { Err::<(), _>(io::Error::other("a")) });
            sleep_forever().await?;
            Ok(())
        })
        .await
        .unwrap_err();
        assert_eq!(e.to_string(), "a");
    });
}
