//! Bugs that were planted: each is found, by the check that it is for, with the message that stands in the file beside it.
//!
//! `UPDATE_MESSAGES=1 cargo test -p anyio-testing` writes these files anew.

use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

mod clean_up_without_a_shield;
mod forgotten_receiver;
mod item_lost_on_cancel;
mod leaked_task;
mod lock_order;
mod lost_by_select;
mod lost_wake_up;
mod missed_started;

/// What a test fails with.
#[track_caller]
pub(crate) fn message_of(test: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(test)).expect_err("it has to fail");
    let message = payload.downcast::<String>().map(|words| *words);
    message.unwrap_or_else(|payload| (*payload.downcast::<&str>().expect("a panic has words")).to_owned())
}

/// Numbers of tasks differ from run to run.
fn without_numbers(message: &str) -> String {
    let mut out = String::new();
    let mut rest = message;
    while let Some((before, after)) = rest.split_once('#') {
        let digits = after.chars().take_while(char::is_ascii_digit).count();
        out += before;
        out += if digits > 0 { "#N" } else { "#" };
        rest = &after[digits..];
    }
    out + rest
}

#[track_caller]
fn finds<T>(name: &str, test: fn() -> T) {
    let message = without_numbers(&message_of(|| drop(test()))) + "\n";
    let file: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/planted").join(format!("{name}.txt"));
    if env::var_os("UPDATE_MESSAGES").is_some() {
        fs::write(&file, &message).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(message, expected, "`UPDATE_MESSAGES=1 cargo test -p anyio-testing` takes the new message");
}

#[test]
fn a_lost_wake_up() {
    finds("lost_wake_up", lost_wake_up::both_are_told);
}

#[test]
fn locks_taken_in_different_orders() {
    finds("lock_order", lock_order::money_moves_both_ways);
}

#[test]
fn an_item_lost_on_cancel() {
    finds("item_lost_on_cancel", item_lost_on_cancel::what_is_taken_is_passed_on);
}

#[test]
fn a_leaked_task() {
    finds("leaked_task", leaked_task::it_ends_with_its_group);
}

// One of the signals of a process is enough for this test.
#[test]
fn a_forgotten_signal_receiver() {
    finds("forgotten_receiver", forgotten_receiver::it_listens);
}

#[test]
fn a_missed_started() {
    finds("missed_started", missed_started::the_server_comes_up);
}

#[test]
fn data_lost_by_select_and_drop() {
    finds("lost_by_select", lost_by_select::every_frame_arrives);
}

#[test]
fn clean_up_without_a_shield() {
    finds("clean_up_without_a_shield", clean_up_without_a_shield::nobody_stays_logged_in);
}
