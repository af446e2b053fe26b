//! What stands before each use: the facade as it is imported in programs, and stand-ins for what snippets talk about.
//!
//! `Connection`, `Lock` and `Event` stand in for types of crates that are still to come; here they are only something to
//! wait for.

pub(crate) use std::{
    cell::{Cell, RefCell},
    future::Future,
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

pub(crate) use anyio::{memory::*, prelude::*, streams::*, typed_attrs::*, *};

pub(crate) const D: Duration = Duration::from_secs(1);

pub(crate) fn send<T: Send>(t: T) -> T {
    t
}

pub(crate) fn boxed<'a, T>(f: impl Future<Output = T> + Send + 'a) -> Pin<Box<dyn Future<Output = T> + Send + 'a>> {
    Box::pin(f)
}

pub(crate) async fn work(n: u32) -> io::Result<u32> {
    Ok(n)
}

pub(crate) async fn anywork(n: u32) -> anyhow::Result<u32> {
    Ok(n)
}

pub(crate) async fn listen(_port: u16) -> io::Result<L> {
    Ok(L)
}

pub(crate) struct L;

impl L {
    pub(crate) fn port(&self) -> u16 {
        1
    }

    pub(crate) async fn accept(&self) -> io::Result<Connection> {
        Ok(Connection)
    }
}

pub(crate) struct Connection;

pub(crate) async fn handle(_connection: Connection) -> io::Result<()> {
    Ok(())
}

pub(crate) struct Lock<T>(futures_util::lock::Mutex<T>);

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(futures_util::lock::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> anyio::scope::Cancellable<futures_util::lock::MutexLockFuture<'_, T>> {
        self.0.lock().cancellable()
    }

    pub(crate) fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

pub(crate) struct Event;

impl Event {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn set(&self) {}

    pub(crate) async fn wait(&self) -> Result<(), Cancelled> {
        sleep_forever().await
    }
}
