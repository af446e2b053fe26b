#[anyio_macros::main(crate = somewhere)]
fn main() {}
