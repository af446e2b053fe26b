//! Interleaved rounds, and what can be said of them.
//!
//! # Invariants
//! 1. In a round each contestant runs once, in the order of the case, so that what the machine does for a while hits all.
//! 2. All contestants of a case do the same number of iterations.
//! 3. What is compared are figures of the same round; medians are taken last.

use std::time::{Duration, Instant};

use crate::case::{Case, Contestant, OURS, Outcome};

/// How long a round of ours takes at least, once the number of iterations is found.
const ROUND: Duration = Duration::from_millis(5);
/// No contestant is made to take longer than this for ours to take its time.
const LONGEST: Duration = Duration::from_millis(250);

/// The figures of a case, round by round.
pub(crate) struct Measured {
    pub(crate) iterations: u64,
    rows: Vec<Row>,
}

/// The figures of one contestant.
pub(crate) struct Row {
    pub(crate) who: &'static str,
    rounds: Vec<f64>,
}

impl Row {
    pub(crate) fn median(&self) -> f64 {
        median(self.rounds.clone())
    }

    pub(crate) fn min(&self) -> f64 {
        self.rounds.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn rounds(&self) -> usize {
        self.rounds.len()
    }
}

impl Measured {
    pub(crate) fn of(case: &Case, rounds: usize) -> Self {
        let mut contestants = (case.contestants)();
        let iterations = calibrate(&mut contestants);
        let mut rows: Vec<Row> = contestants.iter().map(|one| Row { who: one.who, rounds: Vec::new() }).collect();
        for _ in 0..rounds {
            for (contestant, row) in contestants.iter_mut().zip(&mut rows) {
                row.rounds.push(contestant.run(iterations).per_operation(iterations * case.size));
            }
        }
        Self { iterations, rows }
    }

    #[cfg(test)]
    pub(crate) fn by_hand(rows: &[(&'static str, &[f64])]) -> Self {
        let rows = rows.iter().map(|(who, rounds)| Row { who, rounds: rounds.to_vec() }).collect();
        Self { iterations: 1, rows }
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// # Panics
    /// When there is no such contestant: a bar names one that the case does not have.
    pub(crate) fn row(&self, who: &str) -> &Row {
        let row = self.rows.iter().find(|row| row.who == who);
        row.unwrap_or_else(|| panic!("a bar is about `{who}`, which is no contestant of the case"))
    }

    /// The median of what `f` makes of the two figures of each round.
    pub(crate) fn compare(&self, who: &str, peer: &str, f: impl Fn(f64, f64) -> f64) -> f64 {
        let (who, peer) = (self.row(who), self.row(peer));
        median(who.rounds.iter().zip(&peer.rounds).map(|(who, peer)| f(*who, *peer)).collect())
    }

    /// How many times the figure of `peer` that of `who` is.
    pub(crate) fn ratio(&self, who: &str, peer: &str) -> f64 {
        self.compare(who, peer, |who, peer| who / peer)
    }
}

/// Finds a number of iterations with which a round takes some milliseconds, and lets everybody warm up.
fn calibrate(contestants: &mut [Contestant]) -> u64 {
    let ours = contestants.iter_mut().find(|one| one.who == OURS).expect("a case is about ours");
    let mut iterations = 1;
    while takes_less(ours, iterations) {
        iterations *= 2;
    }
    // A tenth is enough to find those who would take for ever.
    let some = (iterations / 10).max(1);
    let slowest = contestants.iter_mut().map(|one| wall(one, some).min(wall(one, some))).max().unwrap_or_default();
    let longest = slowest.mul_f64(iterations as f64 / some as f64);
    if longest > LONGEST {
        let share = LONGEST.as_secs_f64() / longest.as_secs_f64();
        return ((iterations as f64 * share) as u64).max(1);
    }
    iterations
}

/// Whether a round would be too short to be measured. A single long one may be the machine's doing.
fn takes_less(contestant: &mut Contestant, iterations: u64) -> bool {
    for _ in 0..3 {
        match contestant.run(iterations) {
            Outcome::Time(time) if time < ROUND => return true,
            Outcome::Time(time) if time < 10 * ROUND => {}
            Outcome::Time(_) | Outcome::Count(_) => return false,
        }
    }
    false
}

fn wall(contestant: &mut Contestant, iterations: u64) -> Duration {
    let begun = Instant::now();
    contestant.run(iterations);
    begun.elapsed()
}

/// The middle one, or the mean of the two in the middle.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    if figures.is_empty() {
        f64::NAN
    } else if figures.len() % 2 == 1 {
        figures[middle]
    } else {
        f64::midpoint(figures[middle - 1], figures[middle])
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, thread};

    use super::*;
    use crate::case::Unit;

    #[test]
    fn a_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn figures_of_the_same_round_are_compared() {
        let measured = Measured::by_hand(&[("anyio", &[10.0, 200.0, 30.0]), ("peer", &[20.0, 100.0, 60.0])]);
        assert_eq!(measured.row("anyio").median(), 30.0);
        assert_eq!(measured.ratio("anyio", "peer"), 0.5);
        assert_eq!(measured.compare("anyio", "peer", |ours, peer| ours - peer), -10.0);
    }

    fn case(contestants: fn() -> Vec<Contestant>) -> Case {
        Case { id: "case", what: "", unit: Unit::Nanoseconds, host: "", size: 2, bars: &[], contestants }
    }

    #[test]
    fn contestants_take_turns_and_do_the_same() {
        thread_local! { static SEEN: RefCell<Vec<(&'static str, u64)>> = const { RefCell::new(Vec::new()) }; }
        fn taking_a_millisecond(who: &'static str) -> Contestant {
            Contestant::new(who, move |iterations: u64| {
                SEEN.with_borrow_mut(|seen| seen.push((who, iterations)));
                thread::sleep(Duration::from_millis(iterations));
                Duration::from_millis(iterations)
            })
        }
        let case = case(|| vec![taking_a_millisecond(OURS), taking_a_millisecond("peer")]);
        let measured = Measured::of(&case, 2);
        let n = measured.iterations;
        let seen = SEEN.take();
        assert!(seen.ends_with(&[(OURS, n), ("peer", n), (OURS, n), ("peer", n)]), "{seen:?}");
        assert_eq!(measured.row("peer").median(), 500_000.0);
    }

    #[test]
    fn a_count_is_taken_of_one_iteration() {
        let measured = Measured::of(&case(|| vec![Contestant::new(OURS, |iterations: u64| iterations * 96)]), 3);
        assert_eq!((measured.iterations, measured.row(OURS).median()), (1, 48.0));
    }
}
