#[anyio_macros::main(crate = somewhere)]
struct NoFunction;

#[anyio_macros::test(crate = somewhere)]
mod tests {}

#[anyio_macros::test(crate = somewhere)]
fn not_async() {}

#[anyio_macros::test(crate = somewhere)]
async fn with_parameters(fixture: u32) {}

#[anyio_macros::test(crate = somewhere)]
async fn generic<T>() {}

fn main() {}
