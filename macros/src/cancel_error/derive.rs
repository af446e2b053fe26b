//! From the declaration of a type to the `impl`.

use super::source::{self, Source};
use super::words::{Place, Words};
use super::{bounds, combine};
use crate::crate_path;
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Error, Ident};

pub(crate) fn derive(input: TokenStream) -> syn::Result<TokenStream> {
    let input: DeriveInput = syn::parse2(input)?;
    let words = Words::read(&input.attrs, Place::Type)?;
    let shapes = shapes(&input)?;
    let krate = match words.krate {
        Some(path) => path,
        None => crate_path::find(
            "#[derive(CancelError)]",
            &["anyio-cancel-scope"],
            "#[cancel(crate = path::to::anyio)]",
            Span::call_site(),
        )?,
    };

    let is_cancelled = is_cancelled(&shapes, &quote!(#krate::__derive::Source));
    let sources = shapes.iter().flat_map(|shape| &shape.sources).map(|source| &source.error);
    let where_clause = bounds::where_clause(&input.generics, sources);
    let (impl_generics, type_generics, _) = input.generics.split_for_impl();
    let name = &input.ident;
    Ok(quote! {
        #[automatically_derived]
        #[allow(deprecated, unreachable_code, unused_qualifications)]
        impl #impl_generics #krate::CancelError for #name #type_generics #where_clause {
            fn as_error(&self) -> &(dyn ::core::error::Error + 'static) {
                self
            }

            fn is_cancelled(&self) -> bool {
                #is_cancelled
            }
        }
    })
}

/// One variant, or the one shape of a struct, with the sources to ask in it.
struct Shape {
    pattern: TokenStream,
    sources: Vec<Source>,
}

fn shapes(input: &DeriveInput) -> syn::Result<Vec<Shape>> {
    match &input.data {
        Data::Struct(data) => {
            let sources = source::of(&data.fields, is_transparent(&input.attrs).unwrap_or(false))?;
            Ok(vec![Shape { pattern: quote!(Self), sources }])
        }
        Data::Enum(data) => {
            let mut shapes = Vec::new();
            let mut errors = None;
            for variant in &data.variants {
                let name = &variant.ident;
                let transparent = is_transparent(&variant.attrs).or(is_transparent(&input.attrs)).unwrap_or(false);
                let never = Words::read(&variant.attrs, Place::Variant).map(|words| words.never);
                match never.and_then(|never| Ok((never, source::of(&variant.fields, transparent)?))) {
                    Ok((true, _)) => shapes.push(Shape { pattern: quote!(Self::#name), sources: Vec::new() }),
                    Ok((false, sources)) => shapes.push(Shape { pattern: quote!(Self::#name), sources }),
                    Err(error) => combine(&mut errors, error),
                }
            }
            errors.map_or(Ok(shapes), Err)
        }
        Data::Union(data) => Err(Error::new(
            data.union_token.span,
            "`CancelError` is derived for enums and structs; for a union, write the `impl` by hand",
        )),
    }
}

/// What `#[error(..)]` says about the variant being the error inside it; nothing when it is not there.
fn is_transparent(attrs: &[Attribute]) -> Option<bool> {
    let attr = attrs.iter().find(|attr| attr.path().is_ident("error"))?;
    Some(attr.parse_args::<Ident>().is_ok_and(|word| word == "transparent"))
}

fn is_cancelled(shapes: &[Shape], judge: &TokenStream) -> TokenStream {
    let asking = shapes.iter().filter(|shape| !shape.sources.is_empty());
    let arms: Vec<_> = asking
        .map(|Shape { pattern, sources }| {
            let members = sources.iter().map(|source| &source.member);
            let bindings = sources.iter().map(|source| &source.binding);
            let statements = sources.iter().map(|source| source.prepare(judge));
            let questions = sources.iter().map(Source::ask);
            quote!(#pattern { #(#members: #bindings,)* .. } => { #(#statements)* #(#questions)||* })
        })
        .collect();
    if arms.is_empty() {
        return quote!(false);
    }
    let others = (arms.len() < shapes.len()).then(|| quote!(_ => false,));
    quote!(match self { #(#arms)* #others })
}
