//! `counts`: how many instructions and allocations the hot paths take, against what `counts.txt` says.
//!
//! Unlike times, these are the same every time: so a change that costs a few instructions is found, and nothing else is.

mod callgrind;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{self, Write},
    path::PathBuf,
};

use callgrind::{NoCount, counted_section, instructions};

use crate::{
    Failure,
    case::{Group, HotPath},
    groups::GROUPS,
    heap,
    machine::{FOLDER, RUSTC, TARGET},
};

/// How much a count may grow.
const TOLERANCE: f64 = 1.03;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Compare with `counts.txt`: exit code 1 where one grew by more than 3 %.
    #[arg(long, conflicts_with = "write")]
    check: bool,
    /// Write `counts.txt`.
    #[arg(long)]
    write: bool,
    /// Run one hot path, under valgrind.
    #[arg(long, hide = true)]
    run: Option<String>,
    #[arg(long, hide = true, default_value_t = 0)]
    operations: u64,
}

/// What one operation takes.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Count {
    instructions: f64,
    allocations: f64,
}

type Counts = BTreeMap<String, Count>;

pub(crate) fn run(arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    if let Some(id) = &arguments.run {
        let (_, path) = find(id).ok_or_else(|| Failure::Usage(format!("there is no hot path `{id}`")))?;
        counted_section(path.run, arguments.operations);
        return Ok(());
    }
    let file = PathBuf::from(FOLDER).join("counts.txt");
    if arguments.check {
        let text = fs::read_to_string(&file).map_err(|error| usage(format!("cannot read counts.txt: {error}")))?;
        if !text.contains(TARGET) {
            return Err(usage(format!("counts.txt is not about {TARGET}: there is nothing to compare with")));
        }
        if !text.contains(RUSTC) {
            writeln!(out, "counts.txt was written with another compiler than {RUSTC}: it may be that which differs")?;
        }
        let before = parse(&text).map_err(Failure::Usage)?;
        return check(&before, &take()?, out);
    }
    let text = shown(&take()?);
    if arguments.write {
        fs::write(&file, text)?;
        writeln!(out, "counts.txt is written")?;
    } else {
        write!(out, "{text}")?;
    }
    Ok(())
}

fn usage(line: String) -> Failure {
    Failure::Usage(line)
}

fn paths() -> impl Iterator<Item = (&'static Group, &'static HotPath)> {
    GROUPS.iter().flat_map(|group| group.hot_paths.iter().map(move |path| (group, path)))
}

fn id(group: &Group, path: &HotPath) -> String {
    format!("{}/{}", group.name, path.id)
}

fn find(wanted: &str) -> Option<(&'static Group, &'static HotPath)> {
    paths().find(|(group, path)| id(group, path) == wanted)
}

fn take() -> Result<Counts, Failure> {
    let mut counts = Counts::new();
    for (group, path) in paths() {
        let instructions = instructions(group.name, path).map_err(|error| match error {
            NoCount::Valgrind(error) => usage(format!("valgrind cannot be run ({error}): install it")),
            NoCount::Failed(line) => usage(line),
        })?;
        counts.insert(id(group, path), Count { instructions, allocations: allocations(path) });
    }
    Ok(counts)
}

fn allocations(path: &HotPath) -> f64 {
    let count = |operations| {
        heap::count_here(|usage| {
            counted_section(path.run, operations);
            usage().allocations
        })
    };
    // What is allocated once in a process is so before.
    count(1);
    let none = count(0);
    count(path.operations).saturating_sub(none) as f64 / path.operations as f64
}

/// What `counts.txt` says.
fn shown(counts: &Counts) -> String {
    let mut text = format!(
        "# The hot paths: instructions and allocations of one operation. `counts --write` writes this file, `counts --check`\n\
         # compares with it. The instructions are those of the program itself, without the libraries of the system.\n\
         # {RUSTC}, {TARGET}\n"
    );
    for (id, Count { instructions, allocations }) in counts {
        writeln!(text, "{id:30} {instructions:>10.2} {allocations:>8.3}").expect("a String takes everything");
    }
    text
}

