/// Declares attributes, one a line: a name, and the type of its value. No line declares nothing.
///
/// Each is a type without values that implements [`TypedAttribute`](crate::TypedAttribute).
///
/// # Examples
/// ```
/// use anyio_typed_attrs::{AttributeRequest, TypedAttributeExt, TypedAttributeProvider, typed_attributes};
///
/// typed_attributes! {
///     /// The name of the other side.
///     pub PeerName: String;
///     /// The port of the other side.
///     pub PeerPort: u16;
/// }
///
/// struct Socket;
/// impl TypedAttributeProvider for Socket {
///     fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
///         request.provide::<PeerName>(|| "ada".into()).provide::<PeerPort>(|| 7);
///     }
/// }
/// assert_eq!(Socket.extra::<PeerPort>(), Ok(7));
/// ```
#[macro_export]
macro_rules! typed_attributes {
    ($($(#[$attribute:meta])* $visibility:vis $name:ident: $value:ty;)*) => {$(
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visibility enum $name {}

        impl $crate::TypedAttribute for $name {
            type Value = $value;
        }
    )*};
}
