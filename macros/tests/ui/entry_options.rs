#[anyio_macros::test(crate = somewhere, workers = 2)]
async fn unknown() {}

#[anyio_macros::test(crate = somewhere, cancel_on_signals = [INT])]
async fn not_for_tests() {}

#[anyio_macros::test(crate = somewhere, time_limit)]
async fn no_value() {}

#[anyio_macros::test(crate = somewhere, virtual_clock = true)]
async fn a_value_too_many() {}

#[anyio_macros::test(crate = somewhere, time_limit = 1, time_limit = 2)]
async fn twice() {}

#[anyio_macros::test(crate = "somewhere")]
async fn no_path() {}

fn main() {}
