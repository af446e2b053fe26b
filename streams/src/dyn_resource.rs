//! Resources as trait objects.

use std::{future::Future, io, pin::Pin};

use crate::AsyncResource;

/// A boxed future that may go to other threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The dyn-compatible form of [`AsyncResource`], which every sized one has.
///
/// `dyn DynAsyncResource` is an [`AsyncResource`] itself, so code that takes one takes a boxed one as well.
pub trait DynAsyncResource: Send + Sync {
    /// [`AsyncResource::aclose`].
    fn dyn_aclose<'a>(&'a self) -> BoxFuture<'a, io::Result<()>>;

    /// [`AsyncResource::close`].
    fn dyn_close(&self);
}

impl<R: AsyncResource> DynAsyncResource for R {
    fn dyn_aclose<'a>(&'a self) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(self.aclose())
    }

    fn dyn_close(&self) {
        self.close();
    }
}

impl AsyncResource for dyn DynAsyncResource + '_ {
    fn aclose(&self) -> impl Future<Output = io::Result<()>> + Send {
        self.dyn_aclose()
    }

    fn close(&self) {
        self.dyn_close();
    }
}
