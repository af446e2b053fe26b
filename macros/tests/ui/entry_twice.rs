#[anyio_macros::test(crate = somewhere)]
#[test]
async fn twice_a_test() {}

#[anyio_macros::test(crate = somewhere)]
#[tokio::test]
async fn of_two_runtimes() {}

#[anyio_macros::main(crate = somewhere)]
#[anyio_macros::main(crate = somewhere)]
async fn main() {}
