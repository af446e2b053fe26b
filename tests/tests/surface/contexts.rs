//! Groups where futures are hard to write: spawned, boxed, behind traits, in `select!`, borrowing, nested.

mod p03_tokio_spawn_borrow {
    use crate::prelude::*;
    async fn f() {
        tokio::spawn(async {
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
            anyio::ok(())
        });
    }
}

mod p04_boxed_dyn_send {
    use crate::prelude::*;
    fn f<'a>(names: &'a [String]) -> Pin<Box<dyn Future<Output = anyio::Result<()>> + Send + 'a>> {
        Box::pin(async move {
            task_group(async |tg| -> anyio::Result<_> {
                for n in names {
                    tg.start_soon(async move {
                        work(n.len() as u32).await?;
                        Ok(())
                    });
                }
                Ok(())
            })
            .await?;
            Ok(())
        })
    }
}

mod p05_trait_impl_future_send {
    use crate::prelude::*;
    trait Svc {
        fn call(&self, n: &str) -> impl Future<Output = io::Result<u32>> + Send;
    }
    struct S(Vec<u32>);
    impl Svc for S {
        async fn call(&self, n: &str) -> io::Result<u32> {
            let s = Lock::new(0u32);
            task_group(async |tg| -> io::Result<_> {
                for x in &self.0 {
                    tg.start_soon(async {
                        let mut g = s.lock().await?;
                        *g += work(*x).await?;
                        Ok(())
                    });
                }
                tg.start_soon(async move {
                    work(n.len() as u32).await?;
                    Ok(())
                });
                Ok(())
            })
            .await?;
            Ok(s.into_inner())
        }
    }
    async fn g() {
        let s = S(vec![]);
        send(s.call("x"));
        tokio::spawn(async {
            let s = S(vec![]);
            s.call("x").await
        });
    }
}

mod p06_nested_borrow_child_locals {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let outer = String::from("o");
        send(task_group(async |tg| -> io::Result<_> {
            tg.start_soon(async {
                let inner = format!("{outer}i");
                task_group(async |tg2| -> io::Result<_> {
                    tg2.start_soon(async {
                        println!("{inner}{outer}");
                        work(1).await?;
                        Ok(())
                    });
                    Ok(())
                })
                .await?;
                Ok(())
            });
            Ok(())
        }))
        .await?;
        Ok(())
    }
}

mod p07_mut_capture {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let mut a = 0;
        let mut b = vec![0u32];
        send(task_group(async |tg| -> io::Result<_> {
            tg.start_soon(async {
                a += work(1).await?;
                Ok(())
            });
            tg.start_soon(async {
                b.push(work(1).await?);
                Ok(())
            });
            Ok(())
        }))
        .await?;
        println!("{a}{b:?}");
        Ok(())
    }
}

mod p08_mut_self {
    use crate::prelude::*;
    struct S {
        a: u32,
        b: Vec<u32>,
    }
    impl S {
        async fn go(&mut self) -> io::Result<()> {
            task_group(async |tg| -> io::Result<_> {
                tg.start_soon(async {
                    self.a += work(1).await?;
                    Ok(())
                });
                tg.start_soon(async {
                    self.b.push(work(1).await?);
                    Ok(())
                });
                Ok(())
            })
            .await?;
            self.a += 1;
            Ok(())
        }
    }
    async fn g() {
        tokio::spawn(async {
            let mut s = S { a: 0, b: vec![] };
            s.go().await
        });
    }
}

mod p09_select {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let x = String::new();
        tokio::select! { r = task_group(async |tg| -> anyio::Result<_> { tg.start_soon(async { println!("{x}"); Ok(()) }); Ok(1) }) => { r?; } r = sleep(D) => { r?; } }
        Ok(())
    }
    async fn g() {
        tokio::spawn(f());
    }
}

