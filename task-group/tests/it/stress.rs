//! Random programs of groups, tasks, handles, starts, shields and cancellations, driven by hand in random ways.
//!
//! What must hold of each of them: every task ends and nothing of it is left; each failure comes out exactly once; a group
//! that is polled only when it was woken comes to its end. `STRESS_SEEDS=100000` runs more of them; a failure tells its seed.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    task::Poll,
};

use anyio_cancel_scope::{
    CancelError, CancelExt, CancelScope, Cancelled, checkpoint, shield, sleep_forever, yield_now,
};
use anyio_task_group::{
    ErrorGroup, JoinError, NeverStarted, TaskGroup, TaskHandle, TaskState, TaskStatus, gather, task_group,
};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};

use crate::support::{Alive, Census, Gate, Probe, panics_in};

/// Xorshift.
struct Random(AtomicU64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1))
    }

    fn next(&self) -> u64 {
        let mut x = self.0.load(Ordering::Relaxed);
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0.store(x, Ordering::Relaxed);
        x
    }

    fn below(&self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    fn one_in(&self, chances: u64) -> bool {
        self.below(chances) == 0
    }
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("cancelled")]
    Cancelled(#[from] Cancelled),
    #[error("fault {0}")]
    One(u32),
    #[error("{0}")]
    Many(#[from] ErrorGroup<Fault>),
    #[error("never started")]
    Never(#[from] NeverStarted),
}

impl CancelError for Fault {
    fn as_error(&self) -> &(dyn std::error::Error + 'static) {
        self
    }

    fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }
}

impl Fault {
    /// The numbers of the faults in it.
    fn collect(&self, found: &mut Vec<u32>) {
        match self {
            Self::One(number) => found.push(*number),
            Self::Many(group) => group.iter().for_each(|fault| fault.collect(found)),
            Self::Cancelled(_) | Self::Never(_) => {}
        }
    }
}

/// What the tasks of one program share.
struct World {
    gates: Vec<Gate>,
    handles: Mutex<Vec<Arc<TaskHandle<Alive>>>>,
    scopes: Mutex<Vec<CancelScope>>,
    census: Census,
    faults: AtomicU32,
    tasks: AtomicU32,
    panics: bool,
}

impl World {
    fn new(panics: bool) -> Self {
        Self {
            gates: (0..12).map(|_| Gate::new()).collect(),
            handles: Mutex::default(),
            scopes: Mutex::default(),
            census: Census::new(),
            faults: AtomicU32::new(0),
            tasks: AtomicU32::new(0),
            panics,
        }
    }

    fn gate(&self, random: &Random) -> &Gate {
        &self.gates[random.below(self.gates.len() as u64) as usize]
    }

    fn keep(&self, handle: TaskHandle<Alive>, random: &Random) {
        if random.one_in(2) {
            self.handles.lock().unwrap().push(Arc::new(handle));
        }
    }

    fn some_handle(&self, random: &Random) -> Option<Arc<TaskHandle<Alive>>> {
        let handles = self.handles.lock().unwrap();
        let at = random.below(handles.len().max(1) as u64) as usize;
        handles.get(at).cloned()
    }

    fn fault(&self) -> Fault {
        Fault::One(self.faults.fetch_add(1, Ordering::SeqCst))
    }
}

type Group<'env> = TaskGroup<'env, Fault>;

fn task<'env>(world: &'env World, tg: Group<'env>, seed: u64, depth: u32) -> BoxFuture<'env, Result<Alive, Fault>> {
    world.tasks.fetch_add(1, Ordering::SeqCst);
    let alive = world.census.one();
    async move {
        let random = Random::new(seed);
        let least = if depth == 0 { 5 } else { 0 };
        for _ in 0..least + random.below(9) {
            step(world, &tg, &random, depth).await?;
        }
        Ok(alive)
    }
    .boxed()
}

async fn step<'env>(world: &'env World, tg: &Group<'env>, random: &Random, depth: u32) -> Result<(), Fault> {
    let may_grow = depth < 5 && world.tasks.load(Ordering::SeqCst) < 200;
    match random.below(20) {
        0 => yield_now().await,
        1 => world.gate(random).wait().cancellable().await?,
        2 => checkpoint().await?,
        3 => shield(world.gate(random).wait()).await,
        4 => sleep_forever().await?,
        5 => tg.scope().set_shielded(random.one_in(2)),
        6 if random.one_in(6) => tg.cancel(),
        7 if random.one_in(4) => return Err(world.fault()),
        7 if world.panics && random.one_in(6) => panic!("a random panic"),
        8 => {
            if let Some(handle) = world.some_handle(random) {
                handle.cancel();
            }
        }
        9 => {
            if let Some(handle) = world.some_handle(random)
                && let Err(JoinError::Interrupted(cancelled)) = handle.join().await
            {
                return Err(cancelled.into());
            }
        }
        10 => {
            let scope = CancelScope::new();
            let (seed, inner) = (random.next(), scope.clone());
            if random.one_in(2) {
                world.scopes.lock().unwrap().push(inner);
            } else {
                scope.cancel();
            }
            scope.run(async move { task(world, tg.clone(), seed, depth + 2).await }).await?;
        }
        11..=14 if may_grow => {
            for _ in 0..=random.below(3) {
                world.keep(tg.start_soon(task(world, tg.clone(), random.next(), depth + 1)), random);
            }
        }
        15 | 16 if may_grow => {
            let seed = random.next();
            task_group(async move |inner: Group<'env>| {
                world.scopes.lock().unwrap().push(inner.scope());
                task(world, inner, seed, depth + 1).await
            })
            .await?;
        }
        17 | 18 if may_grow => {
            let start = tg.start(starting(world, tg.clone(), random.next(), depth));
            if random.one_in(3) {
                // Given up, perhaps after some polls.
                let mut start = Box::pin(start);
                for _ in 0..random.below(3) {
                    match futures_lite::future::poll_once(&mut start).await {
                        Some(started) => {
                            world.keep(started?.1, random);
                            return Ok(());
                        }
                        None => yield_now().await,
                    }
                }
            } else {
                match start.await {
                    Ok(((), handle)) => world.keep(handle, random),
                    Err(Fault::Never(_)) => {}
                    Err(fault) => return Err(fault),
                }
            }
        }
        19 if may_grow => {
            let parts = (0..random.below(4)).map(|_| task(world, tg.clone(), random.next(), depth + 2));
            gather(parts.collect::<Vec<_>>()).await?;
        }
        _ => {}
    }
    Ok(())
}