fn parse(text: &str) -> Result<Counts, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            let mut words = line.split_whitespace();
            let mut next = || words.next().ok_or_else(|| format!("counts.txt:{}: a word is missing", number + 1));
            let id = next()?.to_string();
            let mut figure = || next()?.parse().map_err(|_| format!("counts.txt:{}: no figure", number + 1));
            Ok((id, Count { instructions: figure()?, allocations: figure()? }))
        })
        .collect()
}

/// Tells what grew, and what `counts.txt` does not say.
fn check(before: &Counts, now: &Counts, out: &mut impl Write) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    for (id, now) in now {
        let Some(before) = before.get(id) else {
            wrong.push(format!("{id} is not in counts.txt: write it by `counts --write`"));
            continue;
        };
        let mut compare = |what: &str, before: f64, now: f64| -> io::Result<()> {
            let (before, now) = ((before * 1000.0).round() / 1000.0, (now * 1000.0).round() / 1000.0);
            let change = 100.0 * (now - before) / before.max(0.001);
            if now > before * TOLERANCE {
                wrong.push(format!("{id}: {now:.3} {what}, {before:.3} in counts.txt: {change:.1} % more"));
            } else if now * TOLERANCE < before {
                writeln!(out, "{id}: {now:.3} {what}, {before:.3} in counts.txt: note that by `counts --write`")?;
            }
            Ok(())
        };
        compare("instructions", before.instructions, now.instructions)?;
        compare("allocations", before.allocations, now.allocations)?;
    }
    for id in before.keys().filter(|id| !now.contains_key(*id)) {
        wrong.push(format!("{id} is in counts.txt, and no hot path any more: write it by `counts --write`"));
    }
    if wrong.is_empty() {
        writeln!(out, "{} hot paths take no more than counts.txt says", now.len())?;
        return Ok(());
    }
    wrong.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    Err(Failure::Grown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(all: &[(&str, f64, f64)]) -> Counts {
        all.iter().map(|&(id, instructions, allocations)| (id.into(), Count { instructions, allocations })).collect()
    }

    #[track_caller]
    fn checked(before: &Counts, now: &Counts) -> (bool, String) {
        let mut out = Vec::new();
        let result = check(before, now, &mut out);
        (result.is_ok(), String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_is_written_is_read() {
        let all = counts(&[("core/a", 12.25, 0.0), ("core/b", 1234.5, 2.001)]);
        assert_eq!(parse(&shown(&all)), Ok(all));
        assert!(parse("core/a twelve 0").is_err());
        assert!(parse("core/a 12").is_err());
    }

    #[test]
    fn growth_by_more_than_three_per_cent_is_told() {
        let before = counts(&[("core/a", 100.0, 2.0)]);
        assert!(checked(&before, &counts(&[("core/a", 102.9, 2.0)])).0);
        assert!(checked(&before, &counts(&[("core/a", 50.0, 1.0)])).0);
        let (fine, words) = checked(&before, &counts(&[("core/a", 104.0, 2.0)]));
        assert!(!fine && words.contains("core/a: 104.000 instructions, 100.000 in counts.txt: 4.0 % more"), "{words}");
        let (fine, words) = checked(&before, &counts(&[("core/a", 100.0, 3.0)]));
        assert!(!fine && words.contains("3.000 allocations"), "{words}");
    }

    #[test]
    fn nothing_becomes_something() {
        assert!(!checked(&counts(&[("core/a", 10.0, 0.0)]), &counts(&[("core/a", 10.0, 1.0)])).0);
    }

    #[test]
    fn the_file_has_every_hot_path_and_no_other() {
        let one = counts(&[("core/a", 10.0, 0.0)]);
        assert!(!checked(&one, &Counts::new()).0);
        assert!(!checked(&Counts::new(), &one).0);
        let file = parse(include_str!("../counts.txt")).expect("counts.txt can be read");
        let all: Vec<String> = paths().map(|(group, path)| id(group, path)).collect();
        assert!(file.len() == all.len() && all.iter().all(|id| file.contains_key(id)), "write counts.txt");
    }
}
