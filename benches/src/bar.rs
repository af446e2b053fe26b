//! What ours has to reach in a case, and whether it does.

use crate::{
    case::{OURS, Unit},
    measure::Measured,
    report::figure,
};

/// A bar. All of them are upper limits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bar {
    /// The figure itself.
    AtMost(f64),
    /// So much more than that of `peer`: the median of same-round differences.
    Over { peer: &'static str, at_most: f64 },
    /// So many times that of `peer`: the median of same-round ratios.
    Times { peer: &'static str, at_most: f64 },
    /// So many times that of whoever of these has the lowest median.
    TimesBest { peers: &'static [&'static str], at_most: f64 },
    /// So many times that of whoever of these has the second lowest median: not slower means to be among the best two.
    TimesSecond { peers: &'static [&'static str], at_most: f64 },
    /// Ours of another kind, so many times the ordinary one.
    Kept { who: &'static str, at_most: f64 },
    /// What is lost against the contestant of the same name with [`ALONE`] at its end, compared with what `peer` loses.
    Loses { peer: &'static str, at_most: f64 },
}

/// The end of the name of a contestant that had the machine for itself.
pub(crate) const ALONE: &str = "-alone";

/// How a bar came out.
pub(crate) struct Verdict {
    pub(crate) met: bool,
    pub(crate) text: String,
}

impl Bar {
    /// Every contestant that the bar is about, besides ours.
    #[cfg(test)]
    pub(crate) fn names(self) -> Vec<String> {
        match self {
            Self::AtMost(_) => vec![],
            Self::Over { peer, .. } | Self::Times { peer, .. } | Self::Kept { who: peer, .. } => vec![peer.into()],
            Self::TimesBest { peers, .. } | Self::TimesSecond { peers, .. } => {
                peers.iter().map(|peer| (*peer).into()).collect()
            }
            Self::Loses { peer, .. } => vec![peer.into(), alone(peer), alone(OURS)],
        }
    }

    pub(crate) fn judge(self, measured: &Measured, unit: Unit) -> Verdict {
        let times = |peer: &str| measured.ratio(OURS, peer);
        let (found, at_most, text) = match self {
            Self::AtMost(at_most) => {
                let found = measured.row(OURS).median();
                (found, at_most, format!("{} {unit}, at most {}", figure(found), figure(at_most)))
            }
            Self::Over { peer, at_most } => {
                let found = measured.compare(OURS, peer, |ours, peer| ours - peer);
                (found, at_most, format!("{} {unit} over {peer}, at most {}", figure(found), figure(at_most)))
            }
            Self::Times { peer, at_most } => {
                let found = times(peer);
                (found, at_most, format!("{found:.2} x {peer}, at most {at_most:.2}"))
            }
            Self::TimesBest { peers, at_most } => {
                let best = ranked(measured, peers)[0];
                let found = times(best);
                (found, at_most, format!("{found:.2} x {best}, the best of {}, at most {at_most:.2}", peers.join(", ")))
            }
            Self::TimesSecond { peers, at_most } => {
                let second = ranked(measured, peers)[1];
                let found = times(second);
                let all = peers.join(", ");
                (found, at_most, format!("{found:.2} x {second}, the second best of {all}, at most {at_most:.2}"))
            }
            Self::Kept { who, at_most } => {
                let found = measured.ratio(who, OURS);
                (found, at_most, format!("{who} is {found:.2} x {OURS}, at most {at_most:.2}"))
            }
            Self::Loses { peer, at_most } => {
                let lost = |who: &str| measured.ratio(who, &alone(who));
                let (ours, theirs) = (lost(OURS), lost(peer));
                let found = ours / theirs;
                let text = format!("{ours:.2} x alone, {peer} {theirs:.2} x: {found:.2} x that, at most {at_most:.2}");
                (found, at_most, text)
            }
        };
        Verdict { met: found <= at_most, text }
    }
}

/// These contestants, the fastest first.
fn ranked(measured: &Measured, peers: &[&'static str]) -> Vec<&'static str> {
    let mut peers = peers.to_vec();
    peers.sort_by(|one, other| measured.row(one).median().total_cmp(&measured.row(other).median()));
    peers
}

fn alone(who: &str) -> String {
    format!("{who}{ALONE}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn holds(bar: Bar, expected: bool) {
        let measured = Measured::by_hand(&[
            ("anyio", &[12.0, 12.0]),
            ("anyio-large", &[18.0, 18.0]),
            ("bare", &[10.0, 10.0]),
            ("slow", &[20.0, 20.0]),
            ("anyio-alone", &[6.0, 6.0]),
            ("bare-alone", &[8.0, 8.0]),
        ]);
        let verdict = bar.judge(&measured, Unit::Nanoseconds);
        assert_eq!(verdict.met, expected, "{}", verdict.text);
    }

    #[test]
    fn bars_are_upper_limits() {
        holds(Bar::AtMost(12.0), true);
        holds(Bar::AtMost(11.9), false);
        holds(Bar::Over { peer: "bare", at_most: 2.0 }, true);
        holds(Bar::Over { peer: "bare", at_most: 1.0 }, false);
        holds(Bar::Times { peer: "slow", at_most: 0.6 }, true);
        holds(Bar::Times { peer: "slow", at_most: 0.5 }, false);
        holds(Bar::TimesBest { peers: &["slow", "bare"], at_most: 1.2 }, true);
        holds(Bar::TimesBest { peers: &["slow", "bare"], at_most: 1.15 }, false);
        holds(Bar::TimesSecond { peers: &["slow", "bare"], at_most: 0.6 }, true);
        holds(Bar::TimesSecond { peers: &["slow", "bare"], at_most: 0.5 }, false);
        holds(Bar::Kept { who: "anyio-large", at_most: 1.5 }, true);
        holds(Bar::Kept { who: "anyio-large", at_most: 1.4 }, false);
        // 2.0 x alone against 1.25 x alone.
        holds(Bar::Loses { peer: "bare", at_most: 1.6 }, true);
        holds(Bar::Loses { peer: "bare", at_most: 1.15 }, false);
    }
}
