//! Memory object streams, as people write them.

mod q06_memstream {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let (tx, rx) = memory_object_stream::<u32>(0);
        task_group(async |tg| -> anyio::Result<_> {
            tg.start_soon(async move {
                for i in 0..10 {
                    tx.send(i).await?;
                }
                Ok(())
            });
            for _ in 0..2 {
                let rx = rx.clone();
                tg.start_soon(async move {
                    while let Some(x) = rx.next().await? {
                        println!("{x}");
                    }
                    Ok(())
                });
            }
            rx.close();
            Ok(())
        })
        .await?;
        Ok(())
    }
    fn h() {
        tokio::spawn(f());
    }
}

mod q07_memstream_io_error {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let (tx, rx) = memory_object_stream(1);
        tx.send(String::new()).await?;
        tx.try_send(String::new())?;
        let s = rx.receive().await?;
        let t = rx.try_receive()?;
        Ok(())
    }
}

mod q10_send_nonsync_item_reason {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let (tx, rx) = memory_object_stream::<Box<dyn FnOnce() + Send>>(1);
        tx.send(Box::new(|| {})).await.map_err(|e| e.reason)?;
        Ok(())
    }
}

mod q11_get_item_back {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let (tx, rx) = memory_object_stream::<String>(1);
        if let Err(e) = tx.send("x".into()).await {
            let closed = e.reason().to_string();
            let item = e.into_item();
        }
        Ok(())
    }
}

mod q12_streamext_import_owned {
    use crate::prelude::*;
    use futures_util::StreamExt;
    async fn f() -> anyio::Result<()> {
        let (tx, rx) = memory_object_stream::<u32>(1);
        while let Some(x) = rx.next().await? {
            let _: u32 = x;
        }
        Ok(())
    }
}

mod q13_streamext_import_mut_binding {
    use crate::prelude::*;
    use futures_util::StreamExt;
    async fn f() -> anyio::Result<()> {
        let (tx, mut rx) = memory_object_stream::<u32>(1);
        while let Some(x) = rx.next().await? {
            let _: u32 = x;
        }
        Ok(())
    }
}

mod q15_streamext_import_shared_ref {
    use crate::prelude::*;
    use futures_util::StreamExt;
    async fn f(rx: &MemoryObjectReceiveStream<u32>) -> anyio::Result<()> {
        while let Some(x) = rx.next().await? {
            let _: u32 = x;
        }
        Ok(())
    }
}

mod q17_stream_adapters {
    use crate::prelude::*;
    use futures_util::{StreamExt, TryStreamExt};
    async fn f() -> anyio::Result<()> {
        let (tx, rx) = memory_object_stream::<u32>(1);
        let v: Vec<u32> = rx.into_stream().map(|r| r.map(|x| x + 1)).try_collect().await?;
        Ok(())
    }
}

mod q18_move_on_receive {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let (tx, rx) = memory_object_stream::<u32>(1);
        let r = move_on_after(D, rx.receive()).await?;
        Ok(())
    }
}

mod q21_wait_at_most_receive {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let (tx, rx) = memory_object_stream::<u32>(1);
        if let Some(r) = wait_at_most(D, rx.receive()).await {
            r?;
        }
        Ok(())
    }
}

mod q22_start_soon_receive_err {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let (tx, rx) = memory_object_stream::<u32>(1);
        task_group(async |tg| -> io::Result<_> {
            tg.start_soon(async {
                let x = rx.receive().await?;
                Ok(())
            });
            Ok(())
        })
        .await?;
        Ok(())
    }
}

mod q32_object_generic_item {
    use crate::prelude::*;
    async fn relay<R: ObjectReceiveStream, W: ObjectSendStream<SendItem = R::Item>>(r: R, w: W) -> io::Result<()> {
        loop {
            w.send(r.receive().await?).await?;
        }
    }
    fn f() {
        let (a, b) = memory_object_stream::<u8>(1);
        let (c, d) = memory_object_stream::<u8>(1);
        tokio::spawn(relay(b, c));
    }
}

mod q36_dyn_object_receive {
    use crate::prelude::*;
    async fn f(r: Box<dyn DynObjectReceiveStream<u32>>) -> io::Result<u32> {
        Ok(r.receive().await?)
    }
    fn g() {
        let (tx, rx) = memory_object_stream::<u32>(1);
        tokio::spawn(f(Box::new(rx)));
    }
}

mod q61_select_receive_loop {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let (tx, rx) = memory_object_stream::<u32>(1);
        let e = Event::new();
        loop {
            tokio::select! { r = rx.next() => match r? { Some(x) => println!("{x}"), None => break }, _ = e.wait() => break, }
        }
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod s10_stream_errors_cancelerror {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let (tx, rx) = memory_object_stream::<u32>(1);
        let r = move_on_after(D, rx.receive()).await?;
        let r = CancelScope::new().run(rx.next()).await?;
        Ok(())
    }
}

mod u03_timed_send_item_back {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let (tx, rx) = memory_object_stream::<String>(1);
        match tx.send("x".into()).in_scope(&CancelScope::after(D)).await {
            Ok(()) => {}
            Err(e) if e.is_cancelled() => {
                let item = e.into_item();
            }
            Err(e) => return Err(e.into()),
        }
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod u15_pool_worker_pattern {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let (tx, rx) = memory_object_stream::<u32>(10);
        let (otx, orx) = memory_object_stream::<u32>(10);
        task_group(async |tg| -> anyio::Result<_> {
            for _ in 0..4 {
                let (rx, otx) = (rx.clone(), otx.clone());
                tg.start_soon(async move {
                    while let Some(n) = rx.next().await? {
                        otx.send(work(n).await?).await?;
                    }
                    Ok(())
                });
            }
            drop(rx);
            drop(otx);
            for i in 0..100 {
                tx.send(i).await?;
            }
            drop(tx);
            while let Some(x) = orx.next().await? {
                println!("{x}");
            }
            Ok(())
        })
        .await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod u16_worker_pattern_async_move {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let (tx, rx) = memory_object_stream::<u32>(10);
        task_group(async move |tg| -> anyio::Result<_> {
            for _ in 0..4 {
                let rx = rx.clone();
                tg.start_soon(async move {
                    while let Some(n) = rx.next().await? {
                        work(n).await?;
                    }
                    Ok(())
                });
            }
            drop(rx);
            for i in 0..100 {
                tx.send(i).await?;
            }
            drop(tx);
            Ok(())
        })
        .await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod y01_enter_gives_the_item_back {
    use crate::prelude::*;
    async fn f(tx: &MemoryObjectSendStream<Vec<u8>>) -> io::Result<()> {
        match CancelScope::after(D).enter(tx.send(vec![1])).await {
            Ok(()) => {}
            Err(e) if e.is_cancelled() => {
                let again = e.into_item();
                drop(again);
            }
            Err(e) => return Err(e.into()),
        }
        Ok(())
    }
    async fn g() {
        let (tx, rx) = memory_object_stream(1);
        tokio::spawn(async move { f(&tx).await });
    }
}

mod y04_boxed_job_through_a_channel {
    use crate::prelude::*;
    async fn f(tx: MemoryObjectSendStream<Box<dyn FnOnce() + Send>>) -> anyio::Result<()> {
        tx.send(Box::new(|| ())).await.map_err(SendError::into_reason)?;
        Ok(())
    }
}
