//! What `#[derive(CancelError)]` expands to: the choice how a source is asked. No part of the API.
//!
//! A derive sees how a field's type is written, not what the type implements. So it writes
//! `Source::new(&field).__is_cancelled()`, and the method lookup makes the choice: every type below has this method
//! under a bound, and dereferences to the next one, where the lookup goes on when the bound does not hold.
//!
//! 1. [`Source`]: the type is a `CancelError`; it knows best (`BoxError` and `io::Error` are).
//! 2. [`ByPointer`]: `Box`, `Rc`, `Arc` or `&` of such a type.
//! 3. [`ByPointedError`]: such a pointer to any other error, `dyn Error` among them.
//! 4. [`ByError`]: any other error.
//! 5. [`ByDeref`]: what dereferences to an error without being one, as `anyhow::Error` and `eyre::Report` do.
//!
//! The method's odd name keeps it clear of a blanket trait in the user's scope, which would be found first.
//!
//! In a generic type only the bounds written for a parameter are seen, not what it stands for later.

use super::{CancelError, is_cancellation};
use core::error::Error;
use core::ops::Deref;
use core::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::Arc;

/// A source, to be asked in the best way it knows.
#[derive(Debug)]
pub struct Source<'a, T>(ByPointer<'a, T>);

/// The choice where `T` is a pointer to a `CancelError`.
#[derive(Debug)]
pub struct ByPointer<'a, T>(ByPointedError<'a, T>);

/// The choice where `T` is a pointer to another error.
#[derive(Debug)]
pub struct ByPointedError<'a, T>(ByError<'a, T>);

/// The choice where `T` is an error.
#[derive(Debug)]
pub struct ByError<'a, T>(ByDeref<'a, T>);

/// The choice where nothing else fits.
#[derive(Debug)]
pub struct ByDeref<'a, T>(&'a T);

impl<'a, T> Source<'a, T> {
    /// Takes the source as the field holds it.
    #[inline]
    pub fn new(source: &'a T) -> Self {
        Source(ByPointer(ByPointedError(ByError(ByDeref(source)))))
    }
}

impl<T: CancelError> Source<'_, T> {
    /// Asks the source itself.
    #[inline]
    pub fn __is_cancelled(&self) -> bool {
        self.source().is_cancelled()
    }
}

impl<T: Pointer<Target: CancelError>> ByPointer<'_, T> {
    /// Asks what the pointer points to.
    #[inline]
    pub fn __is_cancelled(&self) -> bool {
        (**self.source()).is_cancelled()
    }
}

impl<T: Pointer<Target: AsDynError>> ByPointedError<'_, T> {
    /// Walks from what the pointer points to.
    #[inline]
    pub fn __is_cancelled(&self) -> bool {
        is_cancellation((**self.source()).as_dyn_error())
    }
}

impl<T: Error + 'static> ByError<'_, T> {
    /// Walks from the source.
    #[inline]
    pub fn __is_cancelled(&self) -> bool {
        is_cancellation(self.source())
    }
}

impl<'a, T> ByDeref<'a, T> {
    /// Walks from what the source dereferences to. The bound stands here, not on the `impl`, so that a type for which
    /// no choice is left gets the message of [`DerefError`].
    #[inline]
    pub fn __is_cancelled(&self) -> bool
    where
        T: DerefError,
    {
        is_cancellation(self.0.deref_error())
    }

    /// The source, found from all the types above, for they dereference to this one.
    #[inline]
    fn source(&self) -> &'a T {
        self.0
    }
}

impl<'a, T> Deref for Source<'a, T> {
    type Target = ByPointer<'a, T>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'a, T> Deref for ByPointer<'a, T> {
    type Target = ByPointedError<'a, T>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'a, T> Deref for ByPointedError<'a, T> {
    type Target = ByError<'a, T>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'a, T> Deref for ByError<'a, T> {
    type Target = ByDeref<'a, T>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// A pointer of the standard library, which is nothing but what it points to.
pub trait Pointer: Deref {}

impl<T: ?Sized> Pointer for Box<T> {}
impl<T: ?Sized> Pointer for Rc<T> {}
impl<T: ?Sized> Pointer for Arc<T> {}
impl<T: ?Sized> Pointer for &T {}

/// An error of a known type, or one whose type is forgotten: `&T` becomes `&dyn Error` for sized types only.
pub trait AsDynError {
    /// The error, its type forgotten.
    fn as_dyn_error(&self) -> &(dyn Error + 'static);
}

impl<T: Error + 'static> AsDynError for T {
    #[inline]
    fn as_dyn_error(&self) -> &(dyn Error + 'static) {
        self
    }
}

macro_rules! forgotten {
    ($($error:ty),* $(,)?) => {$(
        impl AsDynError for $error {
            #[inline]
            fn as_dyn_error(&self) -> &(dyn Error + 'static) {
                self
            }
        }
    )*};
}

forgotten!(
    dyn Error + 'static,
    dyn Error + Send + 'static,
    dyn Error + Sync + 'static,
    dyn Error + Send + Sync + 'static,
    dyn Error + Send + Sync + UnwindSafe + 'static,
    dyn Error + Send + Sync + UnwindSafe + RefUnwindSafe + 'static,
);

/// What dereferences to an error.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is the source of an error that derives `CancelError`, but is no error itself",
    label = "neither a `CancelError` nor an `Error + 'static`",
    note = "a source is a field marked `#[from]` or `#[source]`, or named `source`; `#[cancel(never)]` on it skips it"
)]
pub trait DerefError {
    /// The error it dereferences to.
    fn deref_error(&self) -> &(dyn Error + 'static);
}

#[diagnostic::do_not_recommend]
impl<T: Deref<Target: AsDynError>> DerefError for T {
    #[inline]
    fn deref_error(&self) -> &(dyn Error + 'static) {
        (**self).as_dyn_error()
    }
}
