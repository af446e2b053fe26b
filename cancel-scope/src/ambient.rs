//! The ambient context: what holds for the code that is being polled on this thread.
//!
//! A wrapper future swaps its part in for the time of each `poll`, and out after it, also when the poll unwinds. Handles
//! are moved in and out, not cloned: a poll costs no reference count.
//!
//! # Invariants
//! 1. The verdict in `FAST` is right for `SLOW.scope` as long as the process-wide generation is `FAST.generation`; generation 0
//!    means that nothing is known.
//! 2. The waker in `FAST` is the identity of the waker with which the innermost wrapper is being polled. That wrapper registers
//!    the waker itself when its poll ends, so an operation polled with the same one registers nothing.
//! 3. While `FAST.in_task` is set the current place is the task itself, whatever `SLOW.scope` says: a task is one handle.
//! 4. `FAST.left` is renewed by nothing but its use (R12). Inside a watched run it is 1, so that every checkpoint looks up who
//!    watches; the number of before is back afterwards.
//! 5. While `SLOW.draft` is there, it is the current scope, and the current place by invariant 3 what is above it. Once it was
//!    asked for, it is in `SLOW.scope`, and its seat is in `SLOW.made` until its poll ends, with what was there before.

use std::{cell::Cell, panic::Location, sync::Arc, time::Instant};

use crate::{
    budget,
    clock::TimeSource,
    draft::Draft,
    generation,
    node::ScopeRef,
    run_record::RunRecord,
    seat::Seat,
    sync::thread_local_cell,
    task_record::{TaskRef, Verb},
    tree::{self, Verdict},
    trial,
    waker_id::WakerId,
};

/// In parts, of which no two that are swapped are neighbours: each is moved as it was written then. A compiler that moves two
/// at once reads what was just written in narrower parts, and the processor has to wait for that.
#[repr(C)]
struct Fast {
    waker_data: Cell<usize>,
    /// How many checkpoints are left of the budget; the last one yields.
    left: Cell<u32>,
    verdict: Cell<Verdict>,
    generation: Cell<u64>,
    in_task: Cell<bool>,
    waker_vtable: Cell<usize>,
}

impl Fast {
    #[inline]
    fn waker(&self) -> WakerId {
        WakerId { data: self.waker_data.get(), vtable: self.waker_vtable.get() }
    }
}

pub(crate) struct Slow {
    scope: Cell<Option<ScopeRef>>,
    draft: Cell<Option<Draft>>,
    made: Cell<Option<Box<Seat>>>,
    task: Cell<Option<TaskRef>>,
    clock: Cell<TimeSource>,
    run: Cell<Option<Arc<RunRecord>>>,
}

thread_local_cell! {
    static FAST: Fast = Fast {
        waker_data: Cell::new(0),
        left: Cell::new(budget::FULL),
        verdict: Cell::new(Verdict::NOTHING),
        generation: Cell::new(0),
        in_task: Cell::new(false),
        waker_vtable: Cell::new(0),
    };
}

thread_local_cell! {
    static SLOW: Slow = Slow {
        scope: Cell::new(None),
        draft: Cell::new(None),
        made: Cell::new(None),
        task: Cell::new(None),
        clock: Cell::new(TimeSource(None)),
        run: Cell::new(None),
    };
}

/// Looks at the value of a cell in place: nothing that `f` does may come back to the same cell.
#[inline]
fn peek<T: Default, R>(cell: &Cell<T>, f: impl FnOnce(&T) -> R) -> R {
    let value = cell.take();
    let result = f(&value);
    cell.set(value);
    result
}

impl Slow {
    /// The current place, but for a draft.
    fn place(&self) -> Option<ScopeRef> {
        if Sight::here().in_task {
            return peek(&self.task, Clone::clone).map(|task| task as ScopeRef);
        }
        peek(&self.scope, Clone::clone)
    }

    /// The draft in force becomes a place in the tree, if there is one.
    #[inline]
    fn make_draft(&self) {
        if let Some(draft) = self.draft.get() {
            self.make(draft);
        }
    }

