#[anyio_macros::main(crate = somewhere)]
async fn main<T>() {}
