//! Byte streams and their wrappers, as people write them.

mod q01_user_wrapper_plain_async {
    use crate::prelude::*;
    struct Counting<S> {
        s: S,
        n: std::sync::atomic::AtomicUsize,
    }
    impl<S: AsyncResource> AsyncResource for Counting<S> {
        async fn aclose(&self) -> io::Result<()> {
            self.s.aclose().await
        }
        fn close(&self) {
            self.s.close()
        }
    }
    impl<S: ByteReceiveStream> ByteReceiveStream for Counting<S> {
        async fn receive(&self, buf: &mut [u8]) -> Result<usize, ReceiveError> {
            let n = self.s.receive(buf).await?;
            self.n.fetch_add(n, std::sync::atomic::Ordering::Relaxed);
            Ok(n)
        }
    }
    impl<S: ByteSendStream> ByteSendStream for Counting<S> {
        async fn send(&self, d: &[u8]) -> Result<(), ByteSendError> {
            self.s.send(d).await
        }
    }
    impl<S: ByteStream> ByteStream for Counting<S> {
        async fn send_eof(&self) -> Result<(), ByteSendError> {
            self.s.send_eof().await
        }
    }
    fn use_it() {
        let (a, b) = memory_byte_stream(1);
        let c = Counting { s: a, n: 0.into() };
        let d: Box<dyn DynByteStream> = Box::new(c);
        let e = Counting { s: d, n: 0.into() };
        tokio::spawn(async move {
            let mut buf = [0; 10];
            e.receive(&mut buf).await?;
            e.send(b"x").await?;
            anyio::ok(())
        });
    }
}

mod q02_dyn_as_bytestream_generic {
    use crate::prelude::*;
    async fn echo<S: ByteStream>(s: S) -> io::Result<()> {
        let mut b = [0; 64];
        loop {
            let n = match s.receive(&mut b).await {
                Ok(n) => n,
                Err(e) if e.is_end_of_stream() => return Ok(()),
                Err(e) => return Err(e.into()),
            };
            s.send(&b[..n]).await?;
        }
    }
    fn f() {
        let (a, b) = memory_byte_stream(1);
        let d: Box<dyn DynByteStream> = Box::new(a);
        tokio::spawn(echo(d));
        tokio::spawn(echo(Arc::new(b)));
    }
}

mod q03_dyn_ref {
    use crate::prelude::*;
    async fn g(s: &dyn DynByteStream) -> io::Result<()> {
        s.send(b"x").await?;
        Ok(())
    }
    async fn f() -> io::Result<()> {
        let (a, b) = memory_byte_stream(1);
        g(&a).await?;
        let bx: Box<dyn DynByteStream> = Box::new(b);
        g(&*bx).await?;
        g(&bx).await?;
        Ok(())
    }
    fn h() {
        tokio::spawn(f());
    }
}

mod q04_full_duplex {
    use crate::prelude::*;
    async fn proxy<A: ByteStream, B: ByteStream>(a: &A, b: &B) -> io::Result<()> {
        task_group(async |tg| -> io::Result<_> {
            tg.start_soon(pipe(a, b));
            tg.start_soon(pipe(b, a));
            Ok(())
        })
        .await
        .completed()
    }
    async fn pipe<R: ByteReceiveStream, W: ByteSendStream>(r: &R, w: &W) -> io::Result<()> {
        let mut b = [0; 64];
        loop {
            let n = r.receive(&mut b).await?;
            w.send(&b[..n]).await?;
        }
    }
    fn f() {
        tokio::spawn(async {
            let (a, b) = memory_byte_stream(1);
            let (c, d) = memory_byte_stream(1);
            let bx: Box<dyn DynByteStream> = Box::new(c);
            proxy(&a, &bx).await
        });
    }
}

mod q05_full_duplex_one_stream {
    use crate::prelude::*;
    async fn chat<S: ByteStream>(s: S) -> io::Result<()> {
        let s = &s;
        task_group(async |tg| -> io::Result<_> {
            tg.start_soon(async {
                let mut b = [0; 64];
                loop {
                    let n = s.receive(&mut b).await?;
                    if n == 3 {
                        break;
                    }
                }
                Ok(())
            });
            tg.start_soon(async {
                loop {
                    sleep(D).await?;
                    s.send(b"x").await?;
                }
                #[allow(unreachable_code)]
                Ok(())
            });
            Ok(())
        })
        .await
        .completed()
    }
    fn f() {
        let (a, b) = memory_byte_stream(1);
        tokio::spawn(chat(a));
    }
}

