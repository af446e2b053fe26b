//! What the tests of the examples share.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

/// An example, which cargo builds before it runs the tests of the package.
pub(crate) fn example(name: &str, folder: &Folder, arguments: &[&str]) -> Command {
    let test = std::env::current_exe().expect("a test knows where it is");
    let build = test.ancestors().nth(2).expect("it stands in a folder of the build");
    let example = build.join("examples").join(name);
    assert!(example.exists(), "{example:?} is not built: `cargo build --all-features --example {name}` does it");
    let mut command = Command::new(example);
    command.current_dir(&folder.0).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A folder that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Empty, for the test of this name.
    pub(crate) fn new(test: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("there is room for a folder");
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("it is below the folder")).expect("a folder can be made");
        fs::write(path, content).expect("a file can be written");
    }

    pub(crate) fn fifo(&self, name: &str) {
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, self.0.join(name), rustix::fs::FileType::Fifo, mode, 0).expect("a FIFO");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What Ctrl-C does.
pub(crate) fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).expect("it runs");
}
