#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod attribute;
mod declare;
mod provider;
mod request;

mod error;

pub use attribute::TypedAttribute;
pub use error::TypedAttributeLookupError;
pub use provider::{TypedAttributeExt, TypedAttributeProvider};
pub use request::AttributeRequest;
