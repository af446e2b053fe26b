//! Scopes, limits and checkpoints, as people write them.

mod p22_move_on_after_fn {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let r = move_on_after(D, work(1)).await?;
        match r {
            Some(v) => println!("{v}"),
            None => println!("late"),
        }
        Ok(())
    }
}

mod p24_move_on_after_block_return {
    use crate::prelude::*;
    async fn f() -> io::Result<Option<u32>> {
        move_on_after(D, async {
            let x = work(1).await?;
            sleep(D).await?;
            Ok(x)
        })
        .await
    }
}

mod p25_move_on_after_block_turbofish {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let r = move_on_after(D, async {
            let x = work(1).await?;
            sleep(D).await?;
            io::Result::Ok(x)
        })
        .await?;
        Ok(())
    }
}

mod p26_move_on_after_anyio_ok_in_anyio {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let r = move_on_after(D, async {
            let x = work(1).await?;
            sleep(D).await?;
            anyio::ok(x)
        })
        .await?;
        Ok(())
    }
}

mod p30_move_on_after_sleep {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let r = move_on_after(D, sleep(D)).await?;
        let r = move_on_after(D, sleep_forever()).await?;
        Ok(())
    }
}

mod p33_scope_run_spawned {
    use crate::prelude::*;
    async fn f() {
        let s = CancelScope::new().named("x");
        let j = tokio::spawn(s.run(async {
            sleep(D).await?;
            anyio::ok(3)
        }));
        s.cancel_because("stop");
        let _: Option<i32> = j.await.unwrap().unwrap();
    }
}

mod p34_scope_run_borrow {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let v = vec![1];
        let s = CancelScope::after(D);
        let r = s
            .run(async {
                work(v[0]).await?;
                s.cancel();
                io::Result::Ok(())
            })
            .await?;
        drop(v);
        Ok(())
    }
}

mod p41_or_cancelled_foreign {
    use crate::prelude::*;
    async fn f() -> io::Result<u32> {
        let x = work(1).or_cancelled().await?;
        let y = std::future::ready(3).cancellable().await?;
        Ok(x + y)
    }
}

mod p42_or_cancelled_foreign_error {
    use crate::prelude::*;
    #[derive(Debug)]
    struct Foreign;
    impl std::fmt::Display for Foreign {
        fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
            Ok(())
        }
    }
    impl std::error::Error for Foreign {}
    async fn foreign() -> Result<u32, Foreign> {
        Ok(1)
    }
    async fn f() -> anyio::Result<u32> {
        let x = foreign().cancellable().await??;
        Ok(x)
    }
}

mod p43_unless_stopping {
    use crate::prelude::*;
    async fn f(l: &L) -> io::Result<()> {
        while let Some(c) = l.accept().unless_stopping().await {
            handle(c?).await?;
        }
        Ok(())
    }
}

mod p44_stopping_select {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        tokio::select! { r = stopping() => r?, r = work(1) => { r?; } }
        Ok(())
    }
}

mod p55_shield_cleanup {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let r = work(1).await;
        shield(async { move_on_after(D, work(2)).await }).await?;
        r?;
        Ok(())
    }
}

mod q65_in_scope {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        use futures_util::stream::{FuturesUnordered, StreamExt};
        let s = CancelScope::new();
        let mut fu = FuturesUnordered::new();
        fu.push(work(1).in_scope(&s));
        fu.push(work(2).in_scope(&s));
        while let Some(r) = fu.next().cancellable().await? {
            r?;
        }
        let r = wait_at_most(D, fu.next()).await;
        Ok(())
    }
}

mod r19_moveon_failafter_boxerr_spawn {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let s = String::new();
        move_on_after(D, async {
            println!("{s}");
            work(1).await?;
            anyio::ok(())
        })
        .await?;
        fail_after(D, async {
            println!("{s}");
            work(1).await?;
            anyio::ok(())
        })
        .await?;
        shield(async {
            println!("{s}");
            anyio::ok(())
        })
        .await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod s19_select_scope_run_loop_mut {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let mut w = std::pin::pin!(work(1));
        loop {
            if let Some(r) = wait_at_most(D, &mut w).await {
                r?;
                break;
            }
            if let Some(n) = move_on_after(D, &mut w).await? {
                break;
            }
        }
        Ok(())
    }
}

mod s26_gather_tuple_hetero {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let (a, b) = futures_util::try_join!(work(1), async { io::Result::Ok(String::new()) })?;
        Ok(())
    }
}

mod t01_track_caller_trait_async_impl {
    use crate::prelude::*;
    trait R {
        #[track_caller]
        fn receive(&self) -> impl Future<Output = u32> + Send;
    }
    struct A;
    impl R for A {
        async fn receive(&self) -> u32 {
            1
        }
    }
    struct B;
    impl R for B {
        #[track_caller]
        fn receive(&self) -> impl Future<Output = u32> + Send {
            let l = std::panic::Location::caller();
            async move { l.line() }
        }
    }
}

mod t25_anyhow_into_anyio_q {
    use crate::prelude::*;
    async fn f() -> anyio::Result<u32> {
        Ok(anywork(1).await?)
    }
}

mod t27_completed_on_tokio_timeout_like {
    use crate::prelude::*;
    async fn f() -> anyio::Result<u32> {
        let r: Result<Option<u32>, io::Error> = Ok(Some(1));
        Ok(r.completed()?)
    }
}

mod t31_select_macro_futures {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let mut a = std::pin::pin!(work(1));
        match futures_util::future::select(a, std::pin::pin!(sleep(D))).await {
            futures_util::future::Either::Left((r, _)) => {
                r?;
            }
            futures_util::future::Either::Right((r, _)) => r?,
        }
        Ok(())
    }
}

mod t34_tokio_join_handle_in_child {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let j = tokio::spawn(async { 1 });
        let n = j.cancellable().await??;
        Ok(())
    }
}

mod u11_mut_in_move_on {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let mut v = vec![];
        let r = move_on_after(D, async {
            v.push(work(1).await?);
            v.push(work(2).await?);
            anyio::ok(())
        })
        .await?;
        if r.is_none() {
            println!("partial {v:?}")
        }
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod u12_scope_caught {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let s = CancelScope::after(D).named("load");
        let r = s.run(work(1)).await?;
        if s.cancelled_caught() {
            println!("{:?} {:?}", s.cause(), r)
        }
        s.set_deadline(None);
        Ok(())
    }
}

mod v04_send_sync_user_bound {
    use crate::prelude::*;
    trait Recv {
        fn receive(&self, b: &mut [u8]) -> impl Future<Output = io::Result<usize>> + Send;
    }
    struct W<S>(S);
    impl<S: Recv + Sync> Recv for W<S> {
        async fn receive(&self, b: &mut [u8]) -> io::Result<usize> {
            self.0.receive(b).await
        }
    }
}

mod y02_wait_at_most_in_a_loop {
    use crate::prelude::*;
    async fn f() -> io::Result<u32> {
        let mut work = std::pin::pin!(work(1));
        loop {
            match wait_at_most(D, work.as_mut()).await {
                Some(r) => return r,
                None => println!("still at it"),
            }
        }
    }
    async fn g() {
        use futures_util::stream::{FuturesUnordered, StreamExt};
        tokio::spawn(async {
            let mut fu: FuturesUnordered<_> = (0..3).map(|n| work(n).in_current_scope()).collect();
            while let Some(Some(r)) = wait_at_most(D, fu.next()).await {
                r?;
            }
            io::Result::Ok(())
        });
    }
}
