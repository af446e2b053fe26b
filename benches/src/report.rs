//! What is printed: a table a case for people, a line a figure for programs.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::{
    case::{Case, Group, OURS},
    measure::Measured,
};

/// How the bars of a whole call came out.
#[derive(Default)]
pub(crate) struct Score {
    met: usize,
    missed: Vec<String>,
}

impl Score {
    pub(crate) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{} of {} bars met", self.met, self.met + self.missed.len())?;
        self.missed.iter().try_for_each(|line| writeln!(out, "  not met: {line}"))
    }
}

/// Prints the table of a case, and how its bars came out.
pub(crate) fn table(out: &mut impl Write, case: &Case, measured: &Measured, score: &mut Score) -> io::Result<()> {
    let width = measured.rows().iter().map(|row| row.who.len()).max().unwrap_or(0).max(12);
    let rounds = measured.rows().first().map_or(0, |row| row.rounds());
    writeln!(out, "{}: {}", case.id, case.what)?;
    writeln!(
        out,
        "  host: {}; {rounds} rounds of {} x {} operations, {} for one",
        case.host, measured.iterations, case.size, case.unit
    )?;
    writeln!(out, "  {:width$} {:>10} {:>10} {:>10}", "", "median", "min", "ours / it")?;
    for row in measured.rows() {
        let ratio = if row.who == OURS { String::new() } else { format!("{:.2} x", measured.ratio(OURS, row.who)) };
        let (median, min) = (figure(row.median()), figure(row.min()));
        writeln!(out, "  {:width$} {median:>10} {min:>10} {ratio:>10}", row.who)?;
    }
    for bar in case.bars {
        let verdict = bar.judge(measured, case.unit);
        let word = if verdict.met { "met" } else { "NOT MET" };
        writeln!(out, "  bar {word}: {}", verdict.text)?;
        if verdict.met {
            score.met += 1;
        } else {
            score.missed.push(format!("{}: {}", case.id, verdict.text));
        }
    }
    writeln!(out)?;
    out.flush()
}

/// Prints a line for each contestant of a case.
pub(crate) fn lines(out: &mut impl Write, group: &Group, case: &Case, measured: &Measured) -> io::Result<()> {
    for row in measured.rows() {
        let line = json!({
            "group": group.name,
            "case": case.id,
            "who": row.who,
            "median": rounded(row.median()),
            "min": rounded(row.min()),
            "unit": case.unit.to_string(),
            "rounds": row.rounds(),
        });
        writeln!(out, "{}", spaced(&line))?;
    }
    out.flush()
}

/// An object on one line, with a space after each comma and colon.
pub(crate) fn spaced(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{}: {}", json!(name), spaced(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        plain => plain.to_string(),
    }
}

/// A figure with as many digits as can mean anything.
pub(crate) fn figure(value: f64) -> String {
    let digits = match value.abs() {
        10_000.0.. => 0,
        100.0.. => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Unit;

    #[test]
    fn a_line_has_the_form_that_was_agreed_on() {
        let group = Group { name: "core", what: "", cases: &[], hot_paths: &[] };
        let case = Case {
            id: "checkpoint_ready",
            what: "",
            unit: Unit::Nanoseconds,
            host: "",
            size: 1,
            bars: &[],
            contestants: Vec::new,
        };
        let measured = Measured::by_hand(&[("anyio", &[3.1, 2.9, 3.104])]);
        let mut out = Vec::new();
        lines(&mut out, &group, &case, &measured).unwrap();
        let expected = r#"{"group": "core", "case": "checkpoint_ready", "who": "anyio", "median": 3.1, "min": 2.9, "unit": "ns", "rounds": 3}"#;
        assert_eq!(String::from_utf8(out).unwrap().trim_end(), expected);
    }
}
