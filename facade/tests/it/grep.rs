//! The example `grep`: what it finds, how it ends, and what Ctrl-C does to it.

use std::{
    io::{BufRead, BufReader, Read},
    os::unix::{ffi::OsStrExt, process::ExitStatusExt},
    path::Path,
    process::{Command, Output},
};

use rustix::process::Signal;

use crate::support::{Folder, example, interrupt};

fn grep(folder: &Folder, arguments: &[&str]) -> Command {
    example("grep", folder, arguments)
}

/// It died of the signal, and said nothing.
#[track_caller]
fn died_of_it(output: &Output) {
    assert_eq!(output.status.signal(), Some(Signal::INT.as_raw()), "a shell sees 130");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn it_finds_what_grep_finds_and_exits_as_grep_does() {
    let folder = Folder::new("grep-finds");
    folder.write("b/one.txt", "a needle\nnothing\nneedles, two\n");
    folder.write("a.txt", "no end of line after the needle");
    folder.write("crlf.txt", "needle\r\nneedle\r\n\n");
    folder.write("binary", b"\0\xffneedle\n");
    folder.write("empty", "");
    for arguments in
        [&["needle", "."][..], &["needle", "a.txt", "b"], &["absent", "."], &["needle", "missing"], &["", "b"]]
    {
        let ours = grep(&folder, arguments).output().expect("it runs");
        let theirs = Command::new("grep").current_dir(folder.path()).args(["-rIFH", "--"]).args(arguments).output();
        let theirs = theirs.expect("there is grep");
        assert_eq!(ours.status.code(), theirs.status.code(), "{arguments:?}");
        let sorted = |out: &[u8]| {
            let mut lines: Vec<_> = out.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            // By file; lines of one file stay in order.
            lines.sort_by(|a, b| a.split(|byte| *byte == b':').next().cmp(&b.split(|byte| *byte == b':').next()));
            lines.join(&b'\n')
        };
        let (ours, theirs) = (sorted(&ours.stdout), sorted(&theirs.stdout));
        assert_eq!(String::from_utf8_lossy(&ours), String::from_utf8_lossy(&theirs), "{arguments:?}");
    }
}

#[test]
fn what_is_found_comes_out_in_the_order_of_the_paths() {
    let folder = Folder::new("grep-order");
    for n in (0..2000).rev() {
        folder.write(&format!("{}/{n:04}", n % 7), format!("needle {n}\n").repeat(n % 50));
    }
    let output = grep(&folder, &["needle", "."]).output().expect("it runs");
    let paths: Vec<_> = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let paths: Vec<_> = paths
        .iter()
        .map(|line| Path::new(std::ffi::OsStr::from_bytes(line.split(|b| *b == b':').next().unwrap())))
        .collect();
    assert!(paths.is_sorted());
    assert_eq!(paths.len(), (0..2000).map(|n| n % 50).sum::<usize>());
}

#[test]
fn ctrl_c_ends_it_at_once_while_it_waits_for_a_file() {
    let folder = Folder::new("grep-waits");
    folder.write("a.txt", "needle\n");
    folder.fifo("fifo");
    let mut child = grep(&folder, &["needle", "a.txt", "fifo"]).spawn().expect("it runs");
    // A FIFO that nobody writes to: nothing ends this but the signal.
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    stdout.read_line(&mut line).expect("it can be read");
    assert_eq!(line, "a.txt:needle\n");
    interrupt(&child);
    died_of_it(&child.wait_with_output().expect("it ends"));
}

#[test]
fn ctrl_c_ends_it_at_once_while_nobody_reads_what_it_finds() {
    let folder = Folder::new("grep-output");
    for n in 0..200 {
        folder.write(&format!("{n}"), "needle\n".repeat(1000));
    }
    let mut child = grep(&folder, &["needle", "."]).spawn().expect("it runs");
    let mut stdout = child.stdout.take().expect("it is piped");
    stdout.read_exact(&mut [0; 9]).expect("something is found");
    // More than a pipe holds is still to come, so it cannot have ended.
    interrupt(&child);
    died_of_it(&child.wait_with_output().expect("it ends"));
}

#[test]
fn it_tells_when_nobody_wants_what_it_finds() {
    let folder = Folder::new("grep-closed");
    folder.write("a.txt", "needle\n");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = grep(&folder, &["needle", "a.txt"]).stdout(writer).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2), "1 would say that nothing was found");
    assert!(String::from_utf8_lossy(&output.stderr).contains("Broken pipe"), "{output:?}");
}
