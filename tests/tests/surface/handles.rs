//! Handles, as people write them.

mod p20_handle_join_box {
    use crate::prelude::*;
    async fn f() -> anyio::Result<u32> {
        let r = task_group(async |tg| -> anyio::Result<_> {
            let h = tg.start_soon(async { Ok(work(1).await?) });
            let v = h.join().await?;
            Ok(v)
        })
        .await
        .completed()?;
        Ok(r)
    }
}

mod p21_handle_join_io {
    use crate::prelude::*;
    async fn f() -> io::Result<u32> {
        task_group(async |tg| -> io::Result<_> {
            let h = tg.start_soon(work(1));
            let v = h.join().await?;
            Ok(v)
        })
        .await
        .completed()
    }
}

mod p54_task_name {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        task_group(async |tg| -> io::Result<_> {
            let h = tg.task("reader").start_soon(work(1));
            tg.task(format!("w{}", 1)).start_soon(async {});
            h.wait().await?;
            Ok(())
        })
        .await?;
        Ok(())
    }
}

mod r22_handle_join_boxerr_spawn {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let v = vec![1];
        task_group(async |tg| -> anyio::Result<_> {
            let h = tg.start_soon(async {
                println!("{}", v[0]);
                work(1).await?;
                Ok(String::new())
            });
            let h2 = tg.task("x").start_soon(async {});
            sleep(D).await?;
            h2.wait().await?;
            let s: String = h.join().await?;
            Ok(s)
        })
        .await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
        let x: Pin<Box<dyn Future<Output = anyio::Result<()>> + Send>> = Box::pin(f());
    }
}

mod r30_local_group_handle_value_rc {
    use crate::prelude::*;
    async fn f() {
        local_task_group(async |tg| -> anyio::Result<_> {
            let h = tg.start_soon(async { Ok(Rc::new(1)) });
            let v = h.join().await?;
            Ok(())
        })
        .await;
    }
}

mod s08_loose_local_rc_value {
    use crate::prelude::*;
    async fn f() {
        local_task_group(async |tg| -> anyio::Result<_> {
            let h = tg.start_soon(async { Ok(Rc::new(1)) });
            let v: Rc<i32> = h.join().await?;
            Ok(())
        })
        .await;
    }
}

mod s09_loose_start_soon_t {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let s = String::new();
        task_group(async |tg| -> anyio::Result<_> {
            let h = tg.start_soon(async {
                work(1).await?;
                println!("{s}");
                Ok(1)
            });
            tg.start_soon(async {});
            tg.start_soon(async { Ok(()) });
            let v: i32 = h.join().await?;
            Ok(())
        })
        .await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod s15_move_on_child_value_option {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        task_group(async |tg| -> anyio::Result<_> {
            let h = tg.start_soon(move_on_after(D, async {
                work(1).await?;
                Ok(2)
            }));
            let v: Option<i32> = h.join().await?;
            Ok(())
        })
        .await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod s20_join_error_match {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        task_group(async |tg| -> anyio::Result<_> {
            let h = tg.start_soon(async { Ok(1) });
            match h.join().await {
                Ok(n) => {}
                Err(JoinError::Interrupted(c)) => return Err(c.into()),
                Err(JoinError::TaskCancelled) => {}
                Err(e) => return Err(e.into()),
            }
            Ok(())
        })
        .await?;
        Ok(())
    }
}

mod s21_closure_captures_by_mut_with_tokio_select_in_child {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let mut n = 0;
        let e = Event::new();
        task_group(async |tg| -> anyio::Result<_> {
            tg.start_soon(async {
                loop {
                    tokio::select! { r = sleep(D) => { r?; n += 1; } r = e.wait() => { r?; break } }
                }
                Ok(())
            });
            e.set();
            Ok(())
        })
        .await?;
        println!("{n}");
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod u08_vec_of_handles {
    use crate::prelude::*;
    async fn f() -> anyio::Result<Vec<u32>> {
        task_group(async |tg| -> anyio::Result<_> {
            let hs: Vec<_> = (0..3).map(|n| tg.start_soon(async move { Ok(work(n).await?) })).collect();
            let mut v = vec![];
            for h in hs {
                v.push(h.join().await?);
            }
            Ok(v)
        })
        .await
        .completed()
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod u09_handles_in_map {
    use crate::prelude::*;
    struct Jobs {
        m: std::collections::HashMap<u32, TaskHandle<()>>,
    }
    impl Jobs {
        fn cancel(&self, id: u32) {
            if let Some(h) = self.m.get(&id) {
                h.cancel_because("user");
            }
        }
    }
    async fn f() -> anyio::Result<()> {
        let jobs = Lock::new(Jobs { m: Default::default() });
        task_group(async |tg| -> anyio::Result<_> {
            let h = tg.start_soon(async {
                sleep(D).await?;
                Ok(())
            });
            jobs.lock().await?.m.insert(1, h);
            jobs.lock().await?.cancel(1);
            Ok(())
        })
        .await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod u10_select_join_pinned {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        task_group(async |tg| -> anyio::Result<_> {
            let h = tg.start_soon(async { Ok(work(1).await?) });
            let mut j = std::pin::pin!(h.join());
            loop {
                tokio::select! { r = &mut j => { let n: u32 = r?; break } r = sleep(D) => r? }
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

mod u14_tower_like {
    use crate::prelude::*;
    struct S {
        n: Arc<u32>,
    }
    impl S {
        fn call(&mut self, req: String) -> Pin<Box<dyn Future<Output = Result<String, BoxError>> + Send + 'static>> {
            let n = self.n.clone();
            Box::pin(async move {
                let r = task_group(async |tg| -> anyio::Result<_> {
                    let a = tg.start_soon(async { Ok(work(*n).await?) });
                    let b = tg.start_soon(async { Ok(req.len()) });
                    Ok(format!("{}{}", a.join().await?, b.join().await?))
                })
                .await
                .completed()?;
                Ok(r)
            })
        }
    }
}

mod y05_join_twice {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        task_group(async |tg| -> anyio::Result<_> {
            let h = tg.start_soon(work_box());
            let v = match move_on_after(D, async { Ok::<_, anyio::BoxError>(h.join().await) }).await? {
                Some(r) => r?,
                None => h.join().await?,
            };
            println!("{v}");
            Ok(())
        })
        .await?;
        Ok(())
    }
    async fn work_box() -> anyio::Result<u32> {
        Ok(1)
    }
}
