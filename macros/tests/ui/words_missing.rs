use anyio_macros::CancelError;

#[derive(CancelError)]
#[cancel]
struct Bare;

#[derive(CancelError)]
enum Others {
    #[cancel()]
    Empty,
    #[cancel = "never"]
    Value,
    #[cancel("never")]
    Quoted,
}

fn main() {}
