//! Which fields are sources, and the question to one.

use super::combine;
use super::words::{Place, Words};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{Field, Fields, GenericArgument, Member, PathArguments, Type};

pub(super) struct Source {
    pub(super) member: Member,
    pub(super) binding: Ident,
    /// The type inside the `Option`, if there is one.
    inside: Option<Type>,
    /// The type that is the error: without `Option` and the pointers around it.
    pub(super) error: Type,
    /// The name in the question, placed at the field's type.
    asked: Ident,
}

/// The fields of one variant that are asked, by the rules of `thiserror`: the marked ones, else the only field of a
/// transparent variant, else the one named `source`.
pub(super) fn of(fields: &Fields, transparent: bool) -> syn::Result<Vec<Source>> {
    let marked = |field: &Field| field.attrs.iter().any(|a| a.path().is_ident("from") || a.path().is_ident("source"));
    let named = |field: &Field| field.ident.as_ref().is_some_and(|name| name == "source");
    let any_marked = fields.iter().any(marked);

    let mut sources = Vec::new();
    let mut errors = None;
    for (index, (field, member)) in fields.iter().zip(fields.members()).enumerate() {
        let is_source = if any_marked { marked(field) } else { (transparent && fields.len() == 1) || named(field) };
        match Words::read(&field.attrs, Place::Field { is_source }) {
            Ok(words) if is_source && !words.never => sources.push(Source::new(index, member, &field.ty)),
            Ok(_) => {}
            Err(error) => combine(&mut errors, error),
        }
    }
    errors.map_or(Ok(sources), Err)
}

impl Source {
    fn new(index: usize, member: Member, ty: &Type) -> Self {
        let inside = argument_of(ty, &["Option"]).cloned();
        let error = without_pointers(inside.as_ref().unwrap_or(ty)).clone();
        let binding = format_ident!("source{index}", span = Span::mixed_site());
        let asked = format_ident!("asked{index}", span = Span::mixed_site().located_at(ty.span()));
        Source { member, binding, inside, error, asked }
    }

    /// The source as the compiler is to see it: a statement.
    pub(super) fn prepare(&self, judge: &TokenStream) -> TokenStream {
        let Source { binding, asked, .. } = self;
        match &self.inside {
            None => quote!(let #asked = #judge::new(#binding);),
            Some(_) => quote! {
                let #asked = ::core::option::Option::map(::core::option::Option::as_ref(#binding), #judge::new);
            },
        }
    }

    /// The question to it: an expression. Should its type be no error, the compiler tells so at the field.
    pub(super) fn ask(&self) -> TokenStream {
        let asked = &self.asked;
        match &self.inside {
            None => quote!(#asked.__is_cancelled()),
            Some(_) => quote!(::core::option::Option::is_some_and(#asked, |#asked| #asked.__is_cancelled())),
        }
    }
}

/// `T` of `Option<T>`, whatever path it is written with, as `thiserror` does it.
fn argument_of<'a>(ty: &'a Type, names: &[&str]) -> Option<&'a Type> {
    let Type::Path(path) = bare(ty) else { return None };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match (names.iter().any(|name| last.ident == name), arguments.args.len(), arguments.args.first()?) {
        (true, 1, GenericArgument::Type(argument)) => Some(argument),
        _ => None,
    }
}

fn without_pointers(ty: &Type) -> &Type {
    match (argument_of(ty, &["Box", "Rc", "Arc"]), bare(ty)) {
        (Some(inside), _) => inside,
        (None, Type::Reference(reference)) => &reference.elem,
        (None, ty) => ty,
    }
}

/// The type without the brackets a `macro_rules!` or a careful hand puts around it.
fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        ty => ty,
    }
}
