//! Finds text in files: `grep TEXT PATH...`.
//!
//! Folders are searched with all that is below them; several files are read at a time, each from the page cache in place if it is
//! there; what was found comes out in the order of the paths, as it is found. Ctrl-C ends it at once. It exits as `grep` does: 0 if
//! something was found, 1 if not, 2 after an error.
//!
//! ```text
//! cargo run --release --example grep -- task_group README.md facade
//! ```

use std::{fmt::Write as _, io, process::ExitCode};

use anyio::{
    BoxError, Result,
    fs::{Path, stderr, stdout},
    map_concurrent,
};

/// How many files are read at a time.
const AT_A_TIME: usize = 16;
/// How many files are searched between two outputs.
const AT_ONCE: usize = 512;

#[anyio::main(cancel_on_signals = [INT, TERM])]
async fn main() -> Result<ExitCode> {
    match grep().await {
        // What cannot be told to anybody is an error as any other. A cancellation ends the program by its signal.
        Err(error) if !anyio::is_cancellation(&*error) => {
            let _ = stderr().send(format!("grep: {error}\n").as_bytes()).await;
            Ok(ExitCode::from(2))
        }
        ended => ended,
    }
}

async fn grep() -> Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(text), paths) = (arguments.next(), arguments.map(Path::new).collect::<Vec<_>>()) else {
        stderr().send(b"usage: grep TEXT PATH...\n").await.map_err(io::Error::from)?;
        return Ok(ExitCode::from(2));
    };
    let text = text.to_string_lossy().into_owned();
    let (mut found, mut failed) = (false, false);
    for path in paths {
        let files = match files_in(path).await {
            Ok(files) => files,
            Err(error) => {
                failed = true;
                tell(error).await?;
                continue;
            }
        };
        for some in files.chunks(AT_ONCE) {
            // An error of one file must not end the others, so it is a value.
            let searched = map_concurrent(some, AT_A_TIME, async |file: &Path| match file.read().await {
                Err(error) if anyio::is_cancellation(&error) => Err(BoxError::from(error)),
                read => Ok(read.map(|bytes| matches(file, &bytes, &text))),
            });
            for result in searched.await? {
                match result {
                    Ok(lines) => {
                        found |= !lines.is_empty();
                        stdout().send(lines.as_bytes()).await.map_err(io::Error::from)?;
                    }
                    Err(error) => {
                        failed = true;
                        tell(error).await?;
                    }
                }
            }
        }
    }
    Ok(ExitCode::from(if failed { 2 } else { u8::from(!found) }))
}

/// The file, or the files below the folder, in the order of their paths.
async fn files_in(path: Path) -> io::Result<Vec<Path>> {
    if !path.metadata().await?.is_dir() {
        return Ok(vec![path]);
    }
    let mut files = Vec::new();
    let mut walk = path.walk();
    loop {
        match walk.next().await {
            Ok(None) => break,
            Ok(Some(entry)) if entry.file_type().is_file() => files.push(entry.path()),
            Ok(Some(_)) => {}
            Err(error) if anyio::is_cancellation(&error) => return Err(error),
            Err(error) => tell(error).await?,
        }
    }
    files.sort();
    Ok(files)
}

/// The lines of a file that have the text in them, unless it is no text.
fn matches(file: &Path, bytes: &[u8], text: &str) -> String {
    let mut found = String::new();
    if let Ok(content) = std::str::from_utf8(bytes)
        && content.contains(text)
    {
        for line in content.split_terminator('\n').filter(|line| line.contains(text)) {
            let _ = writeln!(found, "{}:{line}", file.display());
        }
    }
    found
}

async fn tell(error: io::Error) -> io::Result<()> {
    stderr().send(format!("grep: {error}\n").as_bytes()).await.map_err(io::Error::from)
}