mod p59_struct_holds_tg {
    use crate::prelude::*;
    struct Server<'a, E> {
        tg: TaskGroup<'a, E>,
    }
    impl<'a> Server<'a, io::Error> {
        fn add(&self, n: &'a u32) {
            self.tg.start_soon(async move {
                work(*n).await?;
                Ok(())
            });
        }
    }
    async fn f() -> io::Result<()> {
        let n = 3;
        task_group(async |tg| -> io::Result<_> {
            let s = Server { tg: tg.clone() };
            s.add(&n);
            Ok(())
        })
        .await?;
        Ok(())
    }
}

mod q64_tg_captured_by_ref_method_and_scope {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let s = CancelScope::new();
        let s2 = s.clone();
        send(s.run(async {
            task_group(async |tg| -> io::Result<_> {
                tg.start_soon(async {
                    s2.cancel();
                    Ok(())
                });
                Ok(())
            })
            .await
            .completed()
        }))
        .await?;
        Ok(())
    }
}

mod q66_async_recursion {
    use crate::prelude::*;
    fn walk(d: u32) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send>> {
        Box::pin(async move {
            task_group(async |tg| -> io::Result<_> {
                for i in 0..d {
                    tg.start_soon(walk(i));
                }
                Ok(())
            })
            .await
            .completed()
        })
    }
}

mod q67_async_trait_dyn_service {
    use crate::prelude::*;
    trait Svc: Send + Sync {
        fn call<'a>(&'a self, x: &'a str) -> Pin<Box<dyn Future<Output = anyio::Result<()>> + Send + 'a>>;
    }
    struct S(String);
    impl Svc for S {
        fn call<'a>(&'a self, x: &'a str) -> Pin<Box<dyn Future<Output = anyio::Result<()>> + Send + 'a>> {
            Box::pin(async move {
                task_group(async |tg| -> anyio::Result<_> {
                    tg.start_soon(async {
                        println!("{}{x}", self.0);
                        sleep(D).await?;
                        Ok(())
                    });
                    tg.start_soon(async move {
                        let l = Lock::new(1);
                        let g = l.lock().await?;
                        sleep(D).await?;
                        Ok(())
                    });
                    Ok(())
                })
                .await?;
                Ok(())
            })
        }
    }
}

