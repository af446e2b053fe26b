//! What stands before each use: the facade as it is imported in programs, and stand-ins for what snippets talk about.

pub(crate) use std::{
    cell::{Cell, RefCell},
    future::Future,
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

pub(crate) use anyio::{
    memory::*,
    prelude::*,
    streams::*,
    sync::{CapacityLimiter, Condition, Event, Lock, Semaphore, SetOnce},
    typed_attrs::*,
    *,
};

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

    pub(crate) async fn accept(&self) -> io::Result<MemoryByteStream> {
        Ok(memory_byte_stream(1).0)
    }
}

pub(crate) async fn handle(_connection: MemoryByteStream) -> io::Result<()> {
    Ok(())
}
