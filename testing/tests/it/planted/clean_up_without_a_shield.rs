use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyio_cancel_scope::sleep;
use anyio_testing::at_end;

struct Server {
    sessions: AtomicUsize,
}

impl Server {
    async fn log_in(&self) -> io::Result<()> {
        sleep(Duration::from_millis(1)).await?;
        self.sessions.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn log_out(&self) -> io::Result<()> {
        sleep(Duration::from_millis(1)).await?;
        self.sessions.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }
}

#[anyio_testing::test(cancel_sweep)]
#[ignore = "a specimen: another test runs it"]
pub(crate) async fn nobody_stays_logged_in() -> io::Result<()> {
    let server = Arc::new(Server { sessions: AtomicUsize::new(0) });
    let known = server.clone();
    at_end(move || assert_eq!(known.sessions.load(Ordering::Relaxed), 0, "somebody is logged in still"));
    server.log_in().await?;
    let result = sleep(Duration::from_secs(1)).await;
    // The bug: in a cancelled scope this does nothing. It should be `shield(server.log_out()).await?`.
    server.log_out().await?;
    Ok(result?)
}
