//! `start`, as people write it.

mod p11_start_port {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        task_group(async |tg| -> anyio::Result<_> {
            let (port, h) = tg
                .start(|status| async move {
                    let l = listen(0).await?;
                    status.started(l.port());
                    loop {
                        handle(l.accept().await?).await?;
                    }
                    Ok(())
                })
                .await?;
            println!("{port}");
            h.cancel();
            Ok(())
        })
        .await?;
        Ok(())
    }
    async fn g() {
        tokio::spawn(f());
    }
}

mod p12_start_io_error {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        task_group(async |tg| -> io::Result<_> {
            let (port, h) = tg
                .start(|status| async move {
                    status.started(1u16);
                    Ok(())
                })
                .await?;
            Ok(())
        })
        .await?;
        Ok(())
    }
}

mod p37_anyhow_group {
    use crate::prelude::*;
    async fn f() -> anyhow::Result<()> {
        task_group(async |tg| -> anyhow::Result<_> {
            tg.start_soon(async {
                anywork(1).await?;
                sleep(D).await?;
                Ok(())
            });
            let (p, h) = tg
                .start(|s| async move {
                    s.started(1);
                    anywork(2).await
                })
                .await?;
            h.join().await?;
            Ok(())
        })
        .await?;
        Ok(())
    }
    async fn g() {
        tokio::spawn(f());
    }
}

mod p56_user_enum_thiserror {
    use crate::prelude::*;
    #[derive(Debug, thiserror::Error)]
    enum MyErr {
        #[error("c")]
        Cancelled(#[from] Cancelled),
        #[error("io")]
        Io(#[from] io::Error),
        #[error("g")]
        Group(#[from] ErrorGroup<MyErr>),
        #[error("t")]
        T(#[from] TimedOut),
        #[error("n")]
        N(#[from] NeverStarted),
        #[error("j")]
        J(#[from] JoinError),
    }
    impl CancelError for MyErr {
        fn as_error(&self) -> &(dyn std::error::Error + 'static) {
            self
        }
    }
    async fn f() -> Result<(), MyErr> {
        task_group(async |tg| -> Result<_, MyErr> {
            tg.start_soon(async {
                work(1).await?;
                sleep(D).await?;
                Ok(())
            });
            let (p, h) = tg
                .start(async |s| {
                    s.started(1);
                    work(1).await?;
                    Ok(())
                })
                .await?;
            h.join().await?;
            fail_after(D, async {
                work(1).await?;
                Ok::<_, MyErr>(())
            })
            .await?;
            Ok(())
        })
        .await?;
        Ok(())
    }
    async fn g() {
        tokio::spawn(f());
    }
}

mod p60_fn_takes_tg {
    use crate::prelude::*;
    fn add<'env>(tg: &TaskGroup<'env, io::Error>, n: &'env u32) {
        tg.start_soon(async move {
            work(*n).await?;
            Ok(())
        });
    }
    async fn add2<'env>(tg: &TaskGroup<'env, io::Error>, n: &'env u32) -> io::Result<u16> {
        let (p, _) = tg
            .start(|s| async move {
                s.started(1u16);
                work(*n).await
            })
            .await?;
        Ok(p)
    }
    async fn f() -> io::Result<()> {
        let n = 3;
        send(task_group(async |tg| -> io::Result<_> {
            add(&tg, &n);
            Ok(())
        }))
        .await?;
        Ok(())
    }
}

mod r01_start_v1_spawn {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        task_group(async |tg| -> anyio::Result<_> {
            let (port, h) = tg
                .start(|status| async move {
                    let l = listen(0).await?;
                    status.started(l.port());
                    handle(l.accept().await?).await?;
                    Ok(())
                })
                .await?;
            println!("{port}");
            h.cancel();
            Ok(())
        })
        .await?;
        Ok(())
    }
    async fn g() {
        tokio::spawn(f());
    }
}

mod r05_start_v1_borrow_unit_async_closure {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let s = String::new();
        let v = vec![1];
        task_group(async |tg| -> anyio::Result<_> {
            let (port, h) = tg
                .start(async |status| {
                    status.started(v[0]);
                    println!("{s}")
                })
                .await?;
            let (port, h2) = tg
                .start(async |status| {
                    status.started(&1);
                    sleep(D).await?;
                    Ok(3)
                })
                .await?;
            let x: i32 = h2.join().await?;
            Ok(())
        })
        .await?;
        Ok(())
    }
    async fn g() {
        tokio::spawn(f());
        let b: Pin<Box<dyn Future<Output = anyio::Result<()>> + Send>> = Box::pin(f());
    }
}

mod r29_local_group_in_tokio_local {
    use crate::prelude::*;
    async fn f() {
        let r = Rc::new(1);
        local_task_group(async |tg| -> anyio::Result<_> {
            let (p, h) = tg
                .start(|s| {
                    let r = r.clone();
                    async move {
                        s.started(Rc::new(1));
                        sleep(D).await?;
                        println!("{r}");
                        Ok(())
                    }
                })
                .await?;
            Ok(())
        })
        .await;
    }
}

mod u05_start_generic_e {
    use crate::prelude::*;
    async fn f<E>() -> Result<(), E>
    where
        E: CancelError + From<ErrorGroup<E>> + From<NeverStarted> + From<JoinError> + From<io::Error> + Send + 'static,
    {
        task_group(async |tg| -> Result<_, E> {
            let (p, h) = tg
                .start(async |s| {
                    let l = listen(1).await?;
                    s.started(l.port());
                    Ok(l.port())
                })
                .await?;
            let q = h.join().await?;
            Ok(p + q)
        })
        .await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f::<BoxError>());
        tokio::spawn(f::<anyhow::Error>());
    }
}

mod u06_trait_method_start_boxerr {
    use crate::prelude::*;
    trait Svc {
        fn go(&self) -> impl Future<Output = anyio::Result<u16>> + Send;
    }
    struct S(String);
    impl Svc for S {
        async fn go(&self) -> anyio::Result<u16> {
            task_group(async |tg| -> anyio::Result<_> {
                let (p, h) = tg
                    .start(async |s| {
                        let l = listen(1).await?;
                        println!("{}", self.0);
                        s.started(l.port());
                        sleep(D).await?;
                        Ok(())
                    })
                    .await?;
                h.cancel();
                h.wait().await?;
                Ok(p)
            })
            .await
            .completed()
        }
    }
}
