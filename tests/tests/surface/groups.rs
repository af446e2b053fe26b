//! Groups, as people write them.

mod p01_plain_group {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        task_group(async |tg| -> anyio::Result<_> {
            tg.start_soon(async {
                work(1).await?;
                Ok(())
            });
            tg.start_soon(async {
                work(2).await?;
                Ok(())
            });
            Ok(())
        })
        .await?;
        Ok(())
    }
}

mod p02_borrow_local {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let names = vec![String::from("a")];
        task_group(async |tg| -> anyio::Result<_> {
            for n in &names {
                tg.start_soon(async move {
                    work(n.len() as u32).await?;
                    Ok(())
                });
            }
            Ok(())
        })
        .await?;
        drop(names);
        Ok(())
    }
}

mod p10_local_rc {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let n = Rc::new(Cell::new(0));
        local_task_group(async |tg| -> anyio::Result<_> {
            let n2 = n.clone();
            tg.start_soon(async move {
                sleep(D).await?;
                n2.set(1);
                Ok(())
            });
            tg.start_soon(async {
                n.set(2);
                sleep(D).await?;
                Ok(())
            });
            Ok(())
        })
        .await?;
        Ok(())
    }
}

mod p13_unit_child_mixed {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        task_group(async |tg| -> io::Result<_> {
            tg.start_soon(async {
                println!("x");
            });
            tg.start_soon(async {
                work(1).await?;
                Ok(())
            });
            tg.start_soon(work(3));
            Ok(())
        })
        .await?;
        Ok(())
    }
}

mod p15_loop_forever_child_noq {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        task_group(async |tg| -> io::Result<_> {
            tg.start_soon(async {
                loop {
                    let _ = work(1).await;
                }
            });
            Ok(())
        })
        .await?;
        Ok(())
    }
}

mod p16_loop_forever_with_ok {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        task_group(async |tg| -> io::Result<_> {
            tg.start_soon(async {
                loop {
                    work(1).await?;
                }
                #[allow(unreachable_code)]
                Ok(())
            });
            Ok(())
        })
        .await?;
        Ok(())
    }
}

mod p17_accept_loop {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let l = listen(1).await?;
        task_group(async |tg| -> io::Result<()> {
            loop {
                let c = l.accept().await?;
                tg.start_soon(handle(c));
            }
        })
        .await?;
        Ok(())
    }
}

mod p35_completed {
    use crate::prelude::*;
    async fn f() -> io::Result<u32> {
        move_on_after(D, work(1)).await.completed()
    }
    async fn g() -> anyio::Result<u32> {
        Ok(task_group(async |tg| -> anyio::Result<_> { Ok(3) }).await.completed()?)
    }
}

mod p61_body_infers_from_ok_fn {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        task_group(async |tg| {
            tg.start_soon(async {
                work(1).await?;
                Ok(())
            });
            anyio::ok(())
        })
        .await?;
        Ok(())
    }
}

mod p62_no_annotation_return_direct {
    use crate::prelude::*;
    async fn f() -> anyio::Result<Option<()>> {
        task_group(async |tg| {
            tg.start_soon(async {
                work(1).await?;
                Ok(())
            });
            Ok(())
        })
        .await
    }
}

mod p63_completed_tail_infers {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        task_group(async |tg| {
            tg.start_soon(async {
                work(1).await?;
                Ok(())
            });
            Ok(())
        })
        .await
        .completed()
    }
}

mod p64_map_option_tail_infers {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        task_group(async |tg| {
            tg.start_soon(async {
                work(1).await?;
                Ok(())
            });
            Ok(())
        })
        .await
        .map(|_| ())
    }
}

mod q50_run_main {
    use crate::prelude::*;
    fn main2() -> anyio::Result<()> {
        anyio::run(async {
            task_group(async |tg| -> anyio::Result<_> {
                tg.start_soon(async {
                    work(1).await?;
                    Ok(())
                });
                Ok(())
            })
            .await?;
            Ok(())
        })
    }
}

mod r31_task_group_body_not_send_ok_outside {
    use crate::prelude::*;
    async fn f() {
        let r = Rc::new(1);
        task_group(async |tg| -> anyio::Result<_> {
            let x = r.clone();
            sleep(D).await?;
            tg.start_soon(async {});
            println!("{x}");
            Ok(())
        })
        .await;
    }
}

mod s01_never_unit_loop {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        task_group(async |tg| -> io::Result<_> {
            tg.start_soon(async {
                loop {
                    let _ = work(1).await;
                }
            });
            Ok(())
        })
        .await?;
        Ok(())
    }
}

mod s03_loop_named_fn {
    use crate::prelude::*;
    async fn serve() -> io::Result<std::convert::Infallible> {
        loop {
            work(1).await?;
        }
    }
    async fn f() -> io::Result<()> {
        task_group(async |tg| -> io::Result<_> {
            tg.start_soon(serve());
            tg.start_soon(async { serve().await });
            Ok(())
        })
        .await?;
        Ok(())
    }
}

mod s04_loop_async_closure_called {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let k = 1;
        task_group(async |tg| -> io::Result<_> {
            tg.start_soon((async || -> io::Result<()> {
                loop {
                    work(k).await?;
                }
            })());
            Ok(())
        })
        .await?;
        Ok(())
    }
}

mod s07_loop_break_ok {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        task_group(async |tg| -> io::Result<_> {
            tg.start_soon(async {
                while work(1).await? > 0 {}
                Ok(())
            });
            Ok(())
        })
        .await?;
        Ok(())
    }
}

mod s12_turbofish_task_group {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        task_group::<_, io::Error, _, _>(async |tg| {
            tg.start_soon(async {
                work(1).await?;
                Ok(())
            });
            Ok(())
        })
        .await?;
        move_on_after::<_, io::Error, _>(D, async {
            work(1).await?;
            Ok(())
        })
        .await?;
        Ok(())
    }
}

mod t10_sleep_forever_no_warning {
    use crate::prelude::*;
    #[deny(unreachable_code)]
    async fn f() -> io::Result<()> {
        task_group(async |tg| -> io::Result<_> {
            tg.start_soon(async {
                sleep_forever().await?;
                Ok(())
            });
            Ok(())
        })
        .await?;
        Ok(())
    }
}
