//! The task tree, to look at.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
    time::Instant,
};

use anyio_cancel_scope::{
    RunRecord,
    host::{Host, ScopeNode, TaskRef, Trial},
};

use crate::{
    TaskId, TaskInfo,
    hub::Hub,
    registry::{self, Root},
    task::{Header, header},
};

/// All tasks of the process as they are now: what [`task_tree`] gives.
///
/// [`Display`](fmt::Display) draws it; [`tasks`](Self::tasks) lists it.
#[derive(Debug, Clone)]
pub struct TaskTree {
    lines: Vec<Line>,
    tasks: Vec<TaskInfo>,
}

impl TaskTree {
    /// The tasks, hosts before their children.
    pub fn tasks(&self) -> &[TaskInfo] {
        &self.tasks
    }
}

impl fmt::Display for TaskTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| line.draw(f))
    }
}

/// How deep the drawing indents: what lies deeper tells its depth, for a line that grows with it could not be read.
const DEEPEST: usize = 32;

/// One line of the drawing.
#[derive(Debug, Clone)]
struct Line {
    depth: usize,
    /// Bit `n`: the branch at depth `n`, counted from 1, is the last one of its parent.
    last: u64,
    text: String,
}

impl Line {
    fn draw(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_last = |depth: usize| self.last >> depth & 1 == 1;
        for depth in 1..self.depth.min(DEEPEST) {
            f.write_str(if is_last(depth) { "   " } else { "│  " })?;
        }
        match self.depth {
            0 => {}
            1..=DEEPEST => f.write_str(if is_last(self.depth) { "└─ " } else { "├─ " })?,
            deep => write!(f, "└─ ({deep} levels deep) ")?,
        }
        writeln!(f, "{}", self.text)
    }
}

/// Takes a picture of all tasks of the process: their groups, names, states, and where each of them waits.
///
/// It looks at running tasks from outside, so a task that is on its way from one wait to the next may be shown in either.
/// Tasks of other executors are not known; a group that one of them awaits stands at the top.
///
/// # Examples
/// ```
/// use anyio_cancel_scope::{sleep_forever, yield_now};
/// use anyio_task_group::{debug::task_tree, task_group};
/// use std::io;
///
/// # futures_lite::future::block_on(async {
/// task_group(async |tg| -> io::Result<()> {
///     tg.task("reader").start_soon(async { Ok(sleep_forever().await?) });
///     yield_now().await;
///     let tree = task_tree().to_string();
///     assert!(tree.contains("reader") && tree.contains("sleep_forever"), "{tree}");
///     tg.cancel();
///     Ok(())
/// }).await?;
/// # io::Result::Ok(()) }).unwrap();
/// ```
pub fn task_tree() -> TaskTree {
    let run = RunRecord::current();
    Picture::take(run.trial()).draw()
}

/// The tasks of the watched run of which this is the root, and those of its threads that are root tasks of their own.
pub(crate) fn tree_of(root: &TaskRef, trial: &Trial) -> TaskTree {
    let mut picture = Picture::take(Some(trial));
    picture.roots.retain(|other| other.trial == trial.id() && !Arc::ptr_eq(&other.task, root));
    picture.roots.insert(0, Root { task: root.clone(), trial: trial.id() });
    picture.top.retain(|hub| hub.trial == trial.id());
    picture.draw()
}

/// The tasks that were started in a watched run, and have not ended.
pub(crate) fn tasks_of(trial: &Trial) -> Vec<TaskInfo> {
    let groups = registry::groups().into_iter().filter(|hub| hub.trial == trial.id());
    let mut tasks: Vec<_> = groups.flat_map(|hub| hub.members()).filter_map(|task| TaskInfo::of(&task)).collect();
    tasks.sort_by_key(TaskInfo::id);
    tasks
}

/// What stands in the tree: tasks, and the groups that they host.
enum Place {
    Task(TaskRef),
    Group(Arc<Hub>),
}

fn members_of(hub: &Hub) -> Vec<Place> {
    let mut members = hub.members();
    members.sort_by_key(|task| header(task).map(Header::id));
    members.into_iter().map(Place::Task).collect()
}

struct Picture<'a> {
    roots: Vec<Root<TaskRef>>,
    /// Groups whose host is none of our tasks.
    top: Vec<Arc<Hub>>,
    hosted: HashMap<TaskId, Vec<Arc<Hub>>>,
    now: Instant,
    /// Knows in which scopes tasks wait.
    trial: Option<&'a Trial>,
}

