//! The words in `#[main(..)]` and `#[test(..)]`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{
    Expr, ExprArray, Ident, Path, Token,
    parse::{Parse, ParseStream, Parser},
    punctuated::Punctuated,
    spanned::Spanned,
};

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Which {
    Main,
    Test,
}

impl Which {
    /// What may stand in the parentheses, for the message.
    fn words(self) -> &'static str {
        match self {
            Self::Main => "`worker_threads = N`, `cancel_on_signals = [INT, ..]`, `clock = ..`, `crate = ..`",
            Self::Test => "`time_limit = SECONDS`, `virtual_clock`, `worker_threads = N`, `clock = ..`, `crate = ..`",
        }
    }
}

/// What was chosen. Each word may stand once.
pub(super) struct Options {
    words: Vec<Word>,
}

struct Word {
    name: Ident,
    value: Option<Expr>,
}

impl Parse for Word {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = if input.peek(Token![crate]) {
            let token: Token![crate] = input.parse()?;
            Ident::new("crate_", token.span)
        } else {
            input.parse()?
        };
        let value = if input.peek(Token![=]) {
            let _: Token![=] = input.parse()?;
            Some(input.parse()?)
        } else {
            None
        };
        Ok(Self { name, value })
    }
}

impl Options {
    pub(super) fn parse(tokens: TokenStream, which: Which) -> syn::Result<Self> {
        let words = Punctuated::<Word, Token![,]>::parse_terminated.parse2(tokens)?;
        let words: Vec<Word> = words.into_iter().collect();
        for (at, word) in words.iter().enumerate() {
            let name = word.name.to_string();
            let allowed = match name.as_str() {
                "worker_threads" | "clock" | "crate_" => true,
                "cancel_on_signals" => which == Which::Main,
                "time_limit" | "virtual_clock" => which == Which::Test,
                _ => false,
            };
            let mistake = |what: String| Err(syn::Error::new(word.name.span(), what));
            if !allowed {
                return mistake(format!("`{name}` is not known here; known are {}", which.words()));
            }
            if words[..at].iter().any(|earlier| earlier.name == word.name) {
                return mistake(format!("`{}` stands twice", name.trim_end_matches('_')));
            }
            if word.value.is_some() == (name == "virtual_clock") {
                return mistake(if name == "virtual_clock" {
                    "`virtual_clock` takes no value".to_owned()
                } else {
                    format!("`{}` needs a value: `{0} = ..`", name.trim_end_matches('_'))
                });
            }
        }
        Ok(Self { words })
    }

    fn value(&self, name: &str) -> Option<&Expr> {
        self.words.iter().find(|word| word.name == name)?.value.as_ref()
    }

    pub(super) fn krate(&self, attribute: &str) -> syn::Result<Path> {
        let chosen = match self.value("crate_") {
            None => None,
            Some(Expr::Path(path)) => Some(&path.path),
            Some(other) => return Err(syn::Error::new(other.span(), "`crate` is a path: `crate = anyio`")),
        };
        super::krate(chosen, attribute)
    }

    /// The builder with what was chosen.
    pub(super) fn builder(&self, krate: &Path) -> TokenStream {
        let mut builder = quote!(#krate::Builder::new());
        if let Some(count) = self.value("worker_threads") {
            builder.extend(quote!(.worker_threads(#count)));
        }
        if let Some(signals) = self.value("cancel_on_signals") {
            let signals = signals_of(signals, krate);
            builder.extend(quote!(.cancel_on_signals(#signals)));
        }
        if self.words.iter().any(|word| word.name == "virtual_clock") {
            builder.extend(quote!(.clock(#krate::__private::VirtualClock::autojump())));
        }
        if let Some(clock) = self.value("clock") {
            builder.extend(quote!(.clock(#clock)));
        }
        builder
    }

    /// The limit of a test, in real time.
    pub(super) fn time_limit(&self) -> TokenStream {
        match self.value("time_limit") {
            None => quote!(::core::time::Duration::from_secs(60)),
            Some(Expr::Lit(seconds)) => quote!(::core::time::Duration::from_secs(#seconds)),
            Some(duration) => duration.to_token_stream(),
        }
    }
}

/// `[INT, TERM]` by the bare names of signals; any other expression as it is.
fn signals_of(signals: &Expr, krate: &Path) -> TokenStream {
    let Expr::Array(ExprArray { elems, .. }) = signals else { return signals.to_token_stream() };
    let elements = elems.iter().map(|signal| match signal {
        Expr::Path(path) if path.path.get_ident().is_some() => quote!(#krate::__private::Signal::#path),
        other => other.to_token_stream(),
    });
    quote!([#(#elements),*])
}
