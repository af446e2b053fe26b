use anyio_macros::CancelError;

#[derive(CancelError)]
enum FetchError {
    #[cancel(never, never)]
    InOneAttribute(#[source] std::io::Error),
    #[cancel(never)]
    #[cancel(never)]
    InTwo(#[source] std::io::Error),
    #[cancel(never = true)]
    WithAValue(#[source] std::io::Error),
}

fn main() {}
