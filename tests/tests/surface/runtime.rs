//! `Builder`, `offload` and context variables, as people write them.

mod p45_context_var {
    use crate::prelude::*;
    context_var! {
        /// docs
        pub static REQUEST_ID: String;
        #[local]
        static T: u32 = 0;
        static U: Arc<str> = "x".into();
    }
    async fn f() -> io::Result<()> {
        REQUEST_ID
            .scope("a".into(), async {
                work(1).await?;
                println!("{:?}", REQUEST_ID.get());
                io::Result::Ok(())
            })
            .await?;
        let n = T.with(|v| v.copied());
        Ok(())
    }
    async fn g() {
        tokio::spawn(f());
        let v = String::new();
        send(T.scope(1, async { println!("{v}") })).await;
    }
}

mod s29_context_scope_in_child_and_get {
    use crate::prelude::*;
    context_var! {
        static USER: String;
    }
    async fn f() -> anyio::Result<()> {
        task_group(async |tg| -> anyio::Result<_> {
            tg.start_soon(USER.scope("x".into(), async {
                sleep(D).await?;
                println!("{:?}", USER.get());
                Ok(())
            }));
            Ok(())
        })
        .await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod v17_context_var_meta_local_order {
    use crate::prelude::*;
    context_var! {
        #[local]
        /// doc after
        #[allow(dead_code)]
        pub(crate) static A: Vec<u8> = Vec::new();
    }
}

mod p18_accept_loop_offload {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let l = listen(1).await?;
        send(task_group(async |tg| -> io::Result<()> {
            loop {
                let c = l.accept().await?;
                tg.start_soon(offload(handle(c)));
            }
        }))
        .await?;
        Ok(())
    }
}

mod q51_builder {
    use crate::prelude::*;
    fn main2() -> io::Result<()> {
        anyio::Builder::new().worker_threads(2).cancel_on_signals([signals::Signal::INT]).run(async {
            work(1).await?;
            Ok(())
        })
    }
}

mod q53_offload_borrow_arc {
    use crate::prelude::*;
    async fn f() -> io::Result<Vec<u32>> {
        gather((0..4).map(|n| offload(work(n)))).await
    }
}
