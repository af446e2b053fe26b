//! Byte streams, listeners and connectables behind the traits, as people write them.

mod q31_extra_on_dyn_socket {
    use crate::prelude::*;
    struct Peer;
    impl TypedAttribute for Peer {
        type Value = u16;
    }
    fn f(d: Box<dyn DynSocketStream>) -> anyio::Result<u16> {
        Ok(d.extra::<Peer>()?)
    }
    async fn g(d: Box<dyn DynSocketStream>) -> anyio::Result<()> {
        d.send(b"x").await?;
        let up: Box<dyn DynByteStream> = d;
        Ok(())
    }
}

mod q60_generic_fn_with_dyn_and_static_prelude {
    use crate::prelude::*;
    fn f<S: ByteStream + 'static>(s: S) -> Box<dyn DynByteStream> {
        Box::new(s)
    }
    async fn g<S: ByteStream>(s: &S) -> io::Result<()> {
        let d: &dyn DynByteStream = s;
        d.send(b"x").await?;
        Ok(())
    }
}

mod q62_multilistener {
    use crate::prelude::*;
    struct MyL;
    impl AsyncResource for MyL {
        async fn aclose(&self) -> io::Result<()> {
            Ok(())
        }
        fn close(&self) {}
    }
    impl Listener for MyL {
        type Stream = MemoryByteStream;
        async fn accept(&self) -> Result<MemoryByteStream, ReceiveError> {
            std::future::pending().await
        }
    }
    async fn f() -> io::Result<()> {
        let m = MultiListener::new([MyL, MyL]);
        task_group(async |tg| -> io::Result<()> {
            loop {
                let c = m.accept().await?;
                tg.start_soon(handle(c));
            }
        })
        .await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod q63_connectable {
    use crate::prelude::*;
    struct C;
    impl ByteStreamConnectable for C {
        type Stream = MemoryByteStream;
        async fn connect(&self) -> io::Result<MemoryByteStream> {
            std::future::pending().await
        }
    }
    async fn get<C: ByteStreamConnectable>(c: &C) -> io::Result<()> {
        let s = c.connect().await?;
        s.send(b"x").await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(async { get(&C).await });
    }
}

mod q68_trait_generic_impl_future_send {
    use crate::prelude::*;
    trait H {
        fn h<S: ByteStream>(&self, s: &S) -> impl Future<Output = anyio::Result<()>> + Send;
    }
    struct X;
    impl H for X {
        async fn h<S: ByteStream>(&self, s: &S) -> anyio::Result<()> {
            task_group(async |tg| -> anyio::Result<_> {
                tg.start_soon(async {
                    let mut b = vec![0; 9];
                    let n = s.receive(&mut b).await?;
                    Ok(n)
                });
                tg.start_soon(async {
                    s.send(b"x").await?;
                    Ok(())
                });
                Ok(())
            })
            .await?;
            Ok(())
        }
    }
}

mod s17_dyn_listener {
    use crate::prelude::*;
    async fn serve(l: Box<dyn DynByteListener>) -> io::Result<()> {
        task_group(async |tg| -> io::Result<()> {
            loop {
                let c = l.dyn_accept().await?;
                tg.start_soon(async move {
                    c.send(b"x").await?;
                    Ok(())
                });
            }
        })
        .await?;
        Ok(())
    }
    fn g(l: Box<dyn DynByteListener>) {
        tokio::spawn(serve(l));
    }
}

mod s28_trait_object_children_borrow_dyn {
    use crate::prelude::*;
    async fn f(s: &(dyn DynByteStream + 'static)) -> io::Result<()> {
        task_group(async |tg| -> io::Result<_> {
            tg.start_soon(async {
                s.send(b"x").await?;
                Ok(())
            });
            tg.start_soon(async {
                let mut b = [0; 3];
                s.receive(&mut b).await?;
                Ok(())
            });
            Ok(())
        })
        .await?;
        Ok(())
    }
    fn g(s: Box<dyn DynByteStream>) {
        tokio::spawn(async move { f(&*s).await });
    }
}

mod u18_user_listener_loop {
    use crate::prelude::*;
    async fn serve<L: Listener>(l: &L) -> anyio::Result<()>
    where
        L::Stream: ByteStream,
    {
        task_group(async |tg| -> anyio::Result<()> {
            while let Some(c) = l.accept().unless_stopping().await {
                let c = c?;
                tg.start_soon(async move {
                    c.send(b"hi").await?;
                    Ok(())
                });
            }
            Ok(())
        })
        .await
        .completed()
    }
}

mod u19_user_listener_loop_offload {
    use crate::prelude::*;
    async fn serve<L: Listener>(l: &L) -> anyio::Result<()>
    where
        L::Stream: ByteStream + 'static,
    {
        task_group(async |tg| -> anyio::Result<()> {
            loop {
                let c = l.accept().await?;
                tg.start_soon(offload(async move {
                    c.send(b"hi").await?;
                    Ok(())
                }));
            }
        })
        .await
        .completed()
    }
    struct MyL;
    impl AsyncResource for MyL {
        async fn aclose(&self) -> io::Result<()> {
            Ok(())
        }
        fn close(&self) {}
    }
    impl Listener for MyL {
        type Stream = MemoryByteStream;
        async fn accept(&self) -> Result<MemoryByteStream, ReceiveError> {
            std::future::pending().await
        }
    }
    fn g() {
        tokio::spawn(async { serve(&MyL).await });
    }
}
