//! The path by which generated code reaches us: `::anyio`, whatever the caller calls it, else `::anyio_cancel_scope`.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Ident, Span};
use syn::Path;

/// Which crate the calling one depends on: the facade first, then those in which `item` lives.
///
/// # Errors
///
/// When it depends on neither; the message, placed at `span`, tells the cure.
pub(crate) fn find(item: &str, homes: &[&str], attribute: &str, span: Span) -> syn::Result<Path> {
    let mut names = ["anyio"].iter().chain(homes);
    names.find_map(|name| Some(path(crate_name(name).ok()?, name))).ok_or_else(|| {
        let home = homes.last().unwrap_or(&"anyio");
        let message = format!(
            "`{item}` needs `anyio` (or `{home}`) among the dependencies of this crate: run `cargo add anyio`, \
             or tell where it is re-exported: `{attribute}`"
        );
        syn::Error::new(span, message)
    })
}

/// A crate that finds itself is also written by name, for its examples, integration tests and doc tests find "itself"
/// too. Its own `src` makes the name known by `extern crate self as anyio`.
fn path(found: FoundCrate, package: &str) -> Path {
    let name = match found {
        FoundCrate::Itself => package.replace('-', "_"),
        FoundCrate::Name(name) => name,
    };
    let name = Ident::new(&name, Span::call_site());
    syn::parse_quote!(::#name)
}

#[cfg(test)]
mod tests {
    use super::{find, path};
    use proc_macro_crate::FoundCrate;
    use proc_macro2::Span;
    use quote::ToTokens;

    fn text(found: FoundCrate, package: &str) -> String {
        path(found, package).to_token_stream().to_string()
    }

    #[test]
    fn a_rename_is_followed() {
        assert_eq!(text(FoundCrate::Name("io_any".to_owned()), "anyio"), ":: io_any");
    }

    #[test]
    fn a_crate_names_itself() {
        assert_eq!(text(FoundCrate::Itself, "anyio"), ":: anyio");
        assert_eq!(text(FoundCrate::Itself, "anyio-cancel-scope"), ":: anyio_cancel_scope");
    }

    // This crate depends on neither, and may not.
    #[test]
    fn without_either_the_message_tells_the_cure() {
        let error =
            find("#[derive(CancelError)]", &["anyio-cancel-scope"], "#[cancel(crate = path)]", Span::call_site())
                .err()
                .expect("row 0 knows nothing of ours");
        assert!(error.to_string().contains("cargo add anyio"));
    }
}
