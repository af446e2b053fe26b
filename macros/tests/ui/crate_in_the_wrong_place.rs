use anyio_macros::CancelError;

#[derive(CancelError)]
enum FetchError {
    #[cancel(crate = anyio)]
    OnAVariant,
    OnAField {
        #[cancel(crate = anyio)]
        source: std::io::Error,
    },
}

fn main() {}
