//! Dining philosophers, each with a fork to the left and one to the right: `dining [--philosophers 5] [--meals 3] ..`.
//!
//! A fork is a [`Lock`], and everybody takes the left one first, so all could sit there with one fork each, for ever. They do
//! not, as nobody waits longer for the other fork than a patience that differs from seat to seat: a deadline cancels the wait,
//! the first fork goes back, and somebody else eats. After a while the philosopher of the first seat is called away, which
//! cancels a task that may hold two forks; and when the house closes, all are cancelled. A cancelled task leaves by `?`, and
//! its guards put the forks back.
//!
//! ```text
//! cargo run --release --example dining -- --philosophers 7 --meals 5
//! ```

use std::time::Duration;

use anyio::{
    Cancelled, CompletedExt, TaskHandle, move_on_after, sleep,
    sync::{Lock, LockGuard},
    task_group,
};
use clap::Parser;

/// Lets philosophers dine, with one fork for each of them and two to eat with.
#[derive(Parser)]
struct Options {
    /// How many there are: two at least.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(2..))]
    philosophers: u16,
    /// How often each of them wants to eat.
    #[arg(long, default_value_t = 3)]
    meals: u32,
    /// How long one eats, and then thinks.
    #[arg(long, default_value = "5ms", value_parser = humantime::parse_duration)]
    meal: Duration,
    /// How long it takes to reach for the second fork, in which everybody else takes a first one.
    #[arg(long, default_value = "1ms", value_parser = humantime::parse_duration)]
    reach: Duration,
    /// How long the first one waits for the second fork; the others wait longer, seat by seat.
    #[arg(long, default_value = "2ms", value_parser = humantime::parse_duration)]
    patience: Duration,
    /// When the first one is called away.
    #[arg(long, default_value = "12ms", value_parser = humantime::parse_duration)]
    call: Duration,
    /// When the house closes.
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration)]
    closes: Duration,
}

/// It knows how often it was eaten with.
#[derive(Default)]
struct Fork {
    used: u32,
}

/// What became of one of them.
#[derive(Default)]
struct Dinner {
    meals: u32,
    /// How often one fork was put back because the other did not come.
    gave_up: u32,
}

#[anyio::main]
async fn main() -> Result<(), Cancelled> {
    let options = Options::parse();
    let forks: Vec<Lock<Fork>> = (0..options.philosophers).map(|_| Lock::default()).collect();
    let dinners: Vec<Lock<Dinner>> = (0..options.philosophers).map(|_| Lock::default()).collect();

    let dining = task_group(async |tg| -> Result<(), Cancelled> {
        let seats: Vec<TaskHandle<()>> = dinners
            .iter()
            .enumerate()
            .map(|(seat, dinner)| {
                tg.task(format!("philosopher {seat}")).start_soon(dine(&options, seat, &forks, dinner))
            })
            .collect();
        sleep(options.call).await?;
        seats[0].cancel_because("the telephone");
        for seat in &seats {
            seat.wait().await?;
        }
        Ok(())
    });
    let closed = move_on_after(options.closes, async { dining.await.completed() }).await?.is_none();

    report(dinners, forks, closed);
    Ok(())
}

/// Eats and thinks until there were enough meals.
async fn dine(options: &Options, seat: usize, forks: &[Lock<Fork>], dinner: &Lock<Dinner>) -> Result<(), Cancelled> {
    let (left, right) = (&forks[seat], &forks[(seat + 1) % forks.len()]);
    // Nobody else takes it before all is over.
    let mut dinner = dinner.lock().await?;
    while dinner.meals < options.meals {
        let Some((mut left, mut right)) = both(options, seat, left, right).await? else {
            dinner.gave_up += 1;
            continue;
        };
        sleep(options.meal).await?;
        left.used += 1;
        right.used += 1;
        dinner.meals += 1;
        drop((left, right));
        sleep(options.meal).await?;
    }
    Ok(())
}

/// Both forks, unless the second one does not come in time. Then the first one is free again.
async fn both<'a>(
    options: &Options,
    seat: usize,
    left: &'a Lock<Fork>,
    right: &'a Lock<Fork>,
) -> Result<Option<(LockGuard<'a, Fork>, LockGuard<'a, Fork>)>, Cancelled> {
    let left = left.lock().await?;
    sleep(options.reach).await?;
    let patience = options.patience * (seat as u32 + 1);
    let right = move_on_after(patience, right.lock()).await?;
    Ok(right.map(|right| (left, right)))
}

fn report(dinners: Vec<Lock<Dinner>>, forks: Vec<Lock<Fork>>, closed: bool) {
    println!("seat  meals  gave up");
    let mut meals = 0;
    for (seat, dinner) in dinners.into_iter().enumerate() {
        let dinner = dinner.into_inner();
        println!("{seat:>4} {:>6} {:>8}", dinner.meals, dinner.gave_up);
        meals += dinner.meals;
    }
    let used: u32 = forks.into_iter().map(|fork| fork.into_inner().used).sum();
    assert_eq!(used, 2 * meals, "each meal takes two forks");
    let why = if closed { "the house closed" } else { "nobody was hungry any more, or was called away" };
    println!("{meals} meals, {used} uses of forks; then {why}");
}
