//! All groups. A new one is a file here, and a line in the table.

mod core;
mod files;
mod handover;
mod streams;
mod testing;
mod threads;

use crate::case::Group;

pub(crate) static GROUPS: &[Group] =
    &[core::GROUP, files::GROUP, handover::GROUP, streams::GROUP, testing::GROUP, threads::GROUP];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::case::OURS;

    #[test]
    fn names_are_there_once() {
        let mut groups = HashSet::new();
        for group in GROUPS {
            assert!(groups.insert(group.name), "two groups `{}`", group.name);
            let mut cases = HashSet::new();
            for case in group.cases {
                assert!(cases.insert(case.id), "two cases `{}` in `{}`", case.id, group.name);
                let mut names = HashSet::new();
                for contestant in (case.contestants)() {
                    assert!(names.insert(contestant.who), "two contestants `{}` in `{}`", contestant.who, case.id);
                }
                assert!(names.contains(OURS), "`{}` is not about ours", case.id);
                assert!(case.size > 0, "`{}` has no operations", case.id);
            }
        }
    }

    #[test]
    fn bars_are_about_contestants() {
        for case in GROUPS.iter().flat_map(|group| group.cases) {
            let names: Vec<&str> = (case.contestants)().iter().map(|one| one.who).collect();
            for name in case.bars.iter().flat_map(|bar| bar.names()) {
                assert!(names.contains(&name.as_str()), "a bar of `{}` is about `{name}`, who is not there", case.id);
            }
        }
    }

    #[test]
    fn every_contestant_runs() {
        for case in GROUPS.iter().flat_map(|group| group.cases).filter(|case| case.size <= 10) {
            for mut contestant in (case.contestants)() {
                let figure = contestant.run(10).per_operation(10 * case.size);
                assert!(figure.is_finite() && figure >= 0.0, "{} of `{}`: {figure}", contestant.who, case.id);
            }
        }
    }
}
