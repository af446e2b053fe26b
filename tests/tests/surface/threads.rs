//! Worker threads, calls back and portals, as people write them.

mod p38_run_sync {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let n = to_thread::run_sync(|| 1 + 1).await?;
        let s = to_thread::run_sync(|| std::fs::read("x")).abandon_on_cancel(true).named("r").await??;
        Ok(())
    }
    async fn g() {
        tokio::spawn(f());
    }
}

mod p39_run_sync_in_move_on_after {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let n = move_on_after(D, to_thread::run_sync(|| 1).abandon_on_cancel(true)).await?;
        tokio::select! { x = to_thread::run_sync(|| 1) => {} _ = sleep(D) => {} }
        Ok(())
    }
}

mod q48_from_thread {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let (tx, rx) = memory_object_stream::<u32>(1);
        let r = to_thread::run_sync(move || -> anyio::Result<u32> {
            from_thread::check_cancelled()?;
            let n = from_thread::run(async move { rx.receive().await })??;
            from_thread::run_sync(|| 1)?;
            Ok(n)
        })
        .await??;
        Ok(())
    }
}

mod q49_portal {
    use crate::prelude::*;
    fn f() -> anyio::Result<()> {
        let p = from_thread::start_blocking_portal()?;
        let n: u32 = p.call(async { work(1).await })??;
        let t = p.start_task_soon(async { sleep(D).await })?;
        t.cancel();
        t.wait()??;
        Ok(())
    }
}

mod u21_thread_in_group_map {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        task_group(async |tg| -> anyio::Result<_> {
            let h = tg.start_soon(async { Ok(to_thread::run_sync(|| 1).await?) });
            h.join().await?;
            Ok(())
        })
        .await?;
        Ok(())
    }
}
