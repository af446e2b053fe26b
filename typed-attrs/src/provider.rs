//! Who has attributes, and how they are asked for.

use std::{any::type_name, rc::Rc, sync::Arc};

use crate::{AttributeRequest, TypedAttribute, TypedAttributeLookupError, request};

/// Something that has attributes, or wraps something that has.
///
/// The method provided has none.
pub trait TypedAttributeProvider {
    /// Answers the request with those attributes that this has, and passes it on to what this wraps. Who answers first counts.
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        let _ = request;
    }
}

/// Asking a provider, which may be a trait object.
pub trait TypedAttributeExt: TypedAttributeProvider {
    /// The value of the attribute `A`.
    ///
    /// # Errors
    /// [`TypedAttributeLookupError`] when nobody here provides `A`. It tells what there is.
    ///
    /// # Examples
    /// See the [front page](crate).
    fn extra<A: TypedAttribute>(&self) -> Result<A::Value, TypedAttributeLookupError> {
        let ask = |request: &mut AttributeRequest<'_>| self.provide_attributes(request);
        request::value::<A>(ask).ok_or_else(|| {
            TypedAttributeLookupError::new(type_name::<A>(), type_name::<Self>(), self.attribute_names())
        })
    }

    /// The names of the attributes that are provided here, those of what is wrapped included.
    fn attribute_names(&self) -> Vec<&'static str> {
        request::names(|request| self.provide_attributes(request))
    }
}

impl<P: TypedAttributeProvider + ?Sized> TypedAttributeExt for P {}

impl<P: TypedAttributeProvider + ?Sized> TypedAttributeProvider for &P {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        (**self).provide_attributes(request);
    }
}

impl<P: TypedAttributeProvider + ?Sized> TypedAttributeProvider for &mut P {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        (**self).provide_attributes(request);
    }
}

impl<P: TypedAttributeProvider + ?Sized> TypedAttributeProvider for Box<P> {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        (**self).provide_attributes(request);
    }
}

impl<P: TypedAttributeProvider + ?Sized> TypedAttributeProvider for Rc<P> {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        (**self).provide_attributes(request);
    }
}

impl<P: TypedAttributeProvider + ?Sized> TypedAttributeProvider for Arc<P> {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        (**self).provide_attributes(request);
    }
}
