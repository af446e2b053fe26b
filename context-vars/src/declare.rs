/// Declares context variables: `static`s, each with a type, and a default if it has one.
///
/// ```
/// use anyio_context_vars::context_var;
///
/// context_var! {
///     /// The request that is being answered.
///     pub static REQUEST_ID: String;
///     /// How deep the recursion is: each task begins anew.
///     #[local] static DEPTH: u32 = 0;
/// }
///
/// assert_eq!(REQUEST_ID.get(), None);
/// assert_eq!(DEPTH.get(), Some(0));
/// ```
#[macro_export]
macro_rules! context_var {
    (@declare [$($attributes:tt)*] $local:tt #[local] $($rest:tt)*) => {
        $crate::context_var! { @declare [$($attributes)*] true $($rest)* }
    };
    (@declare [$($attributes:tt)*] $local:tt #[$attribute:meta] $($rest:tt)*) => {
        $crate::context_var! { @declare [$($attributes)* #[$attribute]] $local $($rest)* }
    };
    (@declare [$($attributes:tt)*] $local:tt $visibility:vis static $name:ident: $type:ty = $default:expr; $($rest:tt)*) => {
        $($attributes)*
        $visibility static $name: $crate::ContextVar<$type> =
            $crate::ContextVar::__new(::core::option::Option::Some(|| $default), $local);
        $crate::context_var! { $($rest)* }
    };
    (@declare [$($attributes:tt)*] $local:tt $visibility:vis static $name:ident: $type:ty; $($rest:tt)*) => {
        $($attributes)*
        $visibility static $name: $crate::ContextVar<$type> =
            $crate::ContextVar::__new(::core::option::Option::None, $local);
        $crate::context_var! { $($rest)* }
    };
    (@declare [$($attributes:tt)*] $local:tt $visibility:vis static $name:ident: $type:ty = $default:expr) => {
        $crate::context_var! { @declare [$($attributes)*] $local $visibility static $name: $type = $default; }
    };
    (@declare [$($attributes:tt)*] $local:tt $visibility:vis static $name:ident: $type:ty) => {
        $crate::context_var! { @declare [$($attributes)*] $local $visibility static $name: $type; }
    };
    () => {};
    ($($rest:tt)+) => {
        $crate::context_var! { @declare [] false $($rest)+ }
    };
}
