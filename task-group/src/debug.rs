//! The task tree, to look at.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
    time::Instant,
};

use anyio_cancel_scope::host::{Host, TaskRef};

use crate::{
    TaskId, TaskInfo,
    hub::Hub,
    registry,
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
    let picture = Picture::take();
    let (mut lines, mut tasks) = (Vec::new(), Vec::new());
    let roots = picture.roots.iter().cloned().map(Place::Task);
    let top = picture.top.iter().cloned().map(Place::Group);
    // A work list, for the tree may be deeper than the stack: what is drawn first lies on top.
    let mut work: Vec<(Place, usize, u64)> = roots.chain(top).map(|place| (place, 0, 0)).collect();
    work.reverse();
    while let Some((place, depth, last)) = work.pop() {
        let (text, below) = match place {
            Place::Task(task) => {
                let Some(info) = TaskInfo::of(&task) else { continue };
                let drawn = (Picture::text_of_task(&info), picture.groups_of(info.id()));
                tasks.push(info);
                drawn
            }
            Place::Group(hub) => (picture.text_of_group(&hub), members_of(&hub)),
        };
        lines.push(Line { depth, last, text });
        let depth = depth + 1;
        let bit = 1 << depth.min(DEEPEST);
        let end = below.len().saturating_sub(1);
        let below = below.into_iter().enumerate();
        work.extend(below.rev().map(|(at, place)| (place, depth, if at == end { last | bit } else { last & !bit })));
    }
    TaskTree { lines, tasks }
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

struct Picture {
    roots: Vec<TaskRef>,
    /// Groups whose host is none of our tasks.
    top: Vec<Arc<Hub>>,
    hosted: HashMap<TaskId, Vec<Arc<Hub>>>,
    now: Instant,
}

impl Picture {
    fn take() -> Self {
        let roots = registry::roots();
        let groups = registry::groups();
        let id = |task: &TaskRef| header(task).map(Header::id);
        let known: HashSet<TaskId> = roots
            .iter()
            .filter_map(id)
            .chain(groups.iter().flat_map(|hub| hub.members()).filter_map(|task| id(&task)))
            .collect();
        let (mut top, mut hosted) = (Vec::new(), HashMap::<TaskId, Vec<Arc<Hub>>>::new());
        for hub in groups {
            match hub.host.filter(|host| known.contains(host)) {
                Some(host) => hosted.entry(host).or_default().push(hub),
                None => top.push(hub),
            }
        }
        Self { roots, top, hosted, now: anyio_cancel_scope::now() }
    }

    fn groups_of(&self, task: TaskId) -> Vec<Place> {
        self.hosted.get(&task).into_iter().flatten().cloned().map(Place::Group).collect()
    }

    fn text_of_task(info: &TaskInfo) -> String {
        let name = info.name().escape_debug();
        let mut text = format!("{} {name}: {:?}, started at {}", info.id(), info.state(), info.started_at());
        if let Some((verb, place)) = info.waiting() {
            text += &format!(", waits in {verb} at {place}");
        }
        text
    }

    fn text_of_group(&self, hub: &Hub) -> String {
        let (scope, node) = (&hub.scope, hub.scope.node());
        let mut text = format!("{} at {}", hub.verb, hub.place);
        if let Some(label) = scope.label() {
            text += &format!(" {label:?}");
        }
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
