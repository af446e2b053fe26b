use anyio_macros::CancelError;

#[derive(CancelError)]
#[cancel(krate = anyio)]
struct OnTheType;

#[derive(CancelError)]
enum OnOthers {
    #[cancel(always)]
    Variant,
    Field {
        #[cancel(skip)]
        source: std::io::Error,
    },
}

fn main() {}
