use anyio_macros::CancelError;

#[derive(CancelError)]
enum FetchError {
    Cancelled,
}

fn main() {}
