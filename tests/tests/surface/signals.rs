//! Receivers of signals, as people write them.

mod q44_signals_clone_tg {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let sig = open_signal_receiver(&[signals::Signal::INT])?;
        task_group(async |tg| -> anyio::Result<_> {
            let t = tg.clone();
            tg.start_soon(async move {
                sig.next().await?;
                t.cancel();
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

mod q45_signals_scope {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let sig = open_signal_receiver(&[signals::Signal::INT])?;
        task_group(async |tg| -> anyio::Result<_> {
            let s = tg.scope();
            tg.start_soon(async move {
                let g = sig.next().await?;
                s.cancel_because("signal");
                Ok(())
            });
            Ok(())
        })
        .await?;
        Ok(())
    }
}
