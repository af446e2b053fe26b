#[anyio_macros::main(crate = somewhere)]
async fn main(arguments: Vec<String>) {}
