//! Events, locks, permits and tokens, as people write them.

mod q46_sync {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let l = Lock::new(vec![1]);
        let c = Condition::new();
        let e = Event::new();
        let sem = Semaphore::new(2);
        let once = SetOnce::<u32>::new();
        task_group(async |tg| -> anyio::Result<_> {
            tg.start_soon(async {
                let mut g = l.lock().await?;
                while g.is_empty() {
                    g = c.wait(g).await?;
                }
                g.push(1);
                c.notify_all();
                e.set();
                Ok(())
            });
            tg.start_soon(async {
                let p = sem.acquire().await?;
                e.wait().await?;
                let v = once.wait().await?;
                Ok(())
            });
            Ok(())
        })
        .await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod q47_condition_wait_for {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let l = Lock::new(vec![1]);
        let c = Condition::new();
        let mut g = l.lock().await?;
        g = c.wait_for(g, |v: &mut Vec<_>| !v.is_empty()).await?;
        let x = g.pop();
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod v05_permit_into_child {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let l = listen(1).await?;
        let sem = Semaphore::new(10);
        task_group(async |tg| -> io::Result<()> {
            loop {
                let p = sem.acquire().await?;
                let c = l.accept().await?;
                tg.start_soon(async move {
                    let _p = p;
                    handle(c).await
                });
            }
        })
        .await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod v07_limiter_token_into_offload {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let l = listen(1).await?;
        let lim = CapacityLimiter::new(10);
        task_group(async |tg| -> io::Result<()> {
            loop {
                let p = lim.acquire().await?;
                let c = l.accept().await?;
                tg.start_soon(offload(async move {
                    let _p = p;
                    handle(c).await
                }));
            }
        })
        .await?;
        Ok(())
    }
}

mod y03_permit_into_offload {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let sem = Semaphore::new(2);
        task_group(async |tg| -> anyio::Result<_> {
            for i in 0..9 {
                let p = sem.acquire().await?;
                tg.start_soon(offload(async move {
                    let _p = p;
                    work(i).await?;
                    anyio::ok(())
                }));
            }
            Ok(())
        })
        .await?;
        Ok(())
    }
}
