//! What `#[anyio::test]` calls. No part of the promise to users but through it.

pub use anyio_runtime::__private::*;

#[doc(inline)]
pub use crate::__with_testing_there as with_testing;
pub use crate::kit::{Kit, run_kit};
