//! `#[derive(CancelError)]`: which fields are sources, and the code that asks them.
//!
//! What a source's type implements is not known here. The generated code leaves the choice to the compiler through
//! `__derive::Source` of the crate that has the trait, so these files only decide *where* to look.

mod bounds;
mod derive;
mod source;
mod words;

pub(crate) use derive::derive;

/// All mistakes are reported at once, each at its place.
fn combine(errors: &mut Option<syn::Error>, error: syn::Error) {
    match errors {
        None => *errors = Some(error),
        Some(errors) => errors.combine(error),
    }
}