    #[cold]
    fn make(&self, draft: Draft) {
        self.draft.set(None);
        let mut seat = draft.make(self.place(), peek(&self.clock, Clone::clone), None);
        seat.exchange_scope(&self.scope);
        // What the draft displaced is still so, and comes back with that.
        FAST.with(|fast| fast.in_task.set(false));
        self.made.set(Some(seat));
    }
}

/// The draft in force becomes a place in the tree, if there is one: somebody puts another scope or clock in force inside of
/// it.
#[inline]
pub(crate) fn make_draft() {
    let _ = SLOW.try_with(Slow::make_draft);
}

/// A draft in force; what it displaced comes back when this is dropped, and its seat comes out if somebody had asked for
/// it.
pub(crate) struct Drafting<'a> {
    asked_for: &'a mut Option<Box<Seat>>,
    made: Option<Box<Seat>>,
    sight: &'a mut Sight,
}

impl<'a> Drafting<'a> {
    /// Puts `draft` in force, with what is seen in it; whether the current place is a task stays as it is.
    #[inline]
    pub(crate) fn new(draft: Draft, asked_for: &'a mut Option<Box<Seat>>, sight: &'a mut Sight) -> Self {
        let made = SLOW.try_with(|slow| {
            slow.make_draft();
            slow.draft.set(Some(draft));
            slow.made.take()
        });
        sight.in_task = Sight::here().in_task;
        sight.swap();
        Self { asked_for, made: made.ok().flatten(), sight }
    }
}

impl Drop for Drafting<'_> {
    #[inline]
    fn drop(&mut self) {
        self.sight.swap();
        let _ = SLOW.try_with(|slow| {
            slow.draft.set(None);
            if let Some(mut seat) = slow.made.replace(self.made.take()) {
                seat.exchange_scope(&slow.scope);
                *self.asked_for = Some(seat);
            }
        });
    }
}

/// What of the context costs nothing to look at.
#[derive(Clone, Copy)]
pub(crate) struct Sight {
    pub(crate) generation: u64,
    pub(crate) verdict: Verdict,
    pub(crate) waker: WakerId,
    pub(crate) in_task: bool,
}

impl Sight {
    #[inline]
    fn here() -> Self {
        FAST.with(|fast| Self {
            generation: fast.generation.get(),
            verdict: fast.verdict.get(),
            waker: fast.waker(),
            in_task: fast.in_task.get(),
        })
    }

    #[inline]
    fn swap(&mut self) {
        FAST.with(|fast| {
            let Self { generation, verdict, waker, in_task } = self;
            *generation = fast.generation.replace(*generation);
            *verdict = fast.verdict.replace(*verdict);
            waker.data = fast.waker_data.replace(waker.data);
            waker.vtable = fast.waker_vtable.replace(waker.vtable);
            *in_task = fast.in_task.replace(*in_task);
        });
    }
}

/// The part of the context that a scope brings.
pub(crate) struct Frame {
    pub(crate) scope: Option<ScopeRef>,
    pub(crate) sight: Sight,
}

impl Frame {
    /// Exchanges this frame for the one in force. While a thread is ending there is none, and nothing is exchanged.
    fn swap(&mut self) {
        let swapped = SLOW.try_with(|slow| self.scope = slow.scope.replace(self.scope.take()));
        if swapped.is_ok() {
            self.sight.swap();
        }
    }
}

/// A frame in force; what it displaced, and the scope, come back when it is dropped.
pub(crate) struct Visit<'a> {
    scope: &'a mut Option<ScopeRef>,
    frame: Frame,
}

impl<'a> Visit<'a> {
    pub(crate) fn new(scope: &'a mut Option<ScopeRef>, mut frame: Frame) -> Self {
        make_draft();
        frame.swap();
        Self { scope, frame }
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.frame.swap();
        *self.scope = self.frame.scope.take();
    }
}

/// A task in force, as the current place too; it comes back when this is dropped.
pub(crate) struct TaskVisit<'a> {
    task: &'a mut Option<TaskRef>,
    sight: Sight,
}

impl<'a> TaskVisit<'a> {
    #[inline]
    pub(crate) fn new(task: &'a mut Option<TaskRef>, sight: Sight) -> Self {
        let mut visit = Self { task, sight };
        visit.swap();
        visit
    }

