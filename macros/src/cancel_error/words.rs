//! The words of `#[cancel(..)]`.

use proc_macro2::TokenTree;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, Meta, Path, Token};

/// What an attribute is written on.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Type,
    Variant,
    Field { is_source: bool },
}

/// All `#[cancel(..)]` attributes of one place, read.
#[derive(Default)]
pub(super) struct Words {
    pub(super) never: bool,
    pub(super) krate: Option<Path>,
}

impl Words {
    pub(super) fn read(attrs: &[Attribute], place: Place) -> syn::Result<Self> {
        let mut words = Words::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("cancel")) {
            match &attr.meta {
                Meta::List(list) if matches!(list.tokens.clone().into_iter().next(), Some(TokenTree::Ident(_))) => {
                    attr.parse_nested_meta(|meta| words.read_one(&meta, place))?;
                }
                _ => return Err(Error::new_spanned(attr, place.takes())),
            }
        }
        Ok(words)
    }

    fn read_one(&mut self, meta: &ParseNestedMeta<'_>, place: Place) -> syn::Result<()> {
        if meta.path.is_ident("never") {
            self.read_never(meta, place)
        } else if meta.path.is_ident("crate") {
            self.read_crate(meta, place)
        } else {
            Err(meta.error(format!("unknown word in `cancel(..)`: {}", place.takes())))
        }
    }

    fn read_never(&mut self, meta: &ParseNestedMeta<'_>, place: Place) -> syn::Result<()> {
        if !meta.input.is_empty() && !meta.input.peek(Token![,]) {
            return Err(meta.input.error("`never` stands alone: `#[cancel(never)]`"));
        }
        match place {
            Place::Type => Err(meta.error("`never` goes on a variant or a source field, not on the whole type")),
            Place::Field { is_source: false } => Err(meta.error(
                "this field is no source, so nothing asks it: remove `cancel(never)`, or mark the field `#[source]`",
            )),
            _ if self.never => Err(meta.error("`never` is here twice; once is enough")),
            _ => {
                self.never = true;
                Ok(())
            }
        }
    }

    fn read_crate(&mut self, meta: &ParseNestedMeta<'_>, place: Place) -> syn::Result<()> {
        if !matches!(place, Place::Type) {
            return Err(meta.error("`crate = path` goes on the type, not on a variant or a field"));
        }
        if self.krate.is_some() {
            return Err(meta.error("`crate` is here twice; keep one path"));
        }
        let path = meta.value().and_then(|value| value.call(Path::parse_mod_style));
        let cure = "`crate` needs a path, without quotes: `#[cancel(crate = path::to::anyio)]`";
        self.krate = Some(path.map_err(|_| meta.error(cure))?);
        Ok(())
    }
}

impl Place {
    fn takes(self) -> &'static str {
        match self {
            Place::Type => "on a type write `#[cancel(crate = path)]`",
            Place::Variant => "on a variant write `#[cancel(never)]`",
            Place::Field { .. } => "on a source field write `#[cancel(never)]`",
        }
    }
}
