//! What the packages of others ask for.

use std::{
    collections::{BTreeSet, HashMap},
    process::Command,
};

use crate::workspace::{crates, hold, read, root, root_manifest};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Node, Package, PackageId, semver::Version};

fn host() -> String {
    let words =
        Command::new(option_env!("RUSTC").unwrap_or("rustc")).arg("-vV").output().expect("rustc can be run").stdout;
    let words = String::from_utf8(words).expect("rustc tells its host in plain letters");
    words.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc tells its host").into()
}

/// Only what was downloaded to build this test is there for sure, so nothing is asked of the network, and of the packages
/// only those of this platform.
fn metadata() -> Metadata {
    let options = ["--offline", "--locked", "--filter-platform"].map(String::from).into_iter().chain([host()]);
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(options.collect::<Vec<_>>())
        .exec()
        .expect("cargo can tell about the workspace without the network")
}

fn is_built_from(node: &Node) -> impl Iterator<Item = &PackageId> {
    let counts = |kind: DependencyKind| matches!(kind, DependencyKind::Normal | DependencyKind::Build);
    node.deps.iter().filter(move |dep| dep.dep_kinds.iter().any(|info| counts(info.kind))).map(|dep| &dep.pkg)
}

#[test]
fn no_dependency_asks_for_a_newer_rust() {
    let promised = root_manifest()["workspace"]["package"]["rust-version"].as_str().map(|text| format!("{text}.0"));
    let promised: Version = promised.and_then(|text| text.parse().ok()).expect("the workspace promises a Rust version");
    let metadata = metadata();
    let packages: HashMap<&PackageId, &Package> =
        metadata.packages.iter().map(|package| (&package.id, package)).collect();
    let nodes = &metadata.resolve.as_ref().expect("cargo resolved the workspace").nodes;
    let nodes: HashMap<&PackageId, &Node> = nodes.iter().map(|node| (&node.id, node)).collect();

    let ours = metadata.workspace_packages();
    let published = ours.iter().filter(|package| package.publish != Some(vec![]));
    let mut ahead: Vec<&PackageId> = published.map(|package| &package.id).collect();
    let mut seen = BTreeSet::new();
    let mut broken = Vec::new();
    while let Some(id) = ahead.pop() {
        if !seen.insert(id) {
            continue;
        }
        let package = packages[id];
        if let Some(asked) = &package.rust_version
            && *asked > promised
        {
            broken.push(format!(
                "{} {} asks for Rust {asked}: take an older one, or another",
                package.name, package.version
            ));
        }
        ahead.extend(is_built_from(nodes[id]));
    }
    assert!(seen.len() > 10, "the walk did not get anywhere: {seen:?}");
    hold(&format!("Users may have Rust {promised}, so what we are built from may not ask for more."), broken);
}

#[test]
fn architecture_tells_why_we_have_each_dependency() {
    let text = read(&root().join("ARCHITECTURE.md"));
    let mut broken = BTreeSet::new();
    for member in crates().iter().filter(|member| member.is_published()) {
        for dependency in member.dependencies().iter().filter(|dependency| dependency.folder().is_none()) {
            if !text.contains(&format!("`{}`", dependency.package)) {
                broken.insert(format!("`{}`, a dependency of `{}`", dependency.package, member.folder));
            }
        }
    }
    hold(
        "ARCHITECTURE.md has a line for each dependency: what it does for us, what we would have to write without it.",
        broken.into_iter().collect(),
    );
}

#[test]
fn architecture_names_each_crate() {
    let text = read(&root().join("ARCHITECTURE.md"));
    let unnamed =
        crates().into_iter().map(|member| member.folder).filter(|folder| !text.contains(&format!("`{folder}`")));
    hold("ARCHITECTURE.md has a row for each crate.", unnamed.collect());
}
