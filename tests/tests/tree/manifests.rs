//! What every crate's manifest and folder have.

use std::collections::HashMap;

use toml::Value;

use crate::workspace::{crates, files_below, hold, read, root, shown};

#[test]
fn a_package_is_named_after_its_folder() {
    let mut broken = Vec::new();
    for member in crates() {
        let right = match member.folder.as_str() {
            "facade" => String::from("anyio"),
            folder => format!("anyio-{folder}"),
        };
        let name = member.package("name").and_then(Value::as_str).unwrap_or_default();
        if name != right {
            broken.push(format!("the package in `{}` is named `{name}`, not `{right}`", member.folder));
        }
    }
    hold("A package is named `anyio-` and its folder; the facade is `anyio`.", broken);
}

#[test]
fn a_crate_says_what_it_is() {
    let mut broken = Vec::new();
    for member in crates() {
        let description = member.package("description").and_then(Value::as_str).unwrap_or_default();
        if description.len() < 20 {
            broken
                .push(format!("`{}`: its description is {description:?}: say in a sentence what it is", member.folder));
        }
        if member.package("readme").and_then(Value::as_str) != Some("README.md") {
            broken.push(format!("`{}`: write readme = \"README.md\"", member.folder));
        }
        let readme = member.path.join("README.md");
        if !readme.exists() || read(&readme).lines().count() < 5 {
            broken.push(format!("`{}`: its README.md is missing, or says nothing", member.folder));
        }
    }
    hold(
        "A crate has a description and a README.md that says what it is, when not to use it, and its contract.",
        broken,
    );
}

#[test]
fn keywords_are_such_as_crates_io_takes() {
    let mut broken = Vec::new();
    for member in crates() {
        let keywords = member.package("keywords").and_then(Value::as_array).cloned().unwrap_or_default();
        if keywords.is_empty() || keywords.len() > 5 {
            broken.push(format!("`{}` has {} keywords: give it one to five", member.folder, keywords.len()));
        }
        for keyword in keywords.iter().filter_map(Value::as_str) {
            if keyword.len() > 20 {
                broken.push(format!("`{}`: the keyword {keyword:?} is longer than 20 letters", member.folder));
            }
        }
    }
    hold("A crate has one to five keywords, of 20 letters at most: more is refused when it is published.", broken);
}

#[test]
fn a_crate_carries_its_licences() {
    let mut broken = Vec::new();
    for member in crates() {
        for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
            let path = member.path.join(licence);
            if !path.exists() || read(&path) != read(&root().join(licence)) {
                broken.push(format!("`{}/{licence}` is missing, or is not that of the root: copy it", member.folder));
            }
        }
    }
    hold("A crate carries the licences of the workspace.", broken);
}

#[test]
fn what_crates_share_is_inherited() {
    let mut broken = Vec::new();
    for member in crates().iter().filter(|member| member.folder != "benches") {
        for key in ["edition", "rust-version", "license", "version"] {
            let inherits = member.package(key).and_then(|value| value.get("workspace")).and_then(Value::as_bool);
            if inherits != Some(true) {
                broken.push(format!("`{}`: write {key}.workspace = true", member.folder));
            }
        }
        let lints = member.manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool);
        if lints != Some(true) {
            broken.push(format!("`{}`: write [lints] workspace = true", member.folder));
        }
    }
    hold("Edition, Rust version, licence, version and lints are the workspace's.", broken);
}

#[test]
fn versions_of_packages_stand_in_the_root() {
    let mut broken = Vec::new();
    for member in crates().iter().filter(|member| member.folder != "benches") {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, spec) in member.manifest.get(kind).and_then(Value::as_table).into_iter().flatten() {
                if spec.is_str() || spec.get("version").is_some() {
                    broken.push(format!(
                        "`{}`: write {name}.workspace = true, and its version in the root",
                        member.folder
                    ));
                }
            }
        }
    }
    hold("A version of a package stands once, in the table of the workspace.", broken);
}

#[test]
fn examples_stand_in_the_facade_and_have_names_of_their_own() {
    let mut broken = Vec::new();
    let mut names = HashMap::new();
    for member in crates() {
        let folder = member.path.join("examples");
        for path in files_below(&folder, |path| path.extension().is_some_and(|end| end == "rs")) {
            if member.folder != "facade" {
                broken.push(format!("{}: move it to facade/examples, or into the crate's README", shown(&path)));
            }
            let inside = path.strip_prefix(&folder).expect("it was found below");
            let is_program = inside.components().count() == 1 || inside.ends_with("main.rs");
            let first = inside.components().next().expect("a file has a name").as_os_str();
            let name = first.to_string_lossy().trim_end_matches(".rs").to_string();
            if is_program && let Some(other) = names.insert(name, shown(&path)) {
                broken.push(format!(
                    "{} and {other} have one name, and `cargo run --example` would not know",
                    shown(&path)
                ));
            }
        }
    }
    hold("Runnable examples stand in facade/examples, each under a name of its own.", broken);
}
