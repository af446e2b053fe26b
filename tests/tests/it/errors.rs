//! A cancellation finds its way out through every error type, and nothing else is taken for one.

use std::{error::Error, fmt::Debug, future::Future, io};

use anyhow::Context as _;
use anyio::{
    BoxError, CancelScope, Cancelled, ErrorGroup, JoinError, NeverStarted, TimedOut, checkpoint, fail_after,
    local_task_group, prelude::*, shield, sleep_forever, task_group, yield_now,
};

use crate::common::{cancelled, let_others_run, under_every_executor};

/// The error of a program, as people write it.
#[derive(Debug, thiserror::Error, anyio::CancelError)]
enum AppError {
    #[error("cancelled")]
    Cancelled(#[from] Cancelled),
    #[error("several")]
    Several(#[from] ErrorGroup<AppError>),
    #[error("i/o")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("join")]
    Join(#[from] JoinError),
    #[error("never ready")]
    NeverStarted(#[from] NeverStarted),
    #[error("too late")]
    TimedOut(#[from] TimedOut),
    #[error("what a report says")]
    Report(#[source] anyhow::Error),
    #[error("how it ended before")]
    #[cancel(never)]
    Before(#[source] Box<StoreError>),
}

/// The error of a part of it.
#[derive(Debug, thiserror::Error, anyio::CancelError)]
enum StoreError {
    #[error("cancelled")]
    Cancelled(#[from] Cancelled),
    #[error("disk")]
    Disk(#[source] io::Error),
    #[error("no such key: {0}")]
    Missing(String),
}

/// Runs five functions that `?` hands the error through, inside a child of a group; the scope around is cancelled, and
/// has to absorb what comes out. `wrap` is what the program makes of the cancellation on the way.
async fn is_absorbed<E>(wrap: fn(Cancelled) -> E)
where
    E: CancelError + From<ErrorGroup<E>> + Debug + Send + 'static,
{
    async fn five<E: CancelError>(depth: u32, wrap: fn(Cancelled) -> E) -> Result<(), E> {
        match depth {
            0 => sleep_forever().await.map_err(wrap)?,
            _ => Box::pin(five(depth - 1, wrap)).await?,
        }
        Ok(())
    }
    let scope = CancelScope::new();
    let ended = scope.run(async {
        task_group(async |tg| -> Result<(), E> {
            tg.start_soon(five(5, wrap));
            yield_now().await;
            scope.cancel();
            yield_now().await;
            Ok(())
        })
        .await?;
        unreachable!("the group has to say that work is missing");
        #[expect(unreachable_code, reason = "it tells the type")]
        Ok::<(), E>(())
    });
    assert!(matches!(ended.await, Ok(None)));
    assert!(scope.cancelled_caught());

    let scope = CancelScope::new();
    let ended = scope.run(async {
        scope.cancel();
        five(5, wrap).await
    });
    let ended = ended.await;
    assert!(matches!(ended, Ok(None)), "also without a group, which makes an error of its own");
}

under_every_executor! {
    it_comes_out_of_plain_errors,
    it_comes_out_of_io_errors,
    it_comes_out_of_boxed_errors,
    it_comes_out_of_reports,
    it_comes_out_of_enums,
    it_comes_out_of_a_box_in_anyhow,
    it_comes_out_of_a_box_in_eyre,
    what_is_about_others_is_no_cancellation,
    a_pipeline_that_is_cancelled_ends_without_an_error,
    a_stray_one_comes_out,
    a_real_error_wins,
}

async fn it_comes_out_of_plain_errors() {
    is_absorbed::<Cancelled>(|cancelled| cancelled).await;
}

async fn it_comes_out_of_io_errors() {
    is_absorbed::<io::Error>(Into::into).await;
    is_absorbed::<io::Error>(io::Error::other).await;
    is_absorbed::<io::Error>(|cancelled| io::Error::other(io::Error::other(cancelled))).await;
    is_absorbed::<io::Error>(|cancelled| io::Error::new(io::ErrorKind::BrokenPipe, BoxError::from(cancelled))).await;
    is_absorbed::<io::Error>(|cancelled| io::Error::other(StoreError::from(cancelled))).await;
}

async fn it_comes_out_of_boxed_errors() {
    is_absorbed::<BoxError>(Into::into).await;
    is_absorbed::<BoxError>(|cancelled| io::Error::from(cancelled).into()).await;
    is_absorbed::<BoxError>(|cancelled| StoreError::Disk(cancelled.into()).into()).await;
    is_absorbed::<BoxError>(|cancelled| anyhow::Error::from(cancelled).context("reading").into()).await;
    is_absorbed::<BoxError>(|cancelled| JoinError::from(cancelled).into()).await;
}

async fn it_comes_out_of_reports() {
    is_absorbed::<anyhow::Error>(Into::into).await;
    is_absorbed::<anyhow::Error>(|cancelled| Err::<(), _>(cancelled).context("a").context("b").unwrap_err()).await;
    is_absorbed::<anyhow::Error>(|cancelled| anyhow::Error::from(io::Error::from(cancelled)).context("read")).await;
    is_absorbed::<eyre::Report>(Into::into).await;
    is_absorbed::<eyre::Report>(|cancelled| eyre::Report::from(cancelled).wrap_err("a").wrap_err("b")).await;
}

async fn it_comes_out_of_enums() {
    is_absorbed::<AppError>(Into::into).await;
    is_absorbed::<AppError>(|cancelled| io::Error::other(cancelled).into()).await;
    is_absorbed::<AppError>(|cancelled| StoreError::from(cancelled).into()).await;
    is_absorbed::<AppError>(|cancelled| StoreError::Disk(cancelled.into()).into()).await;
    is_absorbed::<AppError>(|cancelled| JoinError::from(cancelled).into()).await;
    is_absorbed::<AppError>(|cancelled| AppError::Report(anyhow::Error::from(cancelled).context("x"))).await;
}

/// What a library with `anyio::Result` gives becomes a report by `from_boxed`, which hides the box's own type from
/// `source()`, and shows it to `downcast_ref::<BoxError>()`.
async fn it_comes_out_of_a_box_in_anyhow() {
    is_absorbed::<anyhow::Error>(|cancelled| anyhow::Error::from_boxed(cancelled.into())).await;
    is_absorbed::<anyhow::Error>(|cancelled| anyhow::Error::from_boxed(cancelled.into()).context("context")).await;
}

async fn it_comes_out_of_a_box_in_eyre() {
    is_absorbed::<eyre::Report>(|cancelled| eyre::eyre!(BoxError::from(cancelled))).await;
}

/// The future of a local group is not `Send`, and cannot be given to each executor.
#[test]
fn it_comes_out_of_a_local_box() {
    let ended = futures::executor::block_on(async {
        let scope = CancelScope::new();
        let group = local_task_group(async |tg| -> Result<(), Box<dyn Error>> {
            tg.start_soon(async { Ok(sleep_forever().await?) });
            scope.cancel();
            Ok(sleep_forever().await?)
        });
        matches!(scope.run(group).await, Ok(None))
    });
    assert!(ended);
}

/// Whether the error is taken for a cancellation, by all who may be asked.
fn is_one<E: Into<AppError> + Into<BoxError>>(error: impl Fn() -> E) -> bool {
    let boxed: BoxError = error().into();
    let io = io::Error::other(boxed);
    let report = anyhow::Error::from(io::Error::other(Into::<BoxError>::into(error()))).context("context");
    let app: AppError = error().into();
    let all = [io.is_cancelled(), report.is_cancelled(), app.is_cancelled()];
    assert!(all == [all[0]; 3], "they differ: {all:?}");
    all[0]
}

async fn what_is_about_others_is_no_cancellation() {
    let late = fail_after(std::time::Duration::ZERO, async { anyio::ok(sleep_forever().await?) }).await;
    let late = *late.unwrap_err().downcast::<TimedOut>().unwrap();
    assert!(!is_one(|| late.clone()));

    let (other, never) = task_group(async |tg| -> anyio::Result<_> {
        let other = tg.start_soon(async { anyio::ok(sleep_forever().await?) });
        other.cancel();
        let ended = other.join().await.unwrap_err();
        let never = tg.start(async |status: anyio::TaskStatus<()>| {
            let _status = status;
            anyio::current_task().unwrap();
            anyio::ok(())
        });
        Ok((ended, *never.await.unwrap_err().downcast::<NeverStarted>().unwrap()))
    })
    .await
    .completed()
    .unwrap();
    assert_eq!(other, JoinError::TaskCancelled);
    assert!(!is_one(|| other.clone()));
    assert!(!is_one(|| never.clone()));

    let mine = JoinError::from(cancelled().await);
    assert!(is_one(|| mine.clone()));
    let one = cancelled().await;
    assert!(is_one(|| one.clone()));
    assert!(!is_one(|| StoreError::Missing("key".into())));
    assert!(!AppError::Before(Box::new(one.into())).is_cancelled());

    let several = task_group(async |tg| -> io::Result<()> {
        let stray = cancelled().await;
        tg.start_soon(async { Err::<(), _>(io::Error::from(stray)) });
        // The child ends first: in a group that is cancelled its error would count as an interruption.
        let_others_run().await;
        Err(io::Error::other("body"))
    });
    let several = several.await.unwrap_err();
    let group = several.get_ref().unwrap().downcast_ref::<ErrorGroup<io::Error>>().unwrap();
    assert_eq!(group.len(), 2);
    assert!(!several.is_cancelled(), "a group of errors is none, whatever is in it");
}

/// A child awaits a pipeline of five functions, each with its own error type, connected by `?` alone.
async fn a_pipeline_that_is_cancelled_ends_without_an_error() {
    async fn read() -> Result<u32, Cancelled> {
        sleep_forever().await?;
        Ok(1)
    }
    async fn load() -> io::Result<u32> {
        Ok(read().await?)
    }
    async fn fetch() -> anyhow::Result<u32> {
        load().await.context("while loading")
    }
    async fn serve() -> anyio::Result<u32> {
        Ok(fetch().await?)
    }
    async fn answer() -> Result<u32, AppError> {
        serve().await.map_err(|error| AppError::Io(io::Error::other(error)))
    }
    async fn program(scope: &CancelScope) -> Result<(), AppError> {
        let answered = scope.run(async {
            let answers = task_group(async |tg| -> Result<_, AppError> {
                let answer = tg.start_soon(answer());
                tg.start_soon(async {
                    yield_now().await;
                    scope.cancel_because("the client left");
                });
                Ok(answer.join().await?)
            });
            answers.await.completed()
        });
        assert!(answered.await?.is_none());
        checkpoint().await?;
        Ok(())
    }
    program(&CancelScope::new()).await.unwrap();
}

// R7, G2
async fn a_stray_one_comes_out() {
    let stray = cancelled().await;
    let scope = CancelScope::new();
    let through = scope.run(async { Err::<(), _>(stray.clone()) }).await;
    assert_eq!(through, Err(stray.clone()));

    let error = task_group(async |tg| -> anyio::Result<()> {
        tg.start_soon(async { Err::<(), BoxError>(stray.into()) });
        Ok(())
    });
    assert!(error.await.unwrap_err().is_cancelled(), "it is a failure like any other, and hides nothing");
}

// R7
async fn a_real_error_wins() {
    async fn fails_in<T: Debug, E: CancelError + Debug>(clean_up: impl Future<Output = Result<T, E>>) -> E {
        let scope = CancelScope::new();
        scope.cancel();
        let error = scope.run(clean_up).await.unwrap_err();
        assert!(!scope.cancelled_caught());
        error
    }
    let error = fails_in(async {
        if sleep_forever().await.is_err() {
            shield(async { Err::<(), _>(io::Error::other("cannot flush")) }).await?;
        }
        io::Result::Ok(())
    });
    assert_eq!(error.await.to_string(), "cannot flush");

    let error = fails_in(task_group(async |tg| -> Result<(), AppError> {
        tg.start_soon(async {
            sleep_forever().await.unwrap_err();
            Err::<(), AppError>(StoreError::Missing("a".into()).into())
        });
        Ok(sleep_forever().await?)
    }));
    assert_eq!(error.await.to_string(), "no such key: a");
}
