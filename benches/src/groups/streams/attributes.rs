//! Attributes.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use anyio::typed_attrs::{AttributeRequest, TypedAttributeExt, TypedAttributeProvider, typed_attributes};

use crate::{case::Contestant, heap};

typed_attributes! {
    Port: u16;
    Other: u16;
    Another: u32;
}

struct Socket(u16);

impl TypedAttributeProvider for Socket {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        request.provide::<Another>(|| 1).provide::<Port>(|| self.0);
    }
}

/// Adds one of its own, and passes on.
struct Wrapper(Box<dyn TypedAttributeProvider>);

impl TypedAttributeProvider for Wrapper {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        request.provide::<Other>(|| 2);
        self.0.provide_attributes(request);
    }
}

pub(super) fn contestants() -> Vec<Contestant> {
    vec![Contestant::new("anyio", five_wrappers), Contestant::new("anyio-bare", |n| lookups(&Socket(7), n))]
}

fn five_wrappers(iterations: u64) -> Duration {
    let mut wrapped: Box<dyn TypedAttributeProvider> = Box::new(Socket(7));
    for _ in 0..5 {
        wrapped = Box::new(Wrapper(wrapped));
    }
    let allocations = heap::count_here(|usage| {
        black_box(black_box(&*wrapped).extra::<Port>()).expect("it has a port");
        usage().allocations
    });
    assert_eq!(allocations, 0, "a lookup allocates");
    lookups(&*wrapped, iterations)
}

fn lookups(provider: &dyn TypedAttributeProvider, iterations: u64) -> Duration {
    let begun = Instant::now();
    for _ in 0..iterations {
        black_box(black_box(provider).extra::<Port>()).expect("it has a port");
    }
    begun.elapsed()
}
