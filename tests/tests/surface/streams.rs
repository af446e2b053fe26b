//! The traits of object streams and the errors of streams, as people write them.

mod q33_objectstream_item_ambiguous {
    use crate::prelude::*;
    async fn relay<S: ObjectStream>(s: S, first: S::Item) -> io::Result<()> {
        Ok(())
    }
}

mod q34_objectstream_string_both {
    use crate::prelude::*;
    async fn chat<S: ObjectReceiveStream<Item = String> + ObjectSendStream<SendItem = String>>(s: S) -> io::Result<()> {
        let x = s.receive().await?;
        s.send(x).await?;
        Ok(())
    }
}

mod q35_objectstream_one_item {
    use crate::prelude::*;
    async fn chat<S: ObjectStream<Item = String>>(s: S) -> io::Result<()> {
        Ok(())
    }
}

mod r28_boxerr_is_cancelled_refs {
    use crate::prelude::*;
    fn f(e: &BoxError, i: &io::Error, b: BoxError, r: &ReceiveError, j: &JoinError) -> bool {
        e.is_cancelled() || i.is_cancelled() || b.is_cancelled() || r.is_cancelled() || j.is_cancelled()
    }
}

mod t02_item_variant_base_trait {
    use crate::prelude::*;
    trait Item: Send + Sync {
        type Item: Send;
    }
    trait URecv: Item {
        fn receive(&self) -> impl Future<Output = Result<Self::Item, ReceiveError>> + Send;
    }
    trait USend: Item {
        fn send(&self, i: Self::Item) -> impl Future<Output = Result<(), SendError<Self::Item>>> + Send;
    }
    trait UStream: URecv + USend {}
    impl<T: URecv + USend + ?Sized> UStream for T {}
    trait ORecv: URecv {}
    trait OSend: USend {}
    trait OStream: ORecv + OSend + UStream {
        fn send_eof(&self) -> impl Future<Output = io::Result<()>> + Send;
    }
    async fn a<S: OStream>(s: S, first: S::Item) -> io::Result<()> {
        s.send(first).await?;
        let x = s.receive().await?;
        Ok(())
    }
    async fn b<S: OStream<Item = String>>(s: S) -> io::Result<()> {
        Ok(())
    }
    async fn c<R: ORecv, W: OSend<Item = R::Item>>(r: R, w: W) -> io::Result<()> {
        loop {
            w.send(r.receive().await?).await?;
        }
    }
    struct T;
    impl Item for T {
        type Item = String;
    }
    impl URecv for T {
        async fn receive(&self) -> Result<String, ReceiveError> {
            std::future::pending().await
        }
    }
    impl USend for T {
        async fn send(&self, s: String) -> Result<(), SendError<String>> {
            std::future::pending().await
        }
    }
    impl ORecv for T {}
    impl OSend for T {}
    impl OStream for T {
        async fn send_eof(&self) -> io::Result<()> {
            Ok(())
        }
    }
    fn d() {
        tokio::spawn(b(T));
        tokio::spawn(a(T, String::new()));
        tokio::spawn(c(T, T));
    }
}

mod t04_item_variant_renamed {
    use crate::prelude::*;
    trait URecv: Send + Sync {
        type Item: Send;
        fn receive(&self) -> impl Future<Output = Result<Self::Item, ReceiveError>> + Send;
    }
    trait USend: Send + Sync {
        type SendItem: Send;
    }
    trait OStream: URecv + USend<SendItem = <Self as URecv>::Item> {}
    async fn b<S: OStream>(s: S, i: S::Item) {}
    async fn c<S: OStream<Item = String>>(s: S) -> io::Result<String> {
        let x: S::SendItem = String::new();
        Ok(s.receive().await?)
    }
}
