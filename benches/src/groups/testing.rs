//! The test kit: what a test costs by itself.

use std::{
    io,
    time::{Duration, Instant},
};

use anyio::{
    __private::{OfAny as _, Outcome, Returned, TestRun, Verdict, run_test},
    Builder,
    scope::VirtualClock,
    sleep, task_group,
};

use crate::{
    bar::Bar,
    case::{Case, Contestant, Group, OURS, Unit},
};

const TASKS: u64 = 1000;
const HOUR: Duration = Duration::from_secs(3600);

/// What one test may take.
const MOST: Duration = Duration::from_millis(50);

pub(crate) const GROUP: Group = Group {
    name: "testing",
    what: "tests under a virtual clock",
    hot_paths: &[],
    cases: &[Case {
        id: "virtual_hour",
        what: "a test with a virtual clock in which 1000 tasks sleep an hour, for each task",
        unit: Unit::Nanoseconds,
        host: "their own",
        size: TASKS,
        bars: &[Bar::AtMost(MOST.as_nanos() as f64 / TASKS as f64)],
        contestants: virtual_hour,
    }],
};

fn virtual_hour() -> Vec<Contestant> {
    vec![
        Contestant::new(OURS, |count| timed(count, ours)),
        Contestant::new("tokio-ct", |count| timed(count, tokio_paused)),
    ]
}

fn timed(count: u64, run: fn()) -> Duration {
    let begun = Instant::now();
    (0..count).for_each(|_| run());
    begun.elapsed()
}

/// As `#[anyio::test(virtual_clock)]` writes it.
fn ours() {
    let body = async {
        let slept = task_group(async |tg| -> io::Result<()> {
            for _ in 0..TASKS {
                tg.start_soon(async { io::Result::Ok(sleep(HOUR).await?) });
            }
            Ok(())
        });
        slept.await.expect("nothing fails");
    };
    let verdict = |output: &()| {
        let outcome: Outcome = Returned(output).outcome();
        Verdict { outcome, error: None }
    };
    run_test(Builder::new().clock(VirtualClock::autojump()), TestRun::new(Duration::from_secs(60)), body, verdict);
}

fn tokio_paused() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..TASKS {
            tasks.spawn(tokio::time::sleep(HOUR));
        }
        while tasks.join_next().await.is_some() {}
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_of_a_thousand_tasks_takes_less_than_50_ms() {
        // The best of some, for others may be at work on the machine.
        let best = (0..5).map(|_| timed(1, ours)).min().expect("there are five");
        assert!(best < MOST, "{best:?}");
    }
}
