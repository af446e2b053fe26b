//! The names that the facade makes public, against the list in `public-names.txt`, so that none comes or goes unseen.
//!
//! The names are read from the `pub use` lines of the facade and of the crates that it re-exports as modules. Methods are
//! not listed: the uses in `tests/surface` hold those.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use syn::{Attribute, Item, ItemUse, UseTree, Visibility};

use crate::workspace::{crates, read, root};

/// What one `pub use` or one public item gives: the path behind it, and the name it has here.
struct Export {
    path: Vec<String>,
    name: String,
}

#[test]
fn the_public_names_are_those_of_the_list() {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tree/public-names.txt");
    let now: BTreeSet<String> = public_names();
    if env::var_os("UPDATE_PUBLIC_NAMES").is_some() {
        let lines: String = now.iter().map(|name| format!("{name}\n")).collect();
        fs::write(&list, lines).expect("the list can be written");
    }
    let text = read(&list);
    let listed: BTreeSet<String> = text.lines().map(String::from).collect();
    let new: Vec<&String> = now.difference(&listed).collect();
    let gone: Vec<&String> = listed.difference(&now).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "the facade's public names differ from public-names.txt\n  new: {new:?}\n  gone: {gone:?}\n\
         If that is what you want, write the list with\n  \
         UPDATE_PUBLIC_NAMES=1 cargo test -p anyio-tests --test tree public_names"
    );
}

fn public_names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let facade = root().join("facade/src");
    list(&facade, &facade.join("lib.rs"), "anyio", &mut names);
    names
}

/// Lists what `file` exports under `at`, and what the modules in it export.
fn list(src: &Path, file: &Path, at: &str, names: &mut BTreeSet<String>) {
    let parsed = syn::parse_file(&read(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    list_items(src, &parsed.items, at, names);
}

fn list_items(src: &Path, items: &[Item], at: &str, names: &mut BTreeSet<String>) {
    for item in items {
        if let Item::Mod(module) = item
            && is_public(&module.vis)
            && !is_hidden(&module.attrs)
        {
            let here = format!("{at}::{}", module.ident);
            names.insert(format!("{here} (module)"));
            match &module.content {
                Some((_, items)) => list_items(src, items, &here, names),
                None => list(src, &src.join(format!("{}.rs", module.ident)), &here, names),
            }
        }
        for Export { path, name } in exports(item) {
            let here = format!("{at}::{name}");
            match module_behind(&path) {
                Some((src, file)) => {
                    names.insert(format!("{here} (module)"));
                    list(&src, &file, &here, names);
                }
                None => drop(names.insert(here)),
            }
        }
    }
}

/// The source of a module of ours that is re-exported: a crate as a whole, or a module in its `lib.rs`.
fn module_behind(path: &[String]) -> Option<(PathBuf, PathBuf)> {
    let [package, inside @ ..] = path else { return None };
    let member = crates().into_iter().find(|member| {
        let name = member.package("name").and_then(toml::Value::as_str).unwrap_or_default();
        name.replace('-', "_") == *package
    })?;
    let src = member.path.join("src");
    match inside {
        [] => Some((src.clone(), src.join("lib.rs"))),
        [module] => {
            let parsed = syn::parse_file(&read(&src.join("lib.rs"))).ok()?;
            let is_module = parsed.items.iter().any(
                |item| matches!(item, Item::Mod(found) if is_public(&found.vis) && found.ident == module.as_str()),
            );
            let file = [src.join(format!("{module}.rs")), src.join(module).join("mod.rs")];
            let file = file.into_iter().find(|file| file.exists())?;
            is_module.then_some((src, file))
        }
        _ => None,
    }
}

/// What an item gives to those who see the module that it stands in.
fn exports(item: &Item) -> Vec<Export> {
    let (attrs, visibility, name) = match item {
        Item::Use(item) => return if is_hidden(&item.attrs) { Vec::new() } else { uses(item) },
        Item::Const(item) => (&item.attrs, &item.vis, &item.ident),
        Item::Enum(item) => (&item.attrs, &item.vis, &item.ident),
        Item::Fn(item) => (&item.attrs, &item.vis, &item.sig.ident),
        Item::Static(item) => (&item.attrs, &item.vis, &item.ident),
        Item::Struct(item) => (&item.attrs, &item.vis, &item.ident),
        Item::Trait(item) => (&item.attrs, &item.vis, &item.ident),
        Item::Type(item) => (&item.attrs, &item.vis, &item.ident),
        Item::Macro(item) => {
            let is_exported = item.attrs.iter().any(|attr| attr.path().is_ident("macro_export"));
            let name = item.ident.as_ref().filter(|_| is_exported && !is_hidden(&item.attrs));
            return name.map(|name| Export { path: Vec::new(), name: format!("{name}!") }).into_iter().collect();
        }
        _ => return Vec::new(),
    };
    let export = Export { path: Vec::new(), name: name.to_string() };
    if is_public(visibility) && !is_hidden(attrs) { vec![export] } else { Vec::new() }
}

fn uses(item: &ItemUse) -> Vec<Export> {
    let mut found = Vec::new();
    if is_public(&item.vis) {
        walk(&item.tree, &[], &mut found);
    }
    found
}

fn walk(tree: &UseTree, before: &[String], found: &mut Vec<Export>) {
    let with = |name: &syn::Ident| before.iter().cloned().chain([name.to_string()]).collect::<Vec<_>>();
    match tree {
        UseTree::Path(path) => walk(&path.tree, &with(&path.ident), found),
        UseTree::Group(group) => group.items.iter().for_each(|tree| walk(tree, before, found)),
        UseTree::Name(name) if name.ident == "self" => {
            let name = before.last().cloned().unwrap_or_default();
            found.push(Export { path: before.to_vec(), name });
        }
        UseTree::Name(name) => found.push(Export { path: with(&name.ident), name: name.ident.to_string() }),
        UseTree::Rename(rename) => found.push(Export { path: with(&rename.ident), name: rename.rename.to_string() }),
        UseTree::Glob(_) => found.push(Export { path: before.to_vec(), name: format!("* of {}", before.join("::")) }),
    }
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn is_hidden(attrs: &[Attribute]) -> bool {
    let is_hidden = |attr: &Attribute| {
        attr.path().is_ident("doc") && attr.parse_args::<syn::Ident>().is_ok_and(|word| word == "hidden")
    };
    attrs.iter().any(is_hidden)
}
