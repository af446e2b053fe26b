//! Error types, as people have them.

mod p28_anyhow_ok {
    use crate::prelude::*;
    async fn f() -> anyhow::Result<()> {
        let r = move_on_after(D, async {
            let x = anywork(1).await?;
            sleep(D).await?;
            anyhow::Ok(x)
        })
        .await?;
        Ok(())
    }
}

mod p36_anyhow_is_cancelled {
    use crate::prelude::*;
    async fn f() -> anyhow::Result<()> {
        if let Err(e) = anywork(1).await {
            if e.is_cancelled() {
                return Err(e);
            }
        }
        use anyhow::Context;
        sleep(D).await.context("while sleeping")?;
        Ok(())
    }
}

mod p57_generic_e {
    use crate::prelude::*;
    async fn f<E>(n: u32) -> Result<(), E>
    where
        E: CancelError + From<ErrorGroup<E>> + From<io::Error> + Send + 'static,
    {
        task_group(async |tg| -> Result<_, E> {
            tg.start_soon(async {
                work(1).await?;
                sleep(D).await?;
                Ok(())
            });
            Ok(())
        })
        .await?;
        Ok(())
    }
}

mod p58_e_cancelled {
    use crate::prelude::*;
    async fn f() -> Result<(), Cancelled> {
        task_group(async |tg| {
            tg.start_soon(async {
                sleep(D).await?;
                Ok(())
            });
            tg.start_soon(sleep(D));
            sleep(D).await
        })
        .await?;
        Ok(())
    }
}

mod q54_result_alias_two_params {
    use crate::prelude::*;
    use anyio::Result;
    async fn f() -> Result<u32, io::Error> {
        Ok(1)
    }
    async fn g() -> Result<u32> {
        Ok(f().await?)
    }
}

mod q56_glob_anyio_and_io_result {
    use anyio::*;
    use std::io::*;
    // Both globs have a `Result`: rustc still guesses, but will refuse (rust-lang/rust#114095).
    use std::io::Result;
    fn k() -> Result<()> {
        Ok(())
    }
}

mod q57_glob_anyio_and_anyhow {
    use anyhow::{Context, Result};
    use anyio::*;
    async fn k() -> Result<()> {
        sleep(std::time::Duration::ZERO).await.context("x")?;
        Ok(())
    }
}

mod q58_glob_anyio_debug {
    use anyio::*;
    #[derive(Debug)]
    struct X;
    fn k() {
        println!("{:?}", X);
        debug::task_tree();
    }
}

mod s27_try_join_fail_after_both {
    use crate::prelude::*;
    async fn f() -> anyhow::Result<()> {
        let r = fail_after(D, async {
            let x = work(1).await?;
            let y = anywork(2).await?;
            anyhow::Ok(x + y)
        })
        .await?;
        Ok(())
    }
}

mod t16_use_std_result_shadowed {
    use anyio::*;
    fn f() -> Result<u32, String> {
        Err("x".to_string())
    }
    fn g() -> Result<u32, std::fmt::Error> {
        Ok(1)
    }
    fn h() -> Option<()> {
        None
    }
}

mod t17_map_err_generic_default_infer {
    use anyio::Result;
    fn f() -> Result<Vec<u32>> {
        let v: Result<Vec<u32>, std::num::ParseIntError> = ["1"].iter().map(|s| s.parse::<u32>()).collect();
        let w = ["1"].iter().map(|s| s.parse::<u32>()).collect::<Result<Vec<_>, _>>()?;
        Ok(w)
    }
}

mod t19_err_turbofish {
    use anyio::Result;
    fn f() -> Result<u32> {
        Err("x")?
    }
    fn g() -> Result<u32> {
        Err("x".into())
    }
    fn h() -> Result<u32> {
        Err(std::io::Error::other("x"))?
    }
}

mod t20_box_dyn_error_local_group {
    use crate::prelude::*;
    async fn f() -> Result<(), Box<dyn std::error::Error>> {
        local_task_group(async |tg| -> Result<_, Box<dyn std::error::Error>> {
            tg.start_soon(async {
                work(1).await?;
                Ok(())
            });
            Ok(())
        })
        .await?;
        Ok(())
    }
}

mod t23_anyio_result_into_anyhow {
    use crate::prelude::*;
    async fn lib() -> anyio::Result<u32> {
        Ok(1)
    }
    async fn f() -> anyhow::Result<u32> {
        let x = lib().await.map_err(anyhow::Error::from_boxed)?;
        Ok(x)
    }
}

mod t26_group_in_anyhow_child_io {
    use crate::prelude::*;
    async fn f() -> anyhow::Result<()> {
        let r = task_group(async |tg| -> io::Result<_> {
            tg.start_soon(work(1));
            Ok(())
        })
        .await?;
        Ok(())
    }
}

mod t28_errorgroup_leaves_anyhow {
    use crate::prelude::*;
    async fn f() {
        let r = task_group(async |tg| -> anyhow::Result<_> {
            tg.start_soon(anywork(1));
            Ok(())
        })
        .await;
        if let Err(e) = r {
            if let Some(g) = e.downcast_ref::<ErrorGroup<anyhow::Error>>() {
                for x in g.iter() {
                    println!("{x}");
                }
                for x in g.leaves() {
                    println!("{x}");
                }
            }
        }
    }
}

mod t29_errorgroup_leaves_box {
    use crate::prelude::*;
    fn f(g: &ErrorGroup<BoxError>) {
        for x in g.leaves() {
            println!("{x}");
        }
    }
}

mod t30_errorgroup_leaves_io {
    use crate::prelude::*;
    fn f(g: &ErrorGroup<io::Error>) {
        for x in g.leaves() {
            println!("{x}");
        }
        for x in g {
            println!("{x}");
        }
    }
}

mod t32_or_cancelled_anyhow_box {
    use crate::prelude::*;
    async fn f() -> anyhow::Result<u32> {
        Ok(anywork(1).or_cancelled().await?)
    }
    async fn g() -> anyio::Result<u32> {
        async { anyio::ok(1) }.or_cancelled().await
    }
}

mod u02_leaves {
    use crate::prelude::*;
    fn f(a: &ErrorGroup<BoxError>, b: &ErrorGroup<io::Error>, c: &ErrorGroup<anyhow::Error>) {
        for e in a.leaves().chain(b.leaves()).chain(c.leaves()) {
            println!("{e}");
        }
    }
}
