//! Locks between handles.

use std::time::Duration;

use anyio_cancel_scope::{move_on_after, yield_now};
use anyio_fileio::File;
use anyio_task_group::gather;

use crate::support::{folder, run};

#[test]
fn a_lock_waits_for_the_other_handle_and_can_be_cancelled() {
    let (_folder, path) = folder();
    let path = path.join("lock");
    run(async {
        let (one, two) = (File::create(&path).await?, File::open(&path).await?);
        one.lock().await?;
        assert!(!two.try_lock()?);
        assert_eq!(move_on_after(Duration::from_millis(20), two.lock()).await?, None);
        assert_eq!(move_on_after(Duration::from_millis(20), two.lock_shared()).await?, None);
        let release = async {
            // The other one waits by now.
            yield_now().await;
            one.unlock()
        };
        let wait = async { two.lock().await };
        let (released, locked) = futures_lite::future::zip(release, wait).await;
        released?;
        locked?;
        assert!(!one.try_lock_shared()?);
        drop(two);
        assert!(one.try_lock()?, "closing gives it back");
        Ok(())
    });
}

#[test]
fn shared_locks_go_together() {
    let (_folder, path) = folder();
    let path = path.join("lock");
    run(async {
        File::create(&path).await?;
        let files = gather((0..3).map(|_| File::open(&path))).await?;
        for file in &files {
            file.lock_shared().await?;
        }
        assert!(!files[0].try_lock()?);
        Ok(())
    });
}
