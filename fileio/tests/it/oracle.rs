//! The same program on a file of ours and on one of std gives the same bytes, positions and errors.

use std::{
    fs,
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::FileExt,
};

use anyio_fileio::{File, OpenOptions};
use proptest::prelude::*;

use crate::support::{folders, run};

#[derive(Clone, Debug)]
enum Step {
    Read(usize),
    ReadExact(usize),
    ReadToEnd,
    Write(u8, usize),
    WriteAll(u8, usize),
    Seek(SeekFrom),
    Tell,
    Flush,
    SetLen(u64),
    Len,
    ReadAt(usize, u64),
    WriteAt(u8, usize, u64),
    SyncData,
}

#[derive(Clone, Copy, Debug)]
struct How {
    read: bool,
    write: bool,
    append: bool,
}

fn sizes() -> impl Strategy<Value = usize> {
    prop_oneof![0..20_usize, 4000..5000_usize, 500_000..600_000_usize, Just(512 * 1024), Just(1_200_000)]
}

fn offsets() -> impl Strategy<Value = u64> {
    prop_oneof![0..30_u64, 4000..5000_u64, 0..1_000_000_u64]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        sizes().prop_map(Step::Read),
        sizes().prop_map(Step::ReadExact),
        Just(Step::ReadToEnd),
        (any::<u8>(), sizes()).prop_map(|(byte, size)| Step::Write(byte, size)),
        (any::<u8>(), sizes()).prop_map(|(byte, size)| Step::WriteAll(byte, size)),
        offsets().prop_map(|at| Step::Seek(SeekFrom::Start(at))),
        (-6000..6000_i64).prop_map(|by| Step::Seek(SeekFrom::Current(by))),
        (-6000..6000_i64).prop_map(|by| Step::Seek(SeekFrom::End(by))),
        Just(Step::Tell),
        Just(Step::Flush),
        offsets().prop_map(Step::SetLen),
        Just(Step::Len),
        (sizes(), offsets()).prop_map(|(size, at)| Step::ReadAt(size, at)),
        (any::<u8>(), sizes(), offsets()).prop_map(|(byte, size, at)| Step::WriteAt(byte, size, at)),
        Just(Step::SyncData),
    ]
}

/// What a step gave: a number, bytes, or the kind of an error.
type Came = Result<(u64, Vec<u8>), io::ErrorKind>;

fn came(result: io::Result<(u64, Vec<u8>)>) -> Came {
    result.map_err(|error| error.kind())
}

fn content(byte: u8, size: usize) -> Vec<u8> {
    (0..size).map(|at| byte.wrapping_add((at / 7) as u8)).collect()
}

fn by_std(file: &mut fs::File, step: &Step) -> Came {
    came((|| {
        Ok(match *step {
            Step::Read(size) => {
                let mut bytes = vec![0; size];
                // One call of ours may give less; what counts is that all comes.
                let mut filled = 0;
                while filled < size {
                    match file.read(&mut bytes[filled..])? {
                        0 => break,
                        count => filled += count,
                    }
                }
                bytes.truncate(filled);
                (0, bytes)
            }
            Step::ReadExact(size) => {
                // After an end that came too early, where std is is not said.
                let at = file.stream_position()?;
                let mut bytes = vec![0; size];
                let read = file.read_exact(&mut bytes);
                if read.is_err() {
                    file.seek(SeekFrom::Start(at))?;
                }
                read?;
                (0, bytes)
            }
            Step::ReadToEnd => {
                let mut bytes = Vec::new();
                (file.read_to_end(&mut bytes)? as u64, bytes)
            }
            Step::Write(byte, size) | Step::WriteAll(byte, size) => {
                file.write_all(&content(byte, size))?;
                (size as u64, vec![])
            }
            Step::Seek(to) => (file.seek(to)?, vec![]),
            Step::Tell => (file.stream_position()?, vec![]),
            Step::Flush => (0, vec![]),
            Step::SetLen(size) => {
                file.set_len(size)?;
                (0, vec![])
            }
            Step::Len => (file.metadata()?.len(), vec![]),
            Step::ReadAt(size, at) => {
                let mut bytes = vec![0; size];
                let mut filled = 0;
                while filled < size {
                    match file.read_at(&mut bytes[filled..], at + filled as u64)? {
                        0 => break,
                        count => filled += count,
                    }
                }
                bytes.truncate(filled);
                (0, bytes)
            }
            Step::WriteAt(byte, size, at) => {
                file.write_all_at(&content(byte, size), at)?;
                (0, vec![])
            }
            Step::SyncData => {
                file.sync_data()?;
                (0, vec![])
            }
        })
    })())
}

