//! Connectables whose streams are wrapped.

use std::{future::Future, io};

use crate::{Buffered, ByteStreamConnectable, ObjectStreamConnectable, Text};

/// A connectable that gives [`Buffered`] streams.
///
/// Mirrors AnyIO's
/// [`BufferedConnectable`](https://anyio.readthedocs.io/en/stable/api.html#anyio.streams.buffered.BufferedConnectable).
#[derive(Debug, Clone)]
pub struct BufferedConnectable<C>(C);

impl<C> BufferedConnectable<C> {
    /// Connects to where `inner` does.
    pub fn new(inner: C) -> Self {
        Self(inner)
    }
}

impl<C: ByteStreamConnectable> ByteStreamConnectable for BufferedConnectable<C> {
    type Stream = Buffered<C::Stream>;

    #[track_caller]
    fn connect(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send {
        let connecting = self.0.connect();
        async move { Ok(Buffered::new(connecting.await?)) }
    }
}

/// A connectable that gives [`Text`] over byte streams.
///
/// Mirrors AnyIO's [`TextConnectable`](https://anyio.readthedocs.io/en/stable/api.html#anyio.streams.text.TextConnectable).
#[derive(Debug, Clone)]
pub struct TextConnectable<C>(C);

impl<C> TextConnectable<C> {
    /// Connects to where `inner` does.
    pub fn new(inner: C) -> Self {
        Self(inner)
    }
}

impl<C: ByteStreamConnectable> ObjectStreamConnectable for TextConnectable<C> {
    type Stream = Text<C::Stream>;

    #[track_caller]
    fn connect(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send {
        let connecting = self.0.connect();
        async move { Ok(Text::new(connecting.await?)) }
    }
}