fn starting<'env>(
    world: &'env World,
    tg: Group<'env>,
    seed: u64,
    depth: u32,
) -> impl Send + FnOnce(TaskStatus<()>) -> BoxFuture<'env, Result<Alive, Fault>> {
    move |status| {
        async move {
            let random = Random::new(seed);
            let early = random.below(3);
            for _ in 0..early {
                step(world, &tg, &random, depth + 1).await?;
            }
            if random.one_in(4) {
                drop(status);
            } else {
                status.started(());
            }
            task(world, tg, seed + 1, depth + 1).await
        }
        .boxed()
    }
}

/// The program in one of the places where a group may be.
fn program<'env>(world: &'env World, outer: &CancelScope, seed: u64) -> BoxFuture<'env, Result<Option<()>, Fault>> {
    let root = task_group(async move |tg: Group<'env>| {
        world.scopes.lock().unwrap().push(tg.scope());
        task(world, tg, seed, 0).await.map(drop)
    });
    let root = outer.enter(root);
    match seed % 4 {
        0 => root.boxed(),
        1 => async move { std::iter::once(root).collect::<FuturesUnordered<_>>().next().await.unwrap() }.boxed(),
        2 => async move { futures::join!(yield_now(), root).1 }.boxed(),
        _ => shield(root).boxed(),
    }
}

/// Runs the program of `seed` to its end, or drops it on the way.
fn one(seed: u64, panics: bool) {
    let world = World::new(panics);
    let outer = CancelScope::new();
    let random = Random::new(seed ^ 0xABCD);
    let mut probe = Probe::new(program(&world, &outer, seed));
    let mut ended = None;
    for _ in 0..random.below(60) {
        let polled = match random.below(8) {
            0 => probe.poll(),
            1..=4 => probe.drive(),
            5 => {
                world.gate(&random).open();
                Poll::Pending
            }
            6 => {
                probe.change_waker();
                probe.poll()
            }
            _ if random.one_in(20) => {
                outer.cancel();
                Poll::Pending
            }
            _ => Poll::Pending,
        };
        if let Poll::Ready(result) = polled {
            ended = Some(result);
            break;
        }
    }
    let dropped = ended.is_none() && random.one_in(3);
    if dropped {
        probe.drop_future();
    }
    // From here on everything is told to end, and must.
    let mut told = 0;
    while ended.is_none() && !dropped {
        if let Poll::Ready(result) = probe.drive() {
            ended = Some(result);
            break;
        }
        outer.cancel();
        world.gates.iter().for_each(Gate::open);
        let scopes = world.scopes.lock().unwrap().clone();
        assert!(scopes.len() > told || told == 0, "it sleeps, and nobody woke it");
        scopes.iter().for_each(CancelScope::cancel);
        told = scopes.len();
    }
    drop(probe);
    let handles = std::mem::take(&mut *world.handles.lock().unwrap());
    for handle in &handles {
        assert!(!matches!(handle.status(), TaskState::Pending | TaskState::Cancelling), "{handle:?}");
    }
    drop(handles);
    if let Some(result) = ended {
        let mut found = Vec::new();
        if let Err(fault) = result {
            fault.collect(&mut found);
        }
        found.sort_unstable();
        let faults = world.faults.load(Ordering::SeqCst);
        assert_eq!(found, (0..faults).collect::<Vec<_>>(), "each failure comes out once");
    }
    assert_eq!(world.census.count(), 0, "nothing is left");
}

fn seeds() -> u64 {
    std::env::var("STRESS_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(1500)
}

#[test]
fn random_programs_end_and_leave_nothing() {
    for seed in 0..seeds() {
        if let Err(payload) = catch_unwind(|| one(seed, false)) {
            eprintln!("the program of seed {seed} failed");
            std::panic::resume_unwind(payload);
        }
    }
}

#[test]
fn random_programs_with_panics_leave_nothing() {
    for seed in 0..seeds() {
        // The drop of the world tells what is left; the panic itself is expected.
        let census = Mutex::new(None);
        panics_in(|| {
            drop(catch_unwind(AssertUnwindSafe(|| {
                let world = World::new(true);
                *census.lock().unwrap() = Some(world.census.clone());
                let outer = CancelScope::new();
                let mut probe = Probe::new(program(&world, &outer, seed));
                for _ in 0..20 {
                    if probe.drive().is_ready() {
                        break;
                    }
                    world.gates.iter().for_each(Gate::open);
                    world.scopes.lock().unwrap().iter().for_each(CancelScope::cancel);
                }
            })));
        });
        assert_eq!(census.into_inner().unwrap().unwrap().count(), 0, "seed {seed}");
    }
}
