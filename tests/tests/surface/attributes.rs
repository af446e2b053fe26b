//! Typed attributes, as people write them.

mod q30_extra {
    use crate::prelude::*;
    struct Peer;
    impl TypedAttribute for Peer {
        type Value = std::net::SocketAddr;
    }
    struct Sock;
    impl TypedAttributeProvider for Sock {
        fn provide_attributes(&self, r: &mut AttributeRequest<'_>) {
            r.provide::<Peer>(|| "1.2.3.4:5".parse().unwrap());
        }
    }
    struct Wrap<S>(S);
    impl<S: TypedAttributeProvider> TypedAttributeProvider for Wrap<S> {
        fn provide_attributes(&self, r: &mut AttributeRequest<'_>) {
            self.0.provide_attributes(r)
        }
    }
    fn f(d: &dyn TypedAttributeProvider, b: Box<dyn TypedAttributeProvider + Send>) -> anyio::Result<()> {
        let a = Wrap(Sock).extra::<Peer>()?;
        let a = d.extra::<Peer>()?;
        let a = b.extra::<Peer>()?;
        let x = Wrap(Arc::new(Sock)).extra::<Peer>()?;
        Ok(())
    }
}

mod u04_resource_is_provider {
    use crate::prelude::*;
    trait Res: TypedAttributeProvider + Send + Sync {
        fn aclose(&self) -> impl Future<Output = io::Result<()>> + Send;
    }
    trait DynRes: TypedAttributeProvider + Send + Sync {
        fn dyn_aclose<'a>(&'a self) -> BoxFuture<'a, io::Result<()>>;
    }
    impl<S: Res> DynRes for S {
        fn dyn_aclose<'a>(&'a self) -> BoxFuture<'a, io::Result<()>> {
            Box::pin(self.aclose())
        }
    }
    impl Res for dyn DynRes + '_ {
        fn aclose(&self) -> impl Future<Output = io::Result<()>> + Send {
            self.dyn_aclose()
        }
    }
    impl<S: Res + ?Sized> Res for Box<S> {
        fn aclose(&self) -> impl Future<Output = io::Result<()>> + Send {
            (**self).aclose()
        }
    }
    struct K;
    impl TypedAttribute for K {
        type Value = u8;
    }
    struct M;
    impl TypedAttributeProvider for M {}
    impl Res for M {
        async fn aclose(&self) -> io::Result<()> {
            Ok(())
        }
    }
    struct W<S>(S);
    impl<S: Res> TypedAttributeProvider for W<S> {
        fn provide_attributes(&self, r: &mut AttributeRequest<'_>) {
            self.0.provide_attributes(r)
        }
    }
    impl<S: Res> Res for W<S> {
        async fn aclose(&self) -> io::Result<()> {
            self.0.aclose().await
        }
    }
    async fn f() -> anyio::Result<()> {
        let b: Box<dyn DynRes> = Box::new(W(M));
        let k = b.extra::<K>()?;
        let w = W(b);
        w.extra::<K>()?;
        w.aclose().await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}
