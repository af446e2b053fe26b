//! Seeded orders.

use std::{
    collections::BTreeSet,
    io,
    process::ExitCode,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use anyio_cancel_scope::{checkpoint, sleep};
use anyio_runtime::offload;
use anyio_task_group::{TaskGroup, task_group};

use crate::planted::message_of;

/// How many runs find every order of what these tests start.
const SCHEDULES: usize = 400;

/// What tasks wrote down in each run.
struct Diary(Mutex<Vec<String>>);

impl Diary {
    const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) {
        self.lock().push(String::new());
    }

    fn write(&self, word: char) {
        if let Some(page) = self.lock().last_mut() {
            page.push(word);
        }
    }

    fn pages(&self) -> BTreeSet<String> {
        self.lock().iter().cloned().collect()
    }

    /// There were so many different runs, if as many were made as these tests ask for: `ANYIO_TEST_SCHEDULES` may say less.
    #[track_caller]
    fn assert_ways(&self, ways: usize) {
        let runs = self.lock().len();
        let pages = self.pages();
        let most = if runs < SCHEDULES { pages.len() <= ways } else { pages.len() == ways };
        assert!(most, "{} of {ways} ways in {runs} runs: {pages:?}", pages.len());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.lock())
    }
}

fn start<'e>(tg: &TaskGroup<'e, io::Error>, diary: &'static Diary, words: &'static str) {
    for word in words.chars() {
        tg.start_soon(async move { diary.write(word) });
    }
}

static STARTED: Diary = Diary::new();

#[anyio_testing::test(schedules = 400)]
#[ignore = "a specimen: another test runs it"]
async fn three_tasks_begin() -> io::Result<()> {
    STARTED.begin();
    task_group(async |tg| -> io::Result<()> {
        start(&tg, &STARTED, "abc");
        Ok(())
    })
    .await?;
    Ok(())
}

#[test]
fn tasks_begin_in_every_order() {
    three_tasks_begin();
    STARTED.assert_ways(6);
}

static NESTED: Diary = Diary::new();

#[anyio_testing::test(schedules = 400)]
#[ignore = "a specimen: another test runs it"]
async fn two_groups_in_a_group() -> io::Result<()> {
    NESTED.begin();
    task_group(async |tg| -> io::Result<()> {
        for words in ["ab", "xy"] {
            tg.start_soon(async move {
                task_group(async |tg| -> io::Result<()> {
                    start(&tg, &NESTED, words);
                    Ok(())
                })
                .await?;
                io::Result::Ok(())
            });
        }
        Ok(())
    })
    .await?;
    Ok(())
}

#[test]
fn tasks_of_different_groups_interleave_in_every_way() {
    two_groups_in_a_group();
    NESTED.assert_ways(24);
}

static AWAKE: Diary = Diary::new();

#[anyio_testing::test(schedules = 400)]
#[ignore = "a specimen: another test runs it"]
async fn three_sleep_equally_long() -> io::Result<()> {
    AWAKE.begin();
    task_group(async |tg| -> io::Result<()> {
        for word in "abc".chars() {
            tg.start_soon(async move {
                sleep(Duration::from_secs(1)).await?;
                AWAKE.write(word);
                io::Result::Ok(())
            });
        }
        sleep(Duration::from_secs(1)).await?;
        AWAKE.write('-');
        Ok(())
    })
    .await?;
    Ok(())
}

#[test]
fn what_is_woken_together_runs_in_every_order_the_body_too() {
    three_sleep_equally_long();
    AWAKE.assert_ways(24);
}

static OFFLOADED: Diary = Diary::new();

#[anyio_testing::test(schedules = 400)]
#[ignore = "a specimen: another test runs it"]
async fn three_are_offloaded() -> io::Result<()> {
    OFFLOADED.begin();
    let here = thread::current().id();
    task_group(async |tg| -> io::Result<()> {
        for word in "abc".chars() {
            tg.start_soon(offload(async move {
                assert_eq!(thread::current().id(), here);
                OFFLOADED.write(word);
            }));
        }
        Ok(())
    })
    .await?;
    Ok(())
}

#[test]
fn offloaded_futures_run_on_the_tests_thread_in_every_order() {
    three_are_offloaded();
    OFFLOADED.assert_ways(6);
}

static WAYS: Diary = Diary::new();

