//! A chapter on context variables.

use anyio::{CompletedExt, Result, context_var, offload, ok, run, task_group};

use crate::Chapter;

pub(crate) const CHAPTERS: &[Chapter] = &[Chapter {
    title: "context variables reach children and other threads, and a local one does not",
    elsewhere: "a task-local ends at each spawn, and the request id is passed on by hand",
    show: inherited,
}];

context_var! {
    /// The request that is being answered.
    static REQUEST: u32;
    /// Who holds this transaction is one task: others must not find it.
    #[local]
    static TRANSACTION: &'static str;
}

fn inherited() -> Result<String> {
    async fn seen() -> Result<(Option<u32>, Option<&'static str>)> {
        ok((REQUEST.get(), TRANSACTION.get()))
    }

    run(async {
        let all = task_group(async |tg| -> Result<_> {
            // The group knows neither: it is who starts the child that counts.
            let inside = TRANSACTION.scope("begun", async {
                let children = [tg.start_soon(seen()), tg.start_soon(offload(seen()))];
                ok((seen().await?, children))
            });
            let (here, [child, offloaded]) = REQUEST.scope(17, inside).await?;
            ok([here, child.join().await?, offloaded.join().await?, seen().await?])
        });
        let [here, child, offloaded, after] = all.await.completed()?;
        assert_eq!(here, (Some(17), Some("begun")));
        assert_eq!([child, offloaded], [(Some(17), None); 2]);
        assert_eq!(after, (None, None));
        Ok("a child and a worker thread saw request 17, and no transaction".into())
    })
}
