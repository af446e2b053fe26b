use anyio_macros::CancelError;

#[derive(CancelError)]
#[cancel(crate)]
struct Missing;

#[derive(CancelError)]
#[cancel(crate = "anyio")]
struct Quoted;

#[derive(CancelError)]
#[cancel(crate = anyio, crate = anyio)]
struct Twice;

#[derive(CancelError)]
#[cancel(crate = 3)]
struct NoPath;

fn main() {}
