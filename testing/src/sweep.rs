//! The cancellation sweep: once to count the points, then once for each of them.

use std::{collections::BTreeSet, future::Future, process::Termination, sync::Arc};

use anyio_runtime::__private::{Builder, TestRun, Verdict};

use crate::{
    control::{Control, Whom, told},
    dice::Dice,
    kit::Body,
    settings::{self, Points, SWEEP},
};

/// Where there are more points than that, so many are taken.
const SAMPLE: usize = 500;

/// What a sweep came to.
pub(crate) struct Swept {
    /// How many points there are.
    points: usize,
    /// At how many of them it was cancelled.
    struck: usize,
}

/// Runs the sweep under one order.
pub(crate) fn run<M, B, V, F>(
    body: &Body<'_, M, B, V>,
    scope: Option<&'static str>,
    seed: Option<u64>,
    outside: &mut bool,
) -> Result<Swept, String>
where
    M: Fn() -> (Builder, TestRun),
    B: Fn() -> F,
    F: Future<Output: Termination>,
    V: Fn(&F::Output) -> Verdict,
{
    let mut cancelled_at = |at: usize| {
        let mut control = None;
        let result = body.once(
            |run| {
                let whom = scope.map_or_else(|| Whom::Test(run.root.clone()), Whom::Named);
                control.insert(Arc::new(Control::new(seed).cancelling(whom, at))).clone()
            },
            at > 0 && scope.is_none(),
        );
        let control = control.expect("it is asked for");
        *outside |= control.was_outside();
        (result, control)
    };
    let (result, control) = cancelled_at(0);
    result.map_err(|message| format!("before anything was cancelled: {message}"))?;
    let count = control.points();
    let mut struck = 0;
    if count == 0 {
        let place = scope.map_or_else(String::new, |name| format!(" inside of a scope named {name:?}"));
        return Err(format!("there is nothing to sweep: no checkpoint was reached{place}"));
    }
    for at in chosen(count, seed.unwrap_or(0)) {
        let (result, control) = cancelled_at(at);
        // Where it is not the same each time, some point may not be there any more.
        let Some(point) = control.struck() else {
            result?;
            continue;
        };
        struck += 1;
        result.map_err(|message| {
            format!(
                "cancelled at point {at} of {count} ({}): {message}\n`ANYIO_TEST_SWEEP={at}` runs it with this point alone",
                told(point)
            )
        })?;
    }
    Ok(Swept { points: count, struck })
}

/// Sees to it that the one point that was asked for was there, under one order at least: else nothing was tried.
pub(crate) fn check(swept: &[Swept]) -> Result<(), String> {
    let Points::One(number) = settings::points() else { return Ok(()) };
    if swept.is_empty() || swept.iter().any(|swept| swept.struck > 0) {
        return Ok(());
    }
    let most = swept.iter().map(|swept| swept.points).max().unwrap_or(0);
    let under = if swept.len() > 1 { " under any order" } else { "" };
    Err(if number > most {
        format!("`{SWEEP}={number}`: there is no such point{under}, the last one is {most}")
    } else {
        format!("`{SWEEP}={number}`: this point was not reached again{under}, so nothing was cancelled")
    })
}

/// The numbers of the points at which it is cancelled.
fn chosen(count: usize, seed: u64) -> BTreeSet<usize> {
    match settings::points() {
        Points::One(number) => [number].into(),
        Points::Sampled if count > SAMPLE => {
            let dice = Dice::new(seed);
            let mut chosen = BTreeSet::new();
            while chosen.len() < SAMPLE {
                chosen.insert(1 + dice.below(count));
            }
            chosen
        }
        Points::Sampled | Points::All => (1..=count).collect(),
    }
}
