//! `gather`, `map_concurrent`, `as_completed` and `race`, as people write them.

mod p46_gather {
    use crate::prelude::*;
    async fn f() -> io::Result<Vec<u32>> {
        let ids = [1, 2, 3];
        gather(ids.iter().map(|i| work(*i))).await
    }
    async fn g() {
        tokio::spawn(async {
            let v = vec![1u32];
            let r: io::Result<Vec<&u32>> = gather(v.iter().map(async |x| {
                work(*x).await?;
                Ok(x)
            }))
            .await;
        });
    }
}

mod p47_map_concurrent {
    use crate::prelude::*;
    async fn f() -> io::Result<Vec<u32>> {
        let k = String::from("k");
        let r = map_concurrent(0..10, 4, async |n| {
            println!("{k}");
            work(n).await
        })
        .await?;
        Ok(r)
    }
    async fn g() {
        tokio::spawn(f());
    }
}

mod p49_map_concurrent_urls_borrow {
    use crate::prelude::*;
    async fn f() -> io::Result<Vec<u32>> {
        let urls = vec![String::new()];
        map_concurrent(&urls, 4, async |u| work(u.len() as u32).await).await
    }
    async fn g() {
        tokio::spawn(f());
    }
}

mod p52_as_completed {
    use crate::prelude::*;
    async fn f() -> io::Result<Option<u32>> {
        as_completed((0..3).map(work), async |mut results| -> io::Result<_> {
            while let Some(x) = results.next().await? {
                if x > 1 {
                    return Ok(Some(x));
                }
            }
            Ok(None)
        })
        .await
    }
    async fn g() {
        tokio::spawn(f());
    }
}

mod p53_race {
    use crate::prelude::*;
    async fn f() -> io::Result<u32> {
        race([work(1), work(2)]).await
    }
    async fn g() -> io::Result<u32> {
        race([
            boxed(work(1)),
            boxed(async {
                sleep(D).await?;
                Ok(2)
            }),
        ])
        .await
    }
}

mod r07_gather_v1_async_closure_refs {
    use crate::prelude::*;
    async fn g() {
        tokio::spawn(async {
            let v = vec![1u32];
            let r: io::Result<Vec<&u32>> = gather(v.iter().map(async |x| {
                work(*x).await?;
                Ok(x)
            }))
            .await;
        });
    }
}

mod r09_gather_closure_async_block_refs {
    use crate::prelude::*;
    async fn g() {
        tokio::spawn(async {
            let v = vec![1u32];
            let r: io::Result<Vec<&u32>> = gather(v.iter().map(|x| async move {
                work(*x).await?;
                Ok(x)
            }))
            .await;
        });
    }
}

mod r11_gather_boxerr {
    use crate::prelude::*;
    async fn g() {
        tokio::spawn(async {
            let v = vec![1u32];
            let r: anyio::Result<Vec<u32>> = gather(v.iter().map(|x| async move {
                work(*x).await?;
                Ok(1)
            }))
            .await;
        });
    }
}

mod r13_mapc_boxerr_refs {
    use crate::prelude::*;
    async fn g() {
        tokio::spawn(async {
            let v = vec![1u32];
            let k = String::new();
            let r: anyio::Result<Vec<u32>> = map_concurrent(v.iter(), 3, async |x| {
                println!("{k}");
                work(*x).await?;
                Ok(1)
            })
            .await;
        });
    }
}

mod r14_mapc_v2_boxerr_refs {
    use crate::prelude::*;
    async fn g() {
        tokio::spawn(async {
            let v = vec![1u32];
            let k = String::new();
            let r: anyio::Result<Vec<u32>> = map_concurrent(v.iter(), 3, async |x| {
                println!("{k}");
                work(*x).await?;
                Ok(1)
            })
            .await;
        });
    }
}

mod r15_mapc_ret_refs {
    use crate::prelude::*;
    async fn g() {
        tokio::spawn(async {
            let v = vec![1u32];
            let r: anyio::Result<Vec<&u32>> = map_concurrent(&v, 3, async |x| {
                work(*x).await?;
                Ok(x)
            })
            .await;
        });
    }
}

mod r17_mapc_map_iter {
    use crate::prelude::*;
    async fn g() {
        tokio::spawn(async {
            let v = vec![String::new()];
            let r: anyio::Result<Vec<u32>> =
                map_concurrent(v.iter().map(|s| s.as_str()).filter(|s| !s.is_empty()), 3, async |x| {
                    work(x.len() as u32).await?;
                    Ok(1)
                })
                .await;
        });
    }
}

mod r18_mapc_v2_map_iter {
    use crate::prelude::*;
    async fn g() {
        tokio::spawn(async {
            let v = vec![String::new()];
            let r: anyio::Result<Vec<u32>> =
                map_concurrent(v.iter().map(|s| s.as_str()).filter(|s| !s.is_empty()), 3, async |x| {
                    work(x.len() as u32).await?;
                    Ok(1)
                })
                .await;
        });
    }
}

mod r20_as_completed_race_boxerr_spawn {
    use crate::prelude::*;
    async fn bw(n: &u32) -> anyio::Result<u32> {
        Ok(*n)
    }
    async fn f() -> anyio::Result<()> {
        let v = vec![1, 2];
        let x = as_completed(v.iter().map(bw), async |mut r| -> anyio::Result<_> {
            while let Some(x) = r.next().await? {
                println!("{x}{}", v[0]);
            }
            Ok(1)
        })
        .await?;
        let y = race(v.iter().map(bw)).await?;
        let z = race(v.iter().map(|n| async move { bw(n).await })).await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod r21_race_async_closure_refs {
    use crate::prelude::*;
    async fn bw(n: &u32) -> anyio::Result<u32> {
        Ok(*n)
    }
    fn g() {
        tokio::spawn(async {
            let v = vec![1, 2];
            let z = race(v.iter().map(async |n| bw(n).await)).await?;
            anyio::ok(())
        });
    }
}

mod u01_as_completed_race_v1 {
    use crate::prelude::*;
    async fn bw(n: &u32) -> anyio::Result<u32> {
        Ok(*n)
    }
    async fn f() -> anyio::Result<()> {
        let v = vec![1, 2];
        let x = as_completed(v.iter().map(bw), async |mut r| -> anyio::Result<_> {
            while let Some(x) = r.next().await? {
                println!("{x}{}", v[0]);
            }
            Ok(1)
        })
        .await?;
        let y = race(v.iter().map(bw)).await?;
        let z = race(v.iter().map(|n| async move { bw(n).await })).await?;
        let w = as_completed(v.iter().map(async |n| bw(n).await), async |mut r| -> anyio::Result<_> {
            Ok(r.next().await?)
        })
        .await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod u07_boxed_mapc_gather {
    use crate::prelude::*;
    fn f<'a>(v: &'a [u32]) -> Pin<Box<dyn Future<Output = anyio::Result<Vec<u32>>> + Send + 'a>> {
        Box::pin(async move {
            let a = map_concurrent(v.iter().filter(|x| **x > 1), 2, async |x| -> anyio::Result<_> {
                sleep(D).await?;
                Ok(*x)
            })
            .await?;
            gather(v.iter().map(async |x| {
                sleep(D).await?;
                anyio::ok(*x)
            }))
            .await
        })
    }
}