// R12: an operation that is ready may give way.
#[anyio_testing::test(schedules = 400)]
#[ignore = "a specimen: another test runs it"]
async fn two_pass_checkpoints() -> io::Result<()> {
    WAYS.begin();
    task_group(async |tg| -> io::Result<()> {
        for words in ["ab", "xy"] {
            tg.start_soon(async move {
                for word in words.chars() {
                    checkpoint().await?;
                    WAYS.write(word);
                }
                io::Result::Ok(())
            });
        }
        Ok(())
    })
    .await?;
    Ok(())
}

#[test]
fn operations_that_are_ready_give_way_now_and_then() {
    two_pass_checkpoints();
    WAYS.assert_ways(6);
}

static AGAIN: Diary = Diary::new();

#[anyio_testing::test(schedules = 50)]
#[ignore = "a specimen: another test runs it"]
async fn a_little_of_everything() -> io::Result<()> {
    AGAIN.begin();
    task_group(async |tg| -> io::Result<()> {
        for word in "abcdefgh".chars() {
            tg.start_soon(offload(async move {
                sleep(Duration::from_millis(u64::from(word as u32 % 3))).await?;
                AGAIN.write(word);
                io::Result::Ok(())
            }));
            tg.start_soon(async move {
                checkpoint().await?;
                AGAIN.write(word.to_ascii_uppercase());
                io::Result::Ok(())
            });
        }
        Ok(())
    })
    .await?;
    Ok(())
}

#[test]
fn the_same_seeds_give_the_same_orders_and_others_give_others() {
    a_little_of_everything();
    let first = AGAIN.take();
    // Whatever else goes on on this thread, and in this process.
    for _ in 0..77 {
        futures::executor::block_on(checkpoint()).unwrap();
    }
    a_little_of_everything();
    assert_eq!(first, AGAIN.take());
    let different: BTreeSet<_> = first.iter().collect();
    assert!(different.len() > 45, "{} of 50", different.len());
}

#[anyio_testing::test(schedules = 3)]
#[ignore = "a specimen: another test runs it"]
async fn fails_always() -> Result<(), String> {
    Err("as ever".to_owned())
}

#[test]
fn a_failure_tells_its_seed_and_how_to_replay_it() {
    let message = message_of(fails_always);
    assert_eq!(
        message,
        "test: under the order of seed 0: it returned an error: \"as ever\"\n`ANYIO_TEST_SEED=0` replays exactly this"
    );
}

#[anyio_testing::test(schedules = 3, worker_threads = 1)]
#[ignore = "a specimen: another test runs it"]
async fn fails_with_threads() -> Result<(), String> {
    Err("as ever".to_owned())
}

#[anyio_testing::test(schedules = 3)]
#[ignore = "a specimen: another test runs it"]
async fn fails_with_a_signal_receiver() -> Result<(), String> {
    let receiver = anyio_signals::open_signal_receiver(&[anyio_signals::Signal::IO]).unwrap();
    assert!(futures::poll!(receiver.next()).is_pending());
    Err("as ever".to_owned())
}

#[test]
fn with_threads_and_descriptors_it_says_that_the_seed_is_not_everything() {
    for test in [fails_with_threads as fn(), fails_with_a_signal_receiver] {
        let message = message_of(test);
        assert!(message.contains("`ANYIO_TEST_SEED=0` brings back the choices made here, but"), "{message}");
    }
}

#[anyio_testing::test(schedules = 0)]
#[ignore = "a specimen: another test runs it"]
async fn under_no_order_at_all() {}

#[test]
fn a_test_that_would_not_run_at_all_does_not_pass() {
    let message = message_of(under_no_order_at_all);
    assert!(message.contains("`schedules = 0` does not run the test at all"), "{message}");
}

#[anyio_testing::test(schedules = 2)]
#[ignore = "a specimen: another test runs it"]
async fn ends_without_success() -> io::Result<ExitCode> {
    Ok(ExitCode::FAILURE)
}

#[anyio_testing::test(schedules = 2)]
async fn ends_with_success() -> io::Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}

#[test]
fn an_exit_code_is_judged_as_the_harness_would() {
    let message = message_of(ends_without_success);
    assert!(
        message.contains("under the order of seed 0: it returned an exit code that is none of success"),
        "{message}"
    );
}
