//! The words in `#[main(..)]` and `#[test(..)]`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{
    Expr, ExprArray, ExprLit, Ident, Lit, Path, Token,
    parse::{Parse, ParseStream, Parser},
    punctuated::Punctuated,
    spanned::Spanned,
};

/// The options for which the test kit is needed.
const KIT: [&str; 3] = ["cancel_sweep", "schedules", "isolated"];

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
            Self::Test => {
                "`time_limit = SECONDS`, `virtual_clock`, `cancel_sweep`, `schedules = N`, `isolated`, `foreign_wakers`, \
                 `worker_threads = N`, `clock = ..`, `crate = ..`"
            }
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
        let words = Punctuated::<Word, Token![,]>::parse_terminated.parse2(tokens).map_err(|error| {
            let message = format!("{error}; what may stand here is {}", which.words());
            syn::Error::new(error.span(), message)
        })?;
        let words: Vec<Word> = words.into_iter().collect();
        for (at, word) in words.iter().enumerate() {
            let name = word.name.to_string();
            let allowed = match name.as_str() {
                "worker_threads" | "clock" | "crate_" => true,
                "cancel_on_signals" => which == Which::Main,
                "time_limit" | "virtual_clock" | "foreign_wakers" => which == Which::Test,
                name if KIT.contains(&name) => which == Which::Test,
                _ => false,
            };
            let mistake = |what: String| Err(syn::Error::new(word.name.span(), what));
            if !allowed {
                return mistake(format!("`{name}` is not known here; known are {}", which.words()));
            }
            if words[..at].iter().any(|earlier| earlier.name == word.name) {
                return mistake(format!("`{}` stands twice", name.trim_end_matches('_')));
            }
            let bare = ["virtual_clock", "foreign_wakers", "isolated"].contains(&name.as_str());
            if word.value.is_some() && bare {
                return mistake(format!("`{name}` takes no value"));
            }
            if word.value.is_none() && !bare && name != "cancel_sweep" {
                return mistake(format!("`{}` needs a value: `{0} = ..`", name.trim_end_matches('_')));
            }
        }
        let options = Self { words };
        if let (Some(word), true) = (options.word("virtual_clock"), options.word("clock").is_some()) {
            let message = "`virtual_clock` is a `clock` already: leave out one of them";
            return Err(syn::Error::new(word.name.span(), message));
        }
        Ok(options)
    }

    fn word(&self, name: &str) -> Option<&Word> {
        self.words.iter().find(|word| word.name == name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.word(name).is_some()
    }

    /// The first option for which the test kit is needed.
    pub(super) fn first_of_the_kit(&self) -> Option<String> {
        self.words.iter().map(|word| word.name.to_string()).find(|name| KIT.contains(&name.as_str()))
    }

    /// Whether the order in which tasks run is to be the same each time.
    fn is_repeated(&self) -> bool {
        self.has("cancel_sweep") || self.has("schedules")
    }

    /// What the test kit is to do with the test of this name.
    pub(super) fn kit(&self, krate: &Path, name: &Ident) -> TokenStream {
        let name = name.to_string();
        let name = name.trim_start_matches("r#");
        let mut kit = quote!(#krate::__private::Kit::new(::core::concat!(::core::module_path!(), "::", #name)));
        if let Some(word) = self.word("cancel_sweep") {
            let scope = word.value.as_ref().map_or_else(|| quote!(None), |scope| quote!(Some(#scope)));
            kit.extend(quote!(.cancel_sweep(::core::option::Option::#scope)));
        }
        if let Some(count) = self.value("schedules") {
            kit.extend(quote!(.schedules(#count)));
        }
        if self.has("isolated") {
            kit.extend(quote!(.isolated()));
        }
        if ["clock", "worker_threads", "foreign_wakers"].iter().any(|name| self.has(name)) {
            kit.extend(quote!(.with_things_from_outside()));
        }
        kit
    }

    fn value(&self, name: &str) -> Option<&Expr> {
        self.word(name)?.value.as_ref()
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
    ///
    /// # Errors
    ///
    /// When the signals are written in a way that is likely to be a mistake.
    pub(super) fn builder(&self, krate: &Path) -> syn::Result<TokenStream> {
        let mut builder = quote!(#krate::__private::Builder::new());
        if let Some(count) = self.value("worker_threads") {
            builder.extend(quote!(.worker_threads(#count)));
        } else if self.is_repeated() {
            builder.extend(quote!(.worker_threads(0)));
        }
        if let Some(signals) = self.value("cancel_on_signals") {
            let signals = signals_of(signals, krate)?;
            builder.extend(quote!(.cancel_on_signals(#signals)));
        }
        if self.has("virtual_clock") || (self.is_repeated() && !self.has("clock")) {
            builder.extend(quote!(.clock(#krate::__private::VirtualClock::autojump())));
        }
        if let Some(clock) = self.value("clock") {
            builder.extend(quote!(.clock(#clock)));
        }
        Ok(builder)
    }

    /// The limit of a test, in real time.
    ///
    /// # Errors
    ///
    /// When it is a literal that is no number of seconds.
    pub(super) fn time_limit(&self) -> syn::Result<TokenStream> {
        let lit = match self.value("time_limit") {
            None => return Ok(quote!(::core::time::Duration::from_secs(60))),
            Some(Expr::Lit(ExprLit { lit, .. })) => lit,
            Some(duration) => return Ok(duration.to_token_stream()),
        };
        let seconds = if let Lit::Int(seconds) = lit { seconds.base10_parse::<u64>().ok() } else { None };
        match seconds {
            Some(0) => Err(syn::Error::new(
                lit.span(),
                "`time_limit = 0` leaves no time at all; for no limit write `time_limit = Duration::MAX`",
            )),
            Some(seconds) => Ok(quote!(::core::time::Duration::from_secs(#seconds))),
            None => Err(syn::Error::new(
                lit.span(),
                "`time_limit` is a whole number of seconds, or a `Duration`: `Duration::from_millis(500)`",
            )),
        }
    }
}

/// The signals that programs mean by a bare name.
const SIGNALS: [&str; 7] = ["INT", "TERM", "HUP", "QUIT", "USR1", "USR2", "ALRM"];

/// `[INT, TERM]` by the bare names of signals; any other expression as it is.
fn signals_of(signals: &Expr, krate: &Path) -> syn::Result<TokenStream> {
    let Expr::Array(ExprArray { elems, .. }) = signals else {
        return match name_of(signals) {
            Some(name) if SIGNALS.iter().any(|signal| name == signal) => {
                let message = format!("`cancel_on_signals` is a list: `cancel_on_signals = [{name}]`");
                Err(syn::Error::new(signals.span(), message))
            }
            _ => Ok(signals.to_token_stream()),
        };
    };
    let elements = elems.iter().map(|signal| match name_of(signal) {
        Some(name) => match name.to_string().strip_prefix("SIG") {
            Some(short) => Err(syn::Error::new(name.span(), format!("signals go without `SIG` here: `{short}`"))),
            None => Ok(quote!(#krate::__private::Signal::#name)),
        },
        None => Ok(signal.to_token_stream()),
    });
    let elements: Vec<TokenStream> = elements.collect::<syn::Result<_>>()?;
    Ok(quote!([#(#elements),*]))
}

/// The name, if the expression is nothing else.
fn name_of(expression: &Expr) -> Option<&Ident> {
    match expression {
        Expr::Path(path) => path.path.get_ident(),
        _ => None,
    }
}