    #[inline]
    fn swap(&mut self) {
        let swapped = SLOW.try_with(|slow| *self.task = slow.task.replace(self.task.take()));
        if swapped.is_ok() {
            self.sight.swap();
        }
    }
}

impl Drop for TaskVisit<'_> {
    #[inline]
    fn drop(&mut self) {
        self.swap();
    }
}

/// The verdict here, and the generation for which it is right.
#[inline]
pub(crate) fn verdict() -> (u64, Verdict) {
    let generation = generation::current();
    let (known, verdict) = FAST.with(|fast| (fast.generation.get(), fast.verdict.get()));
    if known == generation { (generation, verdict) } else { look(generation) }
}

#[cold]
fn look(generation: u64) -> (u64, Verdict) {
    let draft = SLOW.try_with(|slow| slow.draft.get()).ok().flatten();
    let verdict = match draft {
        // Only what is above can have changed.
        Some(draft) => tree::verdict(above_draft().as_ref()).below(draft.flags),
        None => tree::verdict(scope().as_ref()),
    };
    FAST.with(|fast| {
        fast.verdict.set(verdict);
        fast.generation.set(generation);
    });
    (generation, verdict)
}

/// The change that ended this generation was one of a place below the current scope: the verdict here stays known.
pub(crate) fn only_changed_below(ended: u64) {
    FAST.with(|fast| {
        if fast.generation.get() == ended {
            fast.generation.set(ended + 1);
        }
    });
}

/// The identity of the waker with which the innermost wrapper is polled.
#[inline]
pub(crate) fn waker() -> WakerId {
    FAST.with(Fast::waker)
}

/// Counts a checkpoint; tells whether it was the last one of the budget, which is to be renewed then.
#[inline]
pub(crate) fn count_checkpoint() -> bool {
    FAST.with(|fast| {
        let left = fast.left.get().wrapping_sub(1);
        fast.left.set(left);
        left == 0
    })
}

/// Counts a checkpoint, unless it is the last one of the budget, or not known in this generation not to be cancelled.
#[inline]
pub(crate) fn count_clear_checkpoint(generation: u64) -> bool {
    FAST.with(|fast| {
        let left = fast.left.get();
        let clear = left > 1 && fast.generation.get() == generation && !fast.verdict.get().is_cancelled();
        if clear {
            fast.left.set(left - 1);
        }
        clear
    })
}

/// How many checkpoints are left of the budget.
pub(crate) fn left() -> u32 {
    FAST.with(|fast| fast.left.get())
}

pub(crate) fn set_left(checkpoints: u32) {
    FAST.with(|fast| fast.left.set(checkpoints));
}

/// The current scope.
pub(crate) fn scope() -> Option<ScopeRef> {
    SLOW.try_with(|slow| {
        slow.make_draft();
        slow.place()
    })
    .ok()
    .flatten()
}

/// The place in which the draft in force is polled.
fn above_draft() -> Option<ScopeRef> {
    SLOW.try_with(Slow::place).ok().flatten()
}

/// Whether there is a current scope, be it a draft only. (A task has the scope of its group around it.)
#[inline]
pub(crate) fn has_scope() -> bool {
    SLOW.try_with(|slow| slow.draft.get().is_some() || peek(&slow.scope, Option::is_some)).unwrap_or(false)
}

/// The name of the nearest scope around that has one.
pub(crate) fn scope_name() -> Option<Arc<str>> {
    let mut at = scope();
    while let Some(host) = at {
        at = host.parent();
        let name = host.as_scope().and_then(|scope| scope.name());
        if name.is_some() {
            return name;
        }
    }
    None
}

/// The address of the current scope, 0 if there is none. It names the scope while someone holds it.
pub(crate) fn scope_address() -> usize {
    make_draft();
    if Sight::here().in_task {
        return peek_task(|task| task.map_or(0, |task| Arc::as_ptr(task).cast::<()>() as usize));
    }
    SLOW.try_with(|slow| peek(&slow.scope, |scope| scope.as_ref().map_or(0, address))).unwrap_or(0)
}

