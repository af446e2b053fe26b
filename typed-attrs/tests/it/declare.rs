//! Declaring attributes by the macro.

use anyio_typed_attrs::{AttributeRequest, TypedAttributeExt, TypedAttributeProvider, typed_attributes};

// Such as where all of them are under a `cfg`.
typed_attributes! {}

typed_attributes! {
    Plain: u8;
    #[derive(Hash)]
    pub(crate) Borrowed: &'static [fn(u8) -> u8];
}

struct Both;

impl TypedAttributeProvider for Both {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        request.provide::<Plain>(|| 1).provide::<Borrowed>(|| &[|number| number + 1]);
    }
}

#[test]
fn none_one_or_many_are_declared() {
    typed_attributes! {}
    typed_attributes! {
        Inner: Option<(u8, String)>;
    }
    assert_eq!(Both.extra::<Plain>().unwrap(), 1);
    assert_eq!(Both.extra::<Borrowed>().unwrap()[0](1), 2);
    assert_eq!(Both.extra::<Inner>().unwrap_err().provided().len(), 2);
}
