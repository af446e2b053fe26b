//! Tells the program which compiler built it, and for which target.

use std::{env, process::Command};

fn main() {
    let compiler = env::var_os("RUSTC").expect("cargo tells the compiler");
    let version = Command::new(compiler).arg("--version").output().expect("the compiler can be run").stdout;
    let version = String::from_utf8(version).expect("the compiler tells its version in plain letters");
    let target = env::var("TARGET").expect("cargo tells the target");
    println!("cargo::rustc-env=BENCHES_RUSTC={}", version.trim());
    println!("cargo::rustc-env=BENCHES_TARGET={target}");
    println!("cargo::rerun-if-changed=build.rs");
}
