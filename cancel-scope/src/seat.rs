//! How a wrapper future holds its scope: what it does at each poll, whatever it wraps.
//!
//! # Invariants
//! 1. Between polls `scope` is `Some`; during a poll it is in the ambient context, and comes back also when the poll
//!    unwinds. (A draft that becomes a seat during its poll keeps what was there before in that place meanwhile.)
//! 2. A waker is registered only after the body returned `Pending`, and only when it is another than before. Then, if the
//!    generation moved while the body was polled and the scope is cancelled now, the wrapper wakes itself once: whoever
//!    changed something may have looked for the waker before it was there. That it was cancelled when the poll began says
//!    nothing, for a shield may have hidden it meanwhile. A waker that was there before needs none of this.
//! 3. The scope enters its parent's list only when it is polled with another waker than the enclosing wrapper: else that
//!    waker reaches it. Invariant 2 holds for that entry too.

use std::{
    cell::Cell,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use crate::{
    ambient::{self, Frame, Sight, Visit, address},
    clock::TimeSource,
    draft::Draft,
    expiry::Limit,
    generation,
    node::{CANCELLED, SHIELDED, ScopeRef},
    scope_node::ScopeNode,
    tree::{self, Verdict},
    waker_id::WakerId,
};

/// A wrapper's hold on the scope that it runs.
pub struct Seat {
    scope: Option<ScopeRef>,
    node: Arc<ScopeNode>,
    /// The address of the parent: the scope in which this was last polled. 0 if there is none, or it cannot be.
    parent: usize,
    registered: WakerId,
    listed: bool,
    /// It began as a draft, so it may be kept for another one when it is left: see there.
    drafted: bool,
    state: State,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Built,
    Begun,
    Armed,
    Left,
    /// Left, and nobody else knows the scope.
    Spare,
}

impl Seat {
    /// A hold on `node`, which has not begun.
    pub fn new(node: Arc<ScopeNode>) -> Self {
        Self {
            scope: Some(node.clone()),
            node,
            parent: 0,
            registered: WakerId::NONE,
            listed: false,
            drafted: false,
            state: State::Built,
        }
    }

    /// A seat for drafts.
    pub(crate) fn of_draft() -> Self {
        let mut seat = Self::new(ScopeNode::new(0, Limit::Never, None));
        seat.drafted = true;
        seat
    }

    /// Makes the draft in force, or the one that was, a place in the tree: below `parent`, with what wakes its task.
    pub(crate) fn begin(&mut self, draft: Draft, parent: Option<ScopeRef>, clock: TimeSource, waker: Option<&Waker>) {
        self.parent = parent.as_ref().map_or(0, address);
        self.registered = waker.map_or(WakerId::NONE, WakerId::of);
        self.listed = false;
        let armed = self.node.begin_draft(draft, parent, clock, waker.cloned());
        self.state = if armed { State::Armed } else { State::Begun };
    }

    /// Whether it can be used for another draft.
    pub(crate) fn is_spare(&self) -> bool {
        self.state == State::Spare
    }

    /// The scope goes into the ambient context and leaves what was there before here, or comes back from there.
    pub(crate) fn exchange_scope(&mut self, cell: &Cell<Option<ScopeRef>>) {
        self.scope = cell.replace(self.scope.take());
    }

    /// The scope.
    pub fn node(&self) -> &Arc<ScopeNode> {
        &self.node
    }

    /// Polls `body` inside the scope. When it is ready the scope is left, and what [`Exit`] then says holds.
    pub fn poll<R>(&mut self, cx: &mut Context<'_>, body: impl FnOnce(&mut Context<'_>) -> Poll<R>) -> Poll<R> {
        self.sit();
        // The generation before the flags: a change in between makes the cached verdict one of an older generation.
        let (generation, outer) = ambient::verdict();
        let entry = outer.below(self.node.node.flags());
        let waker = WakerId::of(cx.waker());
        let polled = {
            let sight = Sight { generation, verdict: entry, waker, in_task: false };
            let frame = Frame { scope: self.scope.take(), sight };
            let _visit = Visit::new(&mut self.scope, frame);
            body(cx)
        };
        match &polled {
            Poll::Ready(_) => self.leave(),
            Poll::Pending => self.settle(cx, waker, generation, entry, false),
        }
        polled
    }

    /// What holds in this scope, for code that is polled in the enclosing one.
    pub(crate) fn verdict(&self) -> Verdict {
        ambient::verdict().1.below(self.node.node.flags())
    }

    /// Whether the scope is cancelled and nobody above who is visible to it is (R7), for code in the enclosing scope.
    pub fn may_absorb(&self) -> bool {
        Exit::of(&self.node) == Exit::Absorbs
    }

    /// Finds the parent, and takes the place below it.
    fn sit(&mut self) {
        let here = ambient::scope_address();
        let accepted = match self.state {
            State::Built => {
                // What the scope does to itself on entry changes nothing for the enclosing one, whose verdict stays known.
                ambient::verdict();
                self.state = State::Begun;
                let begun = self.node.begin_run(ambient::scope());
                if let Some(ended) = begun.ended {
                    ambient::only_changed_below(ended);
                }
                begun.accepted
            }
            State::Begun | State::Armed if here != self.parent => {
                self.listed = false;
                self.node.move_to(ambient::scope())
            }
            State::Begun | State::Armed | State::Left | State::Spare => return,
        };
        self.parent = if accepted { here } else { 0 };
    }

    /// Sees to it that whatever ends the scope wakes the task; `generation` and `entry` are those of before its poll.
    /// `new` tells that the scope is where it can be found only now.
    pub(crate) fn settle(&mut self, cx: &Context<'_>, waker: WakerId, generation: u64, entry: Verdict, mut new: bool) {
        if waker != self.registered {
            self.node.set_waker(cx.waker());
            self.registered = waker;
            new = true;
        }
        if self.parent != 0 && !self.listed && ambient::waker() != waker {
            let scope: ScopeRef = self.node.clone();
            tree::list_up(&scope);
            self.listed = true;
            new = true;
        }
        if self.state == State::Begun {
            self.state = State::Armed;
            self.node.arm();
        }
        // By invariant 2.
        if new && generation::current() != generation {
            let now = self.verdict();
            if now.is_cancelled() || now.is_stopping() != entry.is_stopping() {
                cx.waker().wake_by_ref();
            }
        }
    }

    pub(crate) fn leave(&mut self) {
        if matches!(self.state, State::Begun | State::Armed) {
            self.state = State::Left;
            if self.drafted {
                // This seat has two handles of it.
                if self.node.end_draft(2) {
                    self.state = State::Spare;
                }
            } else {
                self.node.end_run();
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
        if self.state == State::Spare {
            self.node.end_alarm();
        }
    }
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seat").field("node", &self.node).finish_non_exhaustive()
    }
}

/// What becomes of a `Cancelled` that reaches the edge of a scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// The scope is the outermost visible one that is cancelled: it ends here.
    Absorbs,
    /// It goes on outwards.
    Passes,
}

impl Exit {
    /// Decides it by the state at this moment (R7), for code in the scope that encloses `node`.
    pub(crate) fn of(node: &ScopeNode) -> Self {
        let flags = node.node.flags();
        if flags & CANCELLED == 0 {
            return Self::Passes;
        }
        if flags & SHIELDED != 0 {
            return Self::Absorbs;
        }
        if ambient::verdict().1.is_cancelled() {
            return Self::Passes;
        }
        // Where an enclosing scope has the same deadline, the timer may have come to this one first. It may also come to that
        // one just now, so what holds is looked at again in any case.
        node.tell_earlier_deadlines(ambient::scope());
        if ambient::verdict().1.is_cancelled() { Self::Passes } else { Self::Absorbs }
    }
}