impl<'a> Picture<'a> {
    fn take(trial: Option<&'a Trial>) -> Self {
        let roots = registry::roots();
        let groups = registry::groups();
        let id = |task: &TaskRef| header(task).map(Header::id);
        let known: HashSet<TaskId> = roots
            .iter()
            .filter_map(|root| id(&root.task))
            .chain(groups.iter().flat_map(|hub| hub.members()).filter_map(|task| id(&task)))
            .collect();
        let (mut top, mut hosted) = (Vec::new(), HashMap::<TaskId, Vec<Arc<Hub>>>::new());
        for hub in groups {
            match hub.host.filter(|host| known.contains(host)) {
                Some(host) => hosted.entry(host).or_default().push(hub),
                None => top.push(hub),
            }
        }
        Self { roots, top, hosted, now: anyio_cancel_scope::now(), trial }
    }

    fn draw(&self) -> TaskTree {
        let (mut lines, mut tasks) = (Vec::new(), Vec::new());
        let roots = self.roots.iter().map(|root| Place::Task(root.task.clone()));
        let top = self.top.iter().cloned().map(Place::Group);
        // A work list, for the tree may be deeper than the stack: what is drawn first lies on top.
        let mut work: Vec<(Place, usize, u64)> = roots.chain(top).map(|place| (place, 0, 0)).collect();
        work.reverse();
        while let Some((place, depth, last)) = work.pop() {
            let (text, below) = match place {
                Place::Task(task) => {
                    let Some(info) = TaskInfo::of(&task) else { continue };
                    let drawn = (self.text_of_task(&task, &info), self.groups_of(info.id()));
                    tasks.push(info);
                    drawn
                }
                Place::Group(hub) => (self.text_of_group(&hub), members_of(&hub)),
            };
            lines.push(Line { depth, last, text });
            let depth = depth + 1;
            let bit = 1 << depth.min(DEEPEST);
            let end = below.len().saturating_sub(1);
            let below = below.into_iter().enumerate();
            work.extend(
                below.rev().map(|(at, place)| (place, depth, if at == end { last | bit } else { last & !bit })),
            );
        }
        TaskTree { lines, tasks }
    }

    fn groups_of(&self, task: TaskId) -> Vec<Place> {
        self.hosted.get(&task).into_iter().flatten().cloned().map(Place::Group).collect()
    }

    fn text_of_task(&self, task: &TaskRef, info: &TaskInfo) -> String {
        let name = info.name().escape_debug();
        let mut text = format!("{} {name}: {:?}, started at {}", info.id(), info.state(), info.started_at());
        if let Some((verb, place)) = info.waiting() {
            text += &format!(", waits in {verb} at {place}");
            text += &self.text_of_scopes_around(task);
        }
        text
    }

    /// The scopes inside of the task in which it waits, from the inmost outwards, as far as they are known.
    fn text_of_scopes_around(&self, task: &TaskRef) -> String {
        let mut text = String::new();
        let mut at = self.trial.and_then(|trial| trial.wait_of(task));
        while let Some(host) = at {
            at = host.parent();
            // Groups have lines of their own, and the task's own scope ends the walk.
            let Some(scope) = host.clone().as_scope().filter(|scope| scope.owner().is_none()) else {
                if Arc::as_ptr(&host).cast::<()>() == Arc::as_ptr(task).cast::<()>() {
                    break;
                }
                continue;
            };
            let flags = self.flags_of(&scope);
            match (scope.label(), flags.strip_prefix(", ")) {
                (Some(label), Some(flags)) => text += &format!(", in scope {label:?} ({flags})"),
                (Some(label), None) => text += &format!(", in scope {label:?}"),
                (None, Some(flags)) => text += &format!(", in a scope ({flags})"),
                (None, None) => {}
            }
        }
        text
    }

    fn text_of_group(&self, hub: &Hub) -> String {
        let mut text = format!("{} at {}", hub.verb, hub.place);
        if let Some(label) = hub.scope.label() {
            text += &format!(" {label:?}");
        }
        text + &self.flags_of(&hub.scope)
    }

    fn flags_of(&self, scope: &Arc<ScopeNode>) -> String {
        let mut text = String::new();
        let node = scope.node();
        if let Some(cause) = anyio_cancel_scope::host::cause_at(&(scope.clone() as _)) {
            text += &format!(", cancelled because {cause}");
        }
        if node.is_shielded() {
            text += ", shielded";
        }
        if node.is_stopping() {
            text += ", stopping";
        }
        if let Some(end) = scope.ends_at() {
            match end.checked_duration_since(self.now) {
                Some(left) => text += &format!(", {left:.1?} left"),
                None => text += ", deadline passed",
            }
        }
        text
    }
}
