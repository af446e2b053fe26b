#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod cancel_error;
mod crate_path;

use proc_macro::TokenStream;

/// Implements `CancelError` for an enum or a struct that is an error: `as_error` gives `self`, `is_cancelled` asks the
/// sources of the active variant.
///
/// A source is what it is for `thiserror`: the field marked `#[from]` or `#[source]`, else the only field of an
/// `#[error(transparent)]` variant, else the field named `source`. Other fields are not looked at, whatever they hold.
/// A source that implements `CancelError` is asked by its own `is_cancelled`, any other error is walked by
/// `is_cancellation`; `Option`, `Box`, `Rc`, `Arc` and `&` around it are looked through.
///
/// The type implements `Error` and `From<Cancelled>` by other means, such as `thiserror` and a variant
/// `Cancelled(#[from] Cancelled)`.
///
/// # Attributes
///
/// - `#[cancel(never)]` on a variant or a source field: a cancellation in it is not one of this error.
/// - `#[cancel(crate = path)]` on the type: where `CancelError` comes from, when it is neither `anyio` nor
///   `anyio-cancel-scope` in the Cargo.toml of the calling crate.
///
/// # Errors
///
/// It does not compile for a union, for a word it does not know in `cancel(..)`, for `never` on a field that is no
/// source, and where neither of the two crates is a dependency.
///
/// # Examples
///
/// The [front page](crate) has one.
#[proc_macro_derive(CancelError, attributes(cancel, from, source))]
pub fn derive_cancel_error(input: TokenStream) -> TokenStream {
    cancel_error::derive(input.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