/// What names a scope while someone holds it.
pub(crate) fn address(scope: &ScopeRef) -> usize {
    Arc::as_ptr(scope).cast::<()>() as usize
}

/// The time by the clock in force.
#[inline]
pub(crate) fn now() -> Instant {
    match clock() {
        TimeSource(None) => Instant::now(),
        installed => installed.now(),
    }
}

/// The clock in force.
pub(crate) fn clock() -> TimeSource {
    SLOW.try_with(|slow| peek(&slow.clock, Clone::clone)).unwrap_or_default()
}

/// The current task.
pub(crate) fn task() -> Option<TaskRef> {
    peek_task(|task| task.cloned())
}

/// Runs `f` on the current task, which is not to be asked for in it.
#[inline]
pub(crate) fn peek_task<R>(f: impl FnOnce(Option<&TaskRef>) -> R) -> R {
    let task = SLOW.try_with(|slow| slow.task.take()).ok().flatten();
    let result = f(task.as_ref());
    let _ = SLOW.try_with(|slow| slow.task.set(task));
    result
}

/// The current run.
pub(crate) fn run() -> Option<Arc<RunRecord>> {
    SLOW.try_with(|slow| peek(&slow.run, Clone::clone)).ok().flatten()
}

/// Looks at the current run in place: nothing that `f` does may ask for it.
pub(crate) fn peek_run<R>(f: impl FnOnce(Option<&Arc<RunRecord>>) -> R) -> R {
    let run = SLOW.try_with(|slow| slow.run.take()).ok().flatten();
    let result = f(run.as_ref());
    let _ = SLOW.try_with(|slow| slow.run.set(run));
    result
}

/// Leaves in the record of the current task where it waits.
#[inline]
pub(crate) fn note(verb: Verb, place: &'static Location<'static>) {
    let _ = SLOW.try_with(|slow| {
        peek(&slow.task, |task| {
            if let Some(task) = task {
                task.record().note(verb, place);
            }
        });
    });
    if trial::is_any() {
        trial::note_wait();
    }
}

/// Exchanges a value with a cell of the context, and back when dropped.
struct Exchanged<'a, T: Default + 'static> {
    value: &'a mut T,
    cell: fn(&Slow) -> &Cell<T>,
}

impl<'a, T: Default> Exchanged<'a, T> {
    fn new(value: &'a mut T, cell: fn(&Slow) -> &Cell<T>) -> Self {
        let mut exchanged = Self { value, cell };
        exchanged.swap();
        exchanged
    }

    fn swap(&mut self) {
        let _ = SLOW.try_with(|slow| *self.value = (self.cell)(slow).replace(std::mem::take(self.value)));
    }
}

impl<T: Default> Drop for Exchanged<'_, T> {
    fn drop(&mut self) {
        self.swap();
    }
}

pub(crate) fn with_clock<R>(clock: &mut TimeSource, f: impl FnOnce() -> R) -> R {
    make_draft();
    let _exchanged = Exchanged::new(clock, |slow| &slow.clock);
    f()
}

/// Runs `f` with `task` as the current one, and with the place that is here.
pub(crate) fn with_task<R>(task: &mut Option<TaskRef>, f: impl FnOnce() -> R) -> R {
    let here = Sight::here();
    if here.in_task {
        let mut outer = None;
        let _visit = Visit::new(&mut outer, Frame { scope: scope(), sight: Sight { in_task: false, ..here } });
        let _exchanged = Exchanged::new(task, |slow| &slow.task);
        return f();
    }
    let _exchanged = Exchanged::new(task, |slow| &slow.task);
    f()
}

pub(crate) fn with_run<R>(run: &Arc<RunRecord>, f: impl FnOnce() -> R) -> R {
    swap_run(&mut Some(run.clone()), f)
}

pub(crate) fn swap_run<R>(run: &mut Option<Arc<RunRecord>>, f: impl FnOnce() -> R) -> R {
    let _budget = if trial::is_any() { budget::Exchanged::new(run.as_deref()) } else { None };
    let _exchanged = Exchanged::new(run, |slow| &slow.run);
    f()
}
