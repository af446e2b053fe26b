//! What the `impl` asks of a generic type: what was written on it, and what its `Error` needs anyway.

use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{
    GenericArgument, Generics, PathArguments, Token, Type, TypeParamBound, WhereClause, WherePredicate, parse_quote,
};

/// The written `where` clause. A generic type adds that it is an error, for only so `as_error` can give it; and that a
/// source which depends on a type parameter is one, as `thiserror` does, unless that source is written to be a
/// `CancelError`.
pub(super) fn where_clause<'a>(generics: &Generics, sources: impl Iterator<Item = &'a Type>) -> Option<WhereClause> {
    let mut clause = generics.where_clause.clone();
    if generics.params.is_empty() {
        return clause;
    }
    let added = clause
        .get_or_insert_with(|| WhereClause { where_token: <Token![where]>::default(), predicates: Punctuated::new() });
    added.predicates.push(parse_quote!(Self: ::core::error::Error + 'static));
    for source in sources.filter(|source| mentions_parameter(source, generics)) {
        if !is_cancel_error(source, generics) {
            added.predicates.push(parse_quote!(#source: ::core::error::Error + 'static));
        }
    }
    clause
}

fn mentions_parameter(ty: &Type, generics: &Generics) -> bool {
    let Type::Path(ty) = ty else { return false };
    let first = match &ty.qself {
        Some(qself) => mentions_parameter(&qself.ty, generics),
        None => {
            let first = ty.path.segments.first();
            first.is_some_and(|first| generics.type_params().any(|parameter| parameter.ident == first.ident))
        }
    };
    first
        || ty.path.segments.iter().any(|segment| match &segment.arguments {
            PathArguments::AngleBracketed(arguments) => arguments
                .args
                .iter()
                .any(|argument| matches!(argument, GenericArgument::Type(ty) if mentions_parameter(ty, generics))),
            _ => false,
        })
}

/// Whether the bounds written for exactly this type have `CancelError` among them.
fn is_cancel_error(ty: &Type, generics: &Generics) -> bool {
    let text = |tokens: &dyn ToTokens| tokens.to_token_stream().to_string();
    let ty = text(ty);
    let of_parameters = generics.type_params().filter(|p| text(&p.ident) == ty).flat_map(|p| &p.bounds);
    let predicates = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    let of_predicates = predicates.filter_map(|predicate| match predicate {
        WherePredicate::Type(predicate) if text(&predicate.bounded_ty) == ty => Some(&predicate.bounds),
        _ => None,
    });
    of_parameters.chain(of_predicates.flatten()).any(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().is_some_and(|last| last.ident == "CancelError"),
        _ => false,
    })
}
