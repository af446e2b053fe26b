use anyio_macros::CancelError;

#[derive(CancelError)]
#[cancel(never)]
struct OnTheType {
    source: std::io::Error,
}

#[derive(CancelError)]
enum OnAFieldThatIsNoSource {
    Plain(#[cancel(never)] std::io::Error),
    Marked {
        #[source]
        cause: std::io::Error,
        #[cancel(never)]
        source: String,
    },
}

fn main() {}
