//! What is done in place lets others run (R12).

use std::{cell::Cell, fs, io};

use anyio_fileio::File;
use anyio_task_group::local_task_group;

use crate::support::{folders, run};

#[test]
fn a_task_that_reads_cached_data_lets_its_siblings_run() {
    // R12
    for (_folder, path) in folders() {
        let path = &path.join("file");
        fs::write(path, vec![7; 1_000_000]).unwrap();
        let (turns, done) = (&Cell::new(0), &Cell::new(false));
        run(async {
            let group = local_task_group(async |tg| -> io::Result<_> {
                tg.start_soon(async move {
                    while !done.get() {
                        turns.set(turns.get() + 1);
                        anyio_cancel_scope::yield_now().await;
                    }
                });
                let file = File::open(path).await?;
                let (mut buf, mut read) = (vec![0; 64 * 1024], 0);
                for _ in 0..20 {
                    file.rewind().await?;
                    loop {
                        let count = file.read(&mut buf).await?;
                        if count == 0 {
                            break;
                        }
                        read += count;
                    }
                }
                assert_eq!(read, 20_000_000);
                let by_pieces = turns.replace(0);
                assert!(by_pieces >= 20, "the sibling had {by_pieces} turns in 20 MB");
                file.rewind().await?;
                for _ in 0..20 {
                    file.rewind().await?;
                    file.read_to_end(&mut Vec::new()).await?;
                }
                assert!(turns.get() >= 10, "the sibling had {} turns in 20 MB at once", turns.get());
                done.set(true);
                Ok(())
            });
            group.await.map(drop)
        });
    }
}