mod q23_with_resource_ref {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let (a, b) = memory_byte_stream(1);
        with_resource(&a, async {
            a.send(b"x").await?;
            io::Result::Ok(())
        })
        .await
    }
    fn h() {
        tokio::spawn(f());
    }
}

mod r26_with_resource_ref_group_generic {
    use crate::prelude::*;
    async fn serve<S: ByteStream>(s: S) -> anyio::Result<()> {
        let k = String::new();
        with_resource(&s, async {
            task_group(async |tg| -> anyio::Result<_> {
                tg.start_soon(async {
                    s.send(k.as_bytes()).await?;
                    Ok(())
                });
                Ok(())
            })
            .await?;
            Ok(())
        })
        .await
    }
    fn g() {
        let (a, b) = memory_byte_stream(1);
        tokio::spawn(serve(a));
    }
}

mod s18_map_err_into_user_enum_from_receive {
    use crate::prelude::*;
    #[derive(Debug, thiserror::Error)]
    enum MyErr {
        #[error("c")]
        Cancelled(#[from] Cancelled),
        #[error("r")]
        R(#[from] ReceiveError),
        #[error("s")]
        S(#[from] ByteSendError),
        #[error("g")]
        Group(#[from] ErrorGroup<MyErr>),
    }
    impl CancelError for MyErr {
        fn as_error(&self) -> &(dyn std::error::Error + 'static) {
            self
        }
    }
    async fn f(s: &MemoryByteStream) -> Result<(), MyErr> {
        task_group(async |tg| -> Result<_, MyErr> {
            tg.start_soon(async {
                let mut b = [0; 9];
                s.receive(&mut b).await?;
                Ok(())
            });
            tg.start_soon(async {
                s.send(b"").await?;
                Ok(())
            });
            Ok(())
        })
        .await?;
        Ok(())
    }
}

mod t13_close_collision_mut_ref {
    use crate::prelude::*;
    trait AsyncWriteExt {
        fn close(&mut self) -> std::future::Ready<io::Result<()>> {
            std::future::ready(Ok(()))
        }
    }
    impl AsyncWriteExt for MemoryByteStream {}
    async fn f(s: &mut MemoryByteStream) -> io::Result<()> {
        s.close();
        s.close().await?;
        Ok(())
    }
}

mod v11_arc_stream_two_tokio_tasks {
    use crate::prelude::*;
    fn g() {
        let (a, b) = memory_byte_stream(1);
        let a: Arc<dyn DynByteStream> = Arc::new(a);
        let c = a.clone();
        tokio::spawn(async move {
            a.send(b"x").await?;
            anyio::ok(())
        });
        tokio::spawn(async move {
            let mut b = [0; 4];
            c.receive(&mut b).await?;
            anyio::ok(())
        });
    }
}

mod q28_stapled_text_buffered {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let (a, b) = memory_byte_stream(1);
        let (c, d) = memory_byte_stream(1);
        let t = Text::new(Buffered::new(Stapled::new(a, c)));
        t.send("x".to_string()).await?;
        let s = t.receive().await?;
        let d: Box<dyn DynByteStream> = Box::new(b);
        let bb = Buffered::new(d);
        let v = bb.receive_until(b"\n", 100).await?;
        let v = bb.receive_exactly(4).await?;
        Ok(())
    }
    fn h() {
        tokio::spawn(f());
    }
}

mod s16_bufread_object_and_extra {
    use crate::prelude::*;
    struct Addr;
    impl TypedAttribute for Addr {
        type Value = String;
    }
    async fn f(s: Box<dyn DynSocketStream>) -> anyio::Result<()> {
        let a = s.extra::<Addr>()?;
        let b = Buffered::new(s);
        let l = b.receive_until(b"\n", 10).await?;
        let a = b.get_ref().extra::<Addr>()?;
        Ok(())
    }
    fn g(s: Box<dyn DynSocketStream>) {
        tokio::spawn(f(s));
    }
}

mod t07_with_resource_ref_borrowing_resource_spawned {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let (a, b) = memory_byte_stream(1);
        let k = String::new();
        let r = Buffered::new(&a);
        with_resource(&r, async {
            let l = r.receive_until(k.as_bytes(), 3).await?;
            r.send(&l).await?;
            Ok(())
        })
        .await
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod v10_dyn_send_eof_upcast_nonstatic {
    use crate::prelude::*;
    async fn f<'a>(s: &'a MemoryByteStream) -> io::Result<()> {
        let d: Box<dyn DynByteStream + 'a> = Box::new(s);
        let t = Text::new(Buffered::new(d));
        t.send("x".into()).await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(async {
            let (a, b) = memory_byte_stream(1);
            f(&a).await
        });
    }
}
