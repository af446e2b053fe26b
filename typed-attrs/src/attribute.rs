/// An attribute: a type that nobody has a value of, and the type of what it stands for.
///
/// # Examples
/// ```
/// use anyio_typed_attrs::TypedAttribute;
///
/// /// The port of the other side.
/// struct RemotePort;
///
/// impl TypedAttribute for RemotePort {
///     type Value = u16;
/// }
/// ```
pub trait TypedAttribute: 'static {
    /// What a provider gives for it.
    type Value: 'static;
}
