//! Looking attributes up.

use std::{cell::Cell, rc::Rc, sync::Arc};

use anyio_typed_attrs::{
    AttributeRequest, TypedAttribute, TypedAttributeExt, TypedAttributeLookupError, TypedAttributeProvider,
};

struct Name;
impl TypedAttribute for Name {
    type Value = String;
}

struct Port;
impl TypedAttribute for Port {
    type Value = u16;
}

/// Of the same type as `Port`, and another attribute.
struct OtherPort;
impl TypedAttribute for OtherPort {
    type Value = u16;
}

#[derive(Default)]
struct Socket {
    asked: Cell<u32>,
}

impl TypedAttributeProvider for Socket {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        request
            .provide::<Port>(|| {
                self.asked.set(self.asked.get() + 1);
                80
            })
            .provide::<Name>(|| "socket".into());
    }
}

struct Plain<S>(S);
impl<S: TypedAttributeProvider> TypedAttributeProvider for Plain<S> {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        self.0.provide_attributes(request);
    }
}

struct Renamed<S>(S);
impl<S: TypedAttributeProvider> TypedAttributeProvider for Renamed<S> {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        request.provide::<Name>(|| "renamed".into()).provide::<OtherPort>(|| 1);
        self.0.provide_attributes(request);
    }
}

/// May go to other threads.
struct Still;
impl TypedAttributeProvider for Still {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        request.provide::<Port>(|| 80);
    }
}

struct Nothing;
impl TypedAttributeProvider for Nothing {}

#[test]
fn a_value_comes_with_its_own_type() {
    let (name, port): (String, u16) =
        (Socket::default().extra::<Name>().unwrap(), Socket::default().extra::<Port>().unwrap());
    assert_eq!((name.as_str(), port), ("socket", 80));
}

#[test]
fn attributes_of_the_same_value_type_are_told_apart() {
    let socket = Renamed(Socket::default());
    assert_eq!((socket.extra::<Port>(), socket.extra::<OtherPort>()), (Ok(80), Ok(1)));
}

#[test]
fn wrappers_pass_through_add_and_override() {
    let socket = Plain(Renamed(Plain(Socket::default())));
    assert_eq!(socket.extra::<Port>(), Ok(80));
    assert_eq!(socket.extra::<OtherPort>(), Ok(1));
    assert_eq!(socket.extra::<Name>().unwrap(), "renamed");
    assert_eq!(Renamed(Renamed(Socket::default())).extra::<Name>().unwrap(), "renamed");
}

#[test]
fn they_are_found_through_pointers_and_trait_objects() {
    let boxed: Box<dyn TypedAttributeProvider> = Box::new(Plain(Rc::new(Arc::new(Plain(Still)))));
    assert_eq!(boxed.extra::<Port>(), Ok(80));
    let by_reference: &dyn TypedAttributeProvider = &boxed;
    assert_eq!(by_reference.extra::<Port>(), Ok(80));
    let mut socket = Socket::default();
    assert_eq!(Plain(&mut socket).extra::<Port>(), Ok(80));
}

#[test]
fn a_value_is_made_only_when_it_is_asked_for() {
    let socket = Socket::default();
    socket.extra::<Name>().unwrap();
    socket.extra::<OtherPort>().unwrap_err();
    assert_eq!(socket.asked.get(), 0);
    socket.extra::<Port>().unwrap();
    assert_eq!(socket.asked.get(), 1);
}

#[test]
fn the_error_names_the_attribute_the_provider_and_what_there_is() {
    let error = Renamed(Socket::default()).extra::<Missing>().unwrap_err();
    assert!(error.attribute().ends_with("Missing") && error.provider().contains("Renamed"));
    assert_eq!(error.provided().len(), 3);
    let text = error.to_string();
    assert!(text.contains("Renamed") && text.contains("does not provide") && text.contains("Missing"), "{text}");
    assert!(text.contains("; it provides") && text.contains("OtherPort"), "{text}");
    let text = Nothing.extra::<Name>().unwrap_err().to_string();
    assert!(text.ends_with(", nor any other attribute"), "{text}");
}

struct Missing;
impl TypedAttribute for Missing {
    type Value = ();
}

#[test]
fn a_provider_lists_each_name_once() {
    let names = Renamed(Socket::default()).attribute_names();
    let last: Vec<&str> = names.iter().map(|name| name.rsplit("::").next().unwrap()).collect();
    assert_eq!(last, ["Name", "OtherPort", "Port"]);
    assert!(Nothing.attribute_names().is_empty());
}

// anyio: tests/test_typedattr.py::test_typedattr_keyerror
#[test]
fn an_error_that_is_the_value_of_an_attribute_is_not_mistaken_for_a_missing_one() {
    struct Failing;
    impl TypedAttribute for Failing {
        type Value = Result<(), TypedAttributeLookupError>;
    }
    struct Provider;
    impl TypedAttributeProvider for Provider {
        fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
            request.provide::<Failing>(|| Nothing.extra::<Name>().map(drop));
        }
    }
    assert!(Provider.extra::<Failing>().unwrap().is_err());
}

mod declared {
    use super::Nothing;
    use anyio_typed_attrs::{TypedAttributeExt, TypedAttributeLookupError, typed_attributes};

    typed_attributes! {
        /// With a doc comment.
        pub(super) Declared: Vec<u8>;
        pub(super) Deferred: fn() -> u32;
        Private: ();
    }

    pub(super) fn missing() -> TypedAttributeLookupError {
        Nothing.extra::<Private>().unwrap_err()
    }
}

#[test]
fn a_set_of_attributes_is_declared_in_a_line_each() {
    struct Provider;
    impl TypedAttributeProvider for Provider {
        fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
            request.provide::<declared::Declared>(|| vec![1]).provide::<declared::Deferred>(|| || 7);
        }
    }
    assert_eq!(Provider.extra::<declared::Declared>(), Ok(vec![1]));
    assert_eq!(Provider.extra::<declared::Deferred>().unwrap()(), 7);
    assert!(declared::missing().attribute().ends_with("declared::Private"));
}
