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

#[anyio_macros::test(crate = somewhere, clock = of_mine(), virtual_clock)]
async fn two_clocks() {}

#[anyio_macros::test(crate = somewhere, time_limit = 0.5)]
async fn no_whole_seconds() {}

#[anyio_macros::test(crate = somewhere, time_limit = "10")]
async fn no_number() {}

#[anyio_macros::test(crate = somewhere, time_limit = 0)]
async fn no_time() {}

#[anyio_macros::test(crate = somewhere, schedules)]
async fn no_count() {}

#[anyio_macros::test(crate = somewhere, isolated = true)]
async fn a_value_for_isolated() {}

#[anyio_macros::main(crate = somewhere, cancel_sweep)]
async fn no_test() {}

#[anyio_macros::test(10)]
async fn no_word() {}

#[anyio_macros::main(crate = somewhere, virtual_clock)]
async fn not_for_main() {}

#[anyio_macros::main(crate = somewhere, cancel_on_signals = INT)]
async fn no_list() {}

#[anyio_macros::main(crate = somewhere, cancel_on_signals = [TERM, SIGINT])]
async fn too_long_a_name() {}

#[anyio_macros::main(flavor = "multi_thread")]
async fn of_another_runtime() {}

fn main() {}
