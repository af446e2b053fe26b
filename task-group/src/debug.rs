//! The task tree, to look at.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
    time::Instant,
};

use anyio_cancel_scope::host::{Host, TaskRef};

use crate::{TaskId, TaskInfo, hub::Hub, registry, task::header};

/// All tasks of the process as they are now: what [`task_tree`] gives.
///
/// [`Display`](fmt::Display) draws it; [`tasks`](Self::tasks) lists it.
#[derive(Debug, Clone)]
pub struct TaskTree {
    drawing: String,
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
        f.write_str(&self.drawing)
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
    let mut picture = Picture::take();
    let mut drawing = String::new();
    let mut tasks = Vec::new();
    let roots = std::mem::take(&mut picture.roots);
    for root in roots {
        picture.draw_task(&root, "", "", &mut drawing, &mut tasks);
    }
    let top: Vec<Arc<Hub>> = picture.top.clone();
    for hub in top {
        picture.draw_group(&hub, "", "", &mut drawing, &mut tasks);
    }
    TaskTree { drawing, tasks }
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
        let id = |task: &TaskRef| header(task).map(|header| header.id());
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

    fn draw_task(&self, task: &TaskRef, first: &str, rest: &str, out: &mut String, tasks: &mut Vec<TaskInfo>) {
        let Some(info) = TaskInfo::of(task) else { return };
        let (id, name, state, at) = (info.id(), info.name(), info.state(), info.started_at());
        *out += &format!("{first}{id} {name}: {state:?}, started at {at}");
        if let Some((verb, place)) = info.waiting() {
            *out += &format!(", waits in {verb} at {place}");
        }
        out.push('\n');
        tasks.push(info);
        let groups = self.hosted.get(&id).map(Vec::as_slice).unwrap_or_default();
        for (at, hub) in groups.iter().enumerate() {
            let (first, rest) = indent(rest, at + 1 == groups.len());
            self.draw_group(hub, &first, &rest, out, tasks);
        }
    }

    fn draw_group(&self, hub: &Hub, first: &str, rest: &str, out: &mut String, tasks: &mut Vec<TaskInfo>) {
        *out += &format!("{first}{} at {}", hub.verb, hub.place);
        let (scope, node) = (&hub.scope, hub.scope.node());
        if let Some(label) = scope.label() {
            *out += &format!(" \"{label}\"");
        }
        if let Some(cause) = anyio_cancel_scope::host::cause_at(&(scope.clone() as _)) {
            *out += &format!(", cancelled because {cause}");
        }
        if node.is_shielded() {
            *out += ", shielded";
        }
        if node.is_stopping() {
            *out += ", stopping";
        }
        if let Some(end) = scope.ends_at() {
            match end.checked_duration_since(self.now) {
                Some(left) => *out += &format!(", {left:.1?} left"),
                None => *out += ", deadline passed",
            }
        }
        out.push('\n');
        let mut members = hub.members();
        members.sort_by_key(|task| header(task).map(|header| header.id()));
        for (at, task) in members.iter().enumerate() {
            let (first, rest) = indent(rest, at + 1 == members.len());
            self.draw_task(task, &first, &rest, out, tasks);
        }
    }
}

fn indent(rest: &str, last: bool) -> (String, String) {
    if last {
        (format!("{rest}└─ "), format!("{rest}   "))
    } else {
        (format!("{rest}├─ "), format!("{rest}│  "))
    }
}
