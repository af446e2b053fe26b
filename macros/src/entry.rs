//! `#[main]` and `#[test]`: an `async fn` that is run by a `Builder`.

mod options;

use options::{Options, Which};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Item, ItemFn, spanned::Spanned};

use crate::crate_path;

/// Expands `#[main]`.
///
/// # Errors
///
/// When the function is not an `async fn` without parameters, or an option is not known.
pub(crate) fn main(options: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let function = function(item, "#[main]")?;
    let options = Options::parse(options, Which::Main)?;
    let krate = options.krate("#[main]")?;
    let builder = options.builder(&krate)?;
    let outcome = quote!(|output| {
        #[allow(unused_imports)]
        use #krate::__private::{OfAny as _, OfCancelError as _, OfResult as _};
        (&&&#krate::__private::Returned(output)).outcome()
    });
    Ok(wrap(&function, &quote!(), |inner| quote!(#krate::__private::run_main(#builder, #inner(), #outcome))))
}

/// Expands `#[test]`.
///
/// # Errors
///
/// When the function is not an `async fn` without parameters, or an option is not known.
pub(crate) fn test(options: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let function = function(item, "#[test]")?;
    let options = Options::parse(options, Which::Test)?;
    let krate = options.krate("#[test]")?;
    let builder = options.builder(&krate)?;
    let limit = options.time_limit()?;
    let attribute = quote!(#[::core::prelude::v1::test]);
    let foreign = options.has("foreign_wakers").then(|| quote!(.foreign_wakers()));
    let run = quote!(#krate::__private::TestRun::new(#limit)#foreign);
    let verdict = quote!(|output| {
        #[allow(unused_imports)]
        use #krate::__private::{OfAny as _, OfCancelError as _, OfDebug as _, OfResult as _, OfUntold as _};
        let returned = #krate::__private::Returned(output);
        #krate::__private::Verdict { outcome: (&&&returned).outcome(), error: (&&returned).error() }
    });
    let Some(first) = options.first_of_the_kit() else {
        let call = |inner: &_| quote!(#krate::__private::run_test(#builder, #run, #inner(), #verdict));
        return Ok(wrap(&function, &attribute, call));
    };
    let kit = options.kit(&krate, &function.sig.ident);
    let call = |inner: &_| {
        quote!(#krate::__private::with_testing!(
            #first,
            #krate::__private::run_kit(#kit, || (#builder, #run), || #inner(), #verdict)
        ))
    };
    // It is run any number of times, or in another process: its own result is judged there.
    Ok(wrap_as(&function, syn::ReturnType::Default, &attribute, call))
}

fn function(item: TokenStream, attribute: &str) -> syn::Result<ItemFn> {
    let mistake = |span, what: &str| Err(syn::Error::new(span, format!("`{attribute}` is for {what}")));
    let function = match syn::parse2(item)? {
        Item::Fn(function) => function,
        other => return mistake(other.span(), "an `async fn`, and this is none"),
    };
    let signature = &function.sig;
    if signature.asyncness.is_none() {
        return mistake(signature.fn_token.span(), "an `async fn`: write `async` before `fn`");
    }
    if let Some(first) = signature.inputs.first() {
        return mistake(first.span(), "a function without parameters: nobody could give it any");
    }
    if let Some(first) = signature.generics.params.first() {
        return mistake(first.span(), "a function without generic parameters: nobody could choose them");
    }
    let name = attribute.trim_matches(['#', '[', ']']);
    let is_same = |attr: &&syn::Attribute| attr.path().segments.last().is_some_and(|last| last.ident == name);
    if let Some(second) = function.attrs.iter().find(is_same) {
        let message =
            format!("the function has a `{attribute}` already, which is all it takes: remove this second one");
        return Err(syn::Error::new(second.span(), message));
    }
    Ok(function)
}

/// The function as it was, inside of one with the same name that is not `async` and runs it.
fn wrap(function: &ItemFn, attribute: &TokenStream, run: impl FnOnce(&syn::Ident) -> TokenStream) -> TokenStream {
    wrap_as(function, function.sig.output.clone(), attribute, run)
}

/// The same, with another result.
fn wrap_as(
    function: &ItemFn,
    output: syn::ReturnType,
    attribute: &TokenStream,
    run: impl FnOnce(&syn::Ident) -> TokenStream,
) -> TokenStream {
    let ItemFn { attrs, vis, sig, block, .. } = function;
    let mut outer = sig.clone();
    outer.asyncness = None;
    outer.output = output;
    let call = run(&sig.ident);
    quote! {
        #attribute
        #(#attrs)*
        #vis #outer {
            // It has to be `async` here, whether it waits or not.
            #[allow(clippy::unused_async)]
            #sig #block
            #call
        }
    }
}

/// Where the generated code finds us.
fn krate(chosen: Option<&syn::Path>, attribute: &str) -> syn::Result<syn::Path> {
    match chosen {
        Some(path) => Ok(path.clone()),
        None => {
            let hint = format!("{}(crate = path)]", attribute.trim_end_matches(']'));
            crate_path::find(attribute, &["anyio-testing", "anyio-runtime"], &hint, Span::call_site())
        }
    }
}
