//! What must not compile, with its message.

#[test]
fn a_wrong_use_tells_the_right_one() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
