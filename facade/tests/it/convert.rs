//! The example `convert`: what it prints, and what Ctrl-C leaves of that.

use std::{fs, process::Child, thread};

use crate::support::{Folder, example, interrupt};

/// The lines that it prints for this folder.
fn lines_of(folder: &Folder, arguments: &[&str]) -> Vec<String> {
    let output = example("convert", folder, arguments).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("it prints text").lines().map(str::to_owned).collect()
}

#[test]
fn every_file_has_a_line_and_what_is_equal_has_one_hash() {
    let folder = Folder::new("convert-all");
    folder.write("b", "one");
    folder.write("a/one", "one");
    folder.write("a/big", "big".repeat(100_000));
    folder.write("empty", "");
    folder.fifo("fifo");
    let lines = lines_of(&folder, &[".", "--at-once", "2"]);
    let (summary, files) = lines.split_last().expect("it prints something");
    assert_eq!(summary, "4 of 4 files hashed, 0 could not be read");
    let (hashes, names): (Vec<_>, Vec<_>) = files.iter().filter_map(|line| line.split_once(' ')).unzip();
    assert_eq!(names, ["./a/big", "./a/one", "./b", "./empty"]);
    assert_eq!(hashes[1], hashes[2]);
    assert!(hashes[0] != hashes[1] && hashes[0] != hashes[3]);
}

#[test]
fn a_folder_without_files_is_no_error_and_one_that_is_not_there_is() {
    let folder = Folder::new("convert-none");
    assert_eq!(lines_of(&folder, &["."]), ["0 of 0 files hashed, 0 could not be read"]);
    let output = example("convert", &folder, &["absent"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "convert: absent: No such file or directory (os error 2)\n");
}

#[test]
fn ctrl_c_ends_it_in_the_middle_of_a_file_and_what_was_done_is_printed() {
    let folder = Folder::new("convert-interrupted");
    // It takes an hour to read, and no room.
    let endless = fs::File::create(folder.path().join("endless")).expect("a file can be made");
    endless.set_len(1 << 42).expect("a file may have holes");
    let child = example("convert", &folder, &["."]).spawn().expect("it runs");
    wait_until_it_catches_ctrl_c(&child);
    interrupt(&child);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8_lossy(&output.stdout);
    // It may not even have found the file.
    assert!(printed.starts_with("interrupted: 0 of "), "{printed}");
    assert_eq!(printed.lines().count(), 1);
}

fn wait_until_it_catches_ctrl_c(child: &Child) {
    let catches = || {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it runs");
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("Linux tells it");
        u64::from_str_radix(caught.trim(), 16).expect("it is a mask") & (1 << (2 - 1)) != 0
    };
    while !catches() {
        thread::yield_now();
    }
}
