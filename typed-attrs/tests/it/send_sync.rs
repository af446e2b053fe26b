//! What may go to other threads.

use anyio_typed_attrs::{TypedAttributeLookupError, TypedAttributeProvider};

#[test]
fn errors_and_boxed_providers_may_go_to_another_thread() {
    fn all<T: Send + Sync + Unpin + 'static>() {}
    all::<TypedAttributeLookupError>();
    fn send<T: Send>() {}
    send::<Box<dyn TypedAttributeProvider + Send>>();
}
