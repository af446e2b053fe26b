//! The benchmarks of anyio: `cargo run --release --manifest-path benches/Cargo.toml -- GROUP`. See README.md.

mod bar;
mod case;
mod counts;
mod groups;
mod heap;
mod hosts;
mod machine;
mod measure;
mod report;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::{
    case::{Case, Group},
    groups::GROUPS,
    measure::Measured,
    report::Score,
};

/// Measures anyio and its peers, interleaved, and says which bars are met.
#[derive(Parser)]
#[command(version, arg_required_else_help = true, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// The group of cases to measure.
    #[arg(required_unless_present = "list")]
    group: Option<String>,
    /// Only these cases of it.
    cases: Vec<String>,
    /// Print a head line, and then a line of JSON for each figure.
    #[arg(long)]
    json: bool,
    /// How often each contestant runs.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// List the groups, or the cases of a group with their contestants, and measure nothing.
    #[arg(long)]
    list: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Counts instructions and allocations of our hot paths, by valgrind.
    Counts(counts::Arguments),
}

/// What may go wrong besides the figures.
enum Failure {
    /// There is no such thing, or it cannot be: said in one line, exit code 2.
    Usage(String),
    Output(io::Error),
    /// Counts have grown, and it was said where: exit code 1.
    Grown,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

fn main() -> ExitCode {
    match run(&Cli::parse(), &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read it has seen enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(Failure::Output(error)) => {
            eprintln!("error: cannot write: {error}");
            ExitCode::FAILURE
        }
        Err(Failure::Grown) => ExitCode::FAILURE,
        Err(Failure::Usage(line)) => {
            eprintln!("error: {line}");
            ExitCode::from(2)
        }
    }
}

fn run(cli: &Cli, out: &mut impl Write) -> Result<(), Failure> {
    if let Some(Command::Counts(arguments)) = &cli.command {
        return counts::run(arguments, out);
    }
    let group = cli.group.as_deref().map(find_group).transpose()?;
    let Some(group) = group else { return Ok(list(out)?) };
    let cases = find_cases(group, &cli.cases)?;
    if cli.list {
        return Ok(list_cases(out, group, &cases)?);
    }
    if cli.json {
        writeln!(out, "{}", report::spaced(&machine::head()))?;
        out.flush()?;
    }
    let mut score = Score::default();
    for case in cases {
        let measured = Measured::of(case, cli.rounds.into());
        if cli.json {
            report::lines(out, group, case, &measured)?;
        } else {
            report::table(out, case, &measured, &mut score)?;
        }
    }
    if !cli.json {
        score.print(out)?;
    }
    Ok(())
}

fn find_group(name: &str) -> Result<&'static Group, Failure> {
    GROUPS.iter().find(|group| group.name == name).ok_or_else(|| {
        let names: Vec<&str> = GROUPS.iter().map(|group| group.name).collect();
        Failure::Usage(format!("there is no group `{name}`; there are: {}", names.join(", ")))
    })
}

/// The cases that were named, in the order of the group; all if none was.
fn find_cases(group: &'static Group, names: &[String]) -> Result<Vec<&'static Case>, Failure> {
    if let Some(name) = names.iter().find(|name| group.cases.iter().all(|case| case.id != **name)) {
        let ids: Vec<&str> = group.cases.iter().map(|case| case.id).collect();
        return Err(Failure::Usage(format!(
            "there is no case `{name}` in the group `{}`; there are: {}",
            group.name,
            ids.join(", ")
        )));
    }
    let is_wanted = |case: &&Case| names.is_empty() || names.iter().any(|name| name == case.id);
    Ok(group.cases.iter().filter(is_wanted).collect())
}

fn list(out: &mut impl Write) -> io::Result<()> {
    for group in GROUPS {
        writeln!(out, "{}: {}", group.name, group.what)?;
        for case in group.cases {
            writeln!(out, "  {:22} {}", case.id, case.what)?;
        }
    }
    Ok(())
}

fn list_cases(out: &mut impl Write, group: &Group, cases: &[&Case]) -> io::Result<()> {
    writeln!(out, "{}: {}", group.name, group.what)?;
    for case in cases {
        let who: Vec<&str> = (case.contestants)().iter().map(|one| one.who).collect();
        writeln!(out, "  {:22} {} [{}]\n  {:22} {}", case.id, case.what, case.unit, "", who.join(", "))?;
    }
    Ok(())
}