async fn by_ours(file: &File, step: &Step) -> Came {
    let step = async {
        Ok(match *step {
            Step::Read(size) => {
                let mut bytes = vec![0; size];
                let mut filled = 0;
                while filled < size {
                    match file.read(&mut bytes[filled..]).await? {
                        0 => break,
                        count => filled += count,
                    }
                }
                bytes.truncate(filled);
                (0, bytes)
            }
            Step::ReadExact(size) => {
                let at = file.tell().await?;
                let mut bytes = vec![0; size];
                let read = file.read_exact(&mut bytes).await;
                if read.is_err() {
                    file.seek(SeekFrom::Start(at)).await?;
                }
                read?;
                (0, bytes)
            }
            Step::ReadToEnd => {
                let mut bytes = Vec::new();
                (file.read_to_end(&mut bytes).await? as u64, bytes)
            }
            Step::Write(byte, size) => {
                let data = content(byte, size);
                let mut written = 0;
                while written < size {
                    written += file.write(&data[written..]).await?;
                }
                (size as u64, vec![])
            }
            Step::WriteAll(byte, size) => {
                file.write_all(&content(byte, size)).await?;
                (size as u64, vec![])
            }
            Step::Seek(to) => (file.seek(to).await?, vec![]),
            Step::Tell => (file.tell().await?, vec![]),
            Step::Flush => {
                file.flush().await?;
                (0, vec![])
            }
            Step::SetLen(size) => {
                file.set_len(size).await?;
                (0, vec![])
            }
            Step::Len => (file.metadata().await?.len(), vec![]),
            Step::ReadAt(size, at) => {
                let mut bytes = vec![0; size];
                let mut filled = 0;
                while filled < size {
                    match file.read_at(&mut bytes[filled..], at + filled as u64).await? {
                        0 => break,
                        count => filled += count,
                    }
                }
                bytes.truncate(filled);
                (0, bytes)
            }
            Step::WriteAt(byte, size, at) => {
                let data = content(byte, size);
                let mut written = 0;
                while written < size {
                    written += file.write_at(&data[written..], at + written as u64).await?;
                }
                (0, vec![])
            }
            Step::SyncData => {
                file.sync_data().await?;
                (0, vec![])
            }
        })
    };
    came(step.await)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    fn any_program(
        first in sizes(),
        read in any::<bool>(),
        append in any::<bool>(),
        steps in prop::collection::vec(step(), 1..25),
    ) {
        let how = How { read, write: !append, append };
        for (_folder, path) in folders() {
            let (ours, theirs) = (path.join("ours"), path.join("theirs"));
            for path in [&ours, &theirs] {
                fs::write(path, content(7, first)).unwrap();
            }
            let mut std = fs::OpenOptions::new().read(how.read).write(how.write).append(how.append).open(&theirs).unwrap();
            run(async {
                let file = OpenOptions::new().read(how.read).write(how.write).append(how.append).open(&ours).await?;
                for step in &steps {
                    let (here, there) = (by_ours(&file, step).await, by_std(&mut std, step));
                    // Bytes that only are collected are refused when they are written.
                    assert_eq!(here, there, "after {step:?}");
                }
                file.close().await
            });
            assert_eq!(fs::read(&ours).unwrap(), fs::read(&theirs).unwrap());
        }
    }

    fn any_pieces(pieces in prop::collection::vec((any::<u8>(), sizes()), 1..6)) {
        for (_folder, path) in folders() {
            let path = path.join("file");
            let mut expected = Vec::new();
            run(async {
                let file = File::create(&path).await?;
                for (byte, size) in &pieces {
                    let data = content(*byte, *size);
                    file.write_all(&data).await?;
                    expected.extend(data);
                }
                Ok(())
            });
            assert_eq!(fs::read(&path).unwrap(), expected);
        }
    }
}

#[test]
fn a_program_on_a_file_does_what_it_does_in_std() {
    any_program();
}

#[test]
fn what_is_dropped_without_a_word_is_written() {
    any_pieces();
}