mod r32_group_select_in_loop_pinned {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let n = 1;
        let mut g = std::pin::pin!(task_group(async |tg| -> anyio::Result<_> {
            tg.start_soon(async {
                println!("{n}");
                Ok(())
            });
            Ok(1)
        }));
        loop {
            tokio::select! { r = &mut g => { r?; break } _ = sleep(D) => { println!("tick") } }
        }
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod r33_join_two_groups {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let v = vec![1];
        let (a, b) = futures_util::join!(
            task_group(async |tg| -> anyio::Result<_> {
                tg.start_soon(async {
                    println!("{v:?}");
                    Ok(())
                });
                Ok(1)
            }),
            task_group(async |tg| -> anyio::Result<_> {
                tg.start_soon(async {
                    println!("{v:?}");
                });
                Ok(1)
            })
        );
        a?;
        b?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod r34_spawn_in_child_nested_tg_passed_ref {
    use crate::prelude::*;
    async fn inner<'e>(tg: TaskGroup<'e, BoxError>, s: &'e str) -> anyio::Result<()> {
        tg.start_soon(async move {
            println!("{s}");
            Ok(())
        });
        Ok(())
    }
    async fn f() -> anyio::Result<()> {
        let s = String::new();
        task_group(async |tg| -> anyio::Result<_> {
            tg.start_soon(inner(tg.clone(), &s));
            Ok(())
        })
        .await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod r35_outer_tg_from_inner_child {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let s = String::new();
        task_group(async |outer| -> anyio::Result<_> {
            task_group(async |tg| -> anyio::Result<_> {
                tg.start_soon(async {
                    outer.start_soon(async {
                        println!("{s}");
                        Ok(())
                    });
                    Ok(())
                });
                Ok(())
            })
            .await?;
            Ok(())
        })
        .await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod r36_regular_closure_body {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let s = String::new();
        let s = &s;
        task_group(|tg| async move {
            tg.start_soon(async move {
                println!("{s}");
                Ok(())
            });
            anyio::ok(())
        })
        .await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod r37_fn_body {
    use crate::prelude::*;
    async fn body(tg: TaskGroup<'_, BoxError>) -> anyio::Result<()> {
        tg.start_soon(async {
            sleep(D).await?;
            Ok(())
        });
        Ok(())
    }
    async fn f() -> anyio::Result<()> {
        task_group(body).await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod r38_async_move_body_owned {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let s = String::new();
        task_group(async move |tg| -> anyio::Result<_> {
            let s = s;
            println!("{s}");
            tg.start_soon(async move {
                println!("{s}");
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

mod r39_mut_capture_two_children_boxerr_spawn {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let mut a = 0;
        let mut b = String::new();
        task_group(async |tg| -> anyio::Result<_> {
            tg.start_soon(async {
                a += work(1).await?;
                Ok(())
            });
            tg.start_soon(async {
                b.push('x');
                sleep(D).await?;
                Ok(())
            });
            Ok(())
        })
        .await?;
        println!("{a}{b}");
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod r40_mut_capture_used_in_body_too {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let mut a = 0;
        task_group(async |tg| -> anyio::Result<_> {
            a += 1;
            sleep(D).await?;
            a += 1;
            Ok(())
        })
        .await?;
        println!("{a}");
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod s13_server_methods {
    use crate::prelude::*;
    struct Srv {
        n: u32,
    }
    impl Srv {
        async fn run(&self) -> io::Result<()> {
            let l = listen(1).await?;
            task_group(async |tg| -> io::Result<_> {
                tg.start_soon(self.accept(tg.clone(), &l));
                Ok(())
            })
            .await
            .completed()
        }
        async fn accept<'e>(&'e self, tg: TaskGroup<'e, io::Error>, l: &L) -> io::Result<()> {
            loop {
                let c = l.accept().await?;
                tg.start_soon(self.conn(c));
            }
        }
        async fn conn(&self, c: MemoryByteStream) -> io::Result<()> {
            Ok(())
        }
    }
    fn g() {
        tokio::spawn(async { Srv { n: 1 }.run().await });
    }
}

mod s14_scope_run_in_child_with_handle {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        let scopes = Lock::new(Vec::new());
        task_group(async |tg| -> anyio::Result<_> {
            let s = CancelScope::new();
            scopes.lock().await?.push(s.clone());
            tg.start_soon(s.run(async {
                sleep(D).await?;
                anyio::ok(())
            }));
            Ok(())
        })
        .await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}

mod s24_boxed_children_mixed {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let jobs: Vec<Pin<Box<dyn Future<Output = io::Result<()>> + Send>>> = vec![];
        task_group(async |tg| -> io::Result<_> {
            for j in jobs {
                tg.start_soon(j);
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

mod s25_dropping_captured_by_async_move_loop {
    use crate::prelude::*;
    async fn f() -> io::Result<()> {
        let jobs = vec![String::new()];
        task_group(async |tg| -> io::Result<_> {
            for j in jobs {
                tg.start_soon(async move {
                    work(j.len() as u32).await?;
                    Ok(())
                });
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

mod t35_tokio_sleep_in_start_soon_unit {
    use crate::prelude::*;
    async fn f() -> anyio::Result<()> {
        task_group(async |tg| -> anyio::Result<_> {
            tg.start_soon(tokio::time::sleep(D));
            Ok(())
        })
        .await?;
        Ok(())
    }
}

mod u13_local_set {
    use crate::prelude::*;
    async fn f() {
        let ls = tokio::task::LocalSet::new();
        ls.run_until(async {
            tokio::task::spawn_local(local_task_group(async |tg| -> anyio::Result<_> {
                tg.start_soon(async {});
                Ok(())
            }));
        })
        .await;
    }
}

mod v01_err_into {
    use crate::prelude::*;
    use futures_util::TryFutureExt;
    async fn f() -> anyio::Result<()> {
        task_group(async |tg| -> anyio::Result<_> {
            tg.start_soon(sleep(D).err_into());
            tg.start_soon(async { Ok(sleep(D).await?) });
            Ok(())
        })
        .await?;
        Ok(())
    }
    fn g() {
        tokio::spawn(f());
    }
}
