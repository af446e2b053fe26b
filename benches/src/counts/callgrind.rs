//! How many instructions of this program a hot path takes, by valgrind.
//!
//! Only what is executed inside of [`counted_section`] counts, on its thread, and of that only what lies in this program:
//! what libc and the kernel's page of fast calls do depends on the processor, and on their versions.

use std::{
    env, fs,
    hint::black_box,
    io,
    path::Path,
    process::{Command, Stdio},
};

use crate::case::HotPath;

/// Why there is no count.
pub(super) enum NoCount {
    Valgrind(io::Error),
    Failed(String),
}

/// What is counted. Valgrind finds it by its name, so it must stay a function of its own.
#[inline(never)]
pub(super) fn counted_section(run: fn(u64), operations: u64) {
    black_box(run)(black_box(operations));
}

/// The instructions that one operation takes: those of many, without those of none.
pub(super) fn instructions(group: &str, path: &HotPath) -> Result<f64, NoCount> {
    let all = counted(group, path, path.operations)?;
    let none = counted(group, path, 0)?;
    Ok(all.saturating_sub(none) as f64 / path.operations as f64)
}

fn counted(group: &str, path: &HotPath, operations: u64) -> Result<u64, NoCount> {
    let program = env::current_exe().map_err(NoCount::Valgrind)?;
    let file =
        env::temp_dir().join(format!("benches-{}-{group}-{}-{operations}.callgrind", std::process::id(), path.id));
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=*counted_section*", "--dump-line=no", "-q"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(&program)
        .args(["counts", "--run", &format!("{group}/{}", path.id), "--operations", &operations.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(NoCount::Valgrind)?;
    let profile = fs::read_to_string(&file);
    // Whether it is there or not: nothing of it is to be left.
    let _ = fs::remove_file(&file);
    match profile {
        Ok(profile) if output.status.success() => Ok(own_cost(&profile, &program)),
        _ => {
            let words = String::from_utf8_lossy(&output.stderr);
            Err(NoCount::Failed(format!("{group}/{}: valgrind {}: {}", path.id, output.status, words.trim())))
        }
    }
}

/// The sum over the functions of `program` of what each took itself, without its callees.
fn own_cost(profile: &str, program: &Path) -> u64 {
    // A name stands there in full once, and from then on by its number.
    let mut number_of_ours = None;
    let (mut ours, mut sum) = (false, 0);
    let mut lines = profile.lines();
    while let Some(line) = lines.next() {
        if let Some(object) = line.strip_prefix("ob=").or_else(|| line.strip_prefix("cob=")) {
            let (number, name) = object.split_once(' ').unwrap_or((object, ""));
            if !name.is_empty() && Path::new(name) == program {
                number_of_ours = Some(number.to_string());
            }
            if line.starts_with("ob=") {
                ours = number_of_ours.as_deref() == Some(number);
            }
        } else if line.starts_with("calls=") {
            // What the callee took.
            lines.next();
        } else if ours && line.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '*')) {
            sum += line.split(' ').nth(1).and_then(|cost| cost.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_program_does_itself_counts() {
        let profile = "\
version: 1
events: Ir
ob=(1) /lib/libc.so.6
fn=(1) malloc
0 1000
ob=(2) /here/program
fn=(2) counted_section
0 7
cob=(1)
cfn=(1)
calls=3 0
0 3000
cfn=(3) ours
calls=1 0
0 20
fn=(3)
0 20
ob=(1)
fn=(4) free
0 500
ob=(2)
fn=(3)
0 3
totals: 1530
";
        assert_eq!(own_cost(profile, Path::new("/here/program")), 30);
    }
}
