//! A tour through the library: each chapter names a fault of other designs in one line, and shows, with assertions, what
//! happens here.
//!
//! Run it with `cargo run --release --example tour`; `cargo run --release --example tour -- shield` runs the chapters whose
//! title has that word. With `--features fs` there are those on files, too.

mod cancellation;
mod connections;
mod context;
#[cfg(feature = "fs")]
mod files;
mod shielding;
mod signals;
mod streams;
mod tasks;
mod threads;
mod time;

use std::{process::ExitCode, time::Instant};

/// One chapter: its title, the fault elsewhere, and the program that shows how it goes here.
#[derive(Clone, Copy)]
struct Chapter {
    title: &'static str,
    elsewhere: &'static str,
    /// Returns what was seen; a wrong outcome panics or fails.
    show: fn() -> anyio::Result<String>,
}

fn main() -> ExitCode {
    if let Some(code) = signals::role() {
        return code;
    }
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let chapters = [
        cancellation::CHAPTERS,
        shielding::CHAPTERS,
        tasks::CHAPTERS,
        context::CHAPTERS,
        threads::CHAPTERS,
        signals::CHAPTERS,
        time::CHAPTERS,
        streams::CHAPTERS,
        connections::CHAPTERS,
        #[cfg(feature = "fs")]
        files::CHAPTERS,
    ]
    .concat();
    let begun = Instant::now();
    let (mut shown, mut failed) = (0, 0);
    for chapter in chapters.iter().filter(|chapter| chapter.title.contains(&wanted)) {
        shown += 1;
        println!("{shown}. {}\n   elsewhere: {}", chapter.title, chapter.elsewhere);
        match (chapter.show)() {
            Ok(seen) => println!("   here:      {seen}\n"),
            Err(error) => {
                failed += 1;
                println!("   FAILED:    {error}\n");
            }
        }
    }
    println!("{shown} chapters, {failed} failed, {:.1?}", begun.elapsed());
    if shown > 0 && failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
