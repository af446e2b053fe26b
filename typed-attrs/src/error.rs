use std::{error::Error, fmt};

/// Nobody provides the attribute that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedAttributeLookupError {
    attribute: &'static str,
    provider: &'static str,
    provided: Vec<&'static str>,
}

impl TypedAttributeLookupError {
    pub(crate) fn new(attribute: &'static str, provider: &'static str, provided: Vec<&'static str>) -> Self {
        Self { attribute, provider, provided }
    }

    /// The name of the attribute.
    pub fn attribute(&self) -> &'static str {
        self.attribute
    }

    /// The name of the type that was asked.
    pub fn provider(&self) -> &'static str {
        self.provider
    }

    /// The names of the attributes that it provides.
    pub fn provided(&self) -> &[&'static str] {
        &self.provided
    }
}

impl fmt::Display for TypedAttributeLookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not provide {}", self.provider, self.attribute)?;
        match &*self.provided {
            [] => f.write_str(", nor any other attribute"),
            provided => write!(f, "; it provides {}", provided.join(", ")),
        }
    }
}

impl Error for TypedAttributeLookupError {}
