//! Counts the words of files: `pipeline FILE...`.
//!
//! A reader for each file on a thread of its own, several counters, one that adds up; between them two memory object streams. The
//! buffers are small, so whoever is slow holds the others back. Each stage has a clone of its end, and drops it when it is done:
//! so the streams end, and with them the program, without anybody who says so.
//!
//! ```text
//! cargo run --release --example pipeline -- README.md ARCHITECTURE.md
//! ```

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs::File,
    io::{self, BufRead, BufReader, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyio::{
    BoxError, CompletedExt, ErrorGroup, Result,
    memory::{MemoryObjectReceiveStream, MemoryObjectSendStream},
    memory_object_stream, offload, ok, run,
    streams::SendError,
    task_group,
};

const COUNTERS: usize = 3;
const BUFFERED: usize = 64;
const SHOWN: usize = 10;

type Counts = HashMap<String, usize>;

fn main() -> ExitCode {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if paths.is_empty() {
        eprintln!("usage: pipeline FILE...");
        return ExitCode::from(2);
    }
    match run(pipeline(paths)) {
        Ok(report) => match io::stdout().write_all(report.as_bytes()) {
            // Who reads on, as `head`, may have seen enough.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
            _ => ExitCode::SUCCESS,
        },
        Err(error) => {
            match error.downcast_ref::<ErrorGroup<BoxError>>() {
                Some(several) => several.leaves().for_each(|error| eprintln!("pipeline: {error}")),
                None => eprintln!("pipeline: {error}"),
            }
            ExitCode::from(2)
        }
    }
}

async fn pipeline(paths: Vec<PathBuf>) -> Result<String> {
    let files = paths.len();
    task_group(async |tg| -> Result<String> {
        let (lines, unsplit) = memory_object_stream(BUFFERED);
        let (counts, uncounted) = memory_object_stream(0);
        for path in paths {
            tg.task(path.display().to_string()).start_soon(offload(read(path, lines.clone())));
        }
        for number in 0..COUNTERS {
            tg.task(format!("counter {number}")).start_soon(count(unsplit.clone(), counts.clone()));
        }
        // The others have clones. This end is closed, and still tells the statistics.
        unsplit.close();
        drop((lines, counts));

        let mut total = Counts::new();
        while let Some(part) = uncounted.next().await? {
            for (word, count) in part {
                *total.entry(word).or_default() += count;
            }
        }
        let peak = unsplit.statistics().peak_buffer_used;
        Ok(report(&total, files, peak))
    })
    .await
    .completed()
}

/// Sends the lines of a file. A line may hold anything; what is no text is replaced.
async fn read(path: PathBuf, lines: MemoryObjectSendStream<String>) -> Result<()> {
    let cannot = |error: io::Error| format!("cannot read {}: {error}", path.display());
    let mut file = open(&path).map_err(cannot)?;
    let mut line = Vec::new();
    while file.read_until(b'\n', &mut line).map_err(cannot)? > 0 {
        lines.send(String::from_utf8_lossy(&line).into_owned()).await.map_err(SendError::into_reason)?;
        line.clear();
    }
    Ok(())
}

fn open(path: &Path) -> io::Result<BufReader<File>> {
    Ok(BufReader::new(File::open(path)?))
}

/// Counts the words of the lines that it gets, until there are no more.
async fn count(lines: MemoryObjectReceiveStream<String>, counts: MemoryObjectSendStream<Counts>) -> Result<()> {
    let mut own = Counts::new();
    while let Some(line) = lines.next().await? {
        for word in line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            *own.entry(word.to_lowercase()).or_default() += 1;
        }
    }
    counts.send(own).await?;
    ok(())
}

fn report(total: &Counts, files: usize, peak: usize) -> String {
    let mut words: Vec<(&String, &usize)> = total.iter().collect();
    words.sort_by_key(|(word, count)| (std::cmp::Reverse(**count), *word));
    let mut report = String::new();
    for (word, count) in words.iter().take(SHOWN) {
        let _ = writeln!(report, "{count:>8} {word}");
    }
    let (sum, different) = (total.values().sum::<usize>(), total.len());
    let _ = writeln!(report, "{sum} words in {files} files, {different} different; up to {peak} lines were buffered");
    report
}
