//! Privileges, programs, and what the kernel can do.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Whether permission bits do not bind us.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A program, in the search path or where administrators' programs are, which a user's search path may lack.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let search = env::var_os("PATH").unwrap_or_default();
    let dirs = env::split_paths(&search).chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from));
    let runs = |path: &Path| {
        path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    dirs.map(|dir| dir.join(name)).find(|path| runs(path))
}

/// Whether the kernel has this file system, or a module of it to load.
pub fn kernel_knows(file_system: &str) -> bool {
    let listed = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    if listed.lines().any(|line| line.split_whitespace().next_back() == Some(file_system)) {
        return true;
    }
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let modules = Path::new("/lib/modules").join(release.trim());
    let file = format!("/{file_system}.ko");
    ["modules.builtin", "modules.dep"]
        .iter()
        .any(|list| fs::read_to_string(modules.join(list)).is_ok_and(|text| text.contains(&file)))
}

/// What mount namespaces a process of ours can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespaces {
    /// Its own, with the privileges of root on the machine: loop devices too.
    Mount,
    /// Its own inside a user namespace: memory can be mounted, devices cannot.
    UserAndMount,
    /// None, and why.
    None(String),
}

impl Namespaces {
    /// The arguments for unshare(1), without the program to run in them.
    pub fn arguments(&self) -> Option<&'static [&'static str]> {
        match self {
            Namespaces::Mount => Some(&["-m"]),
            Namespaces::UserAndMount => Some(&["-U", "-r", "-m"]),
            Namespaces::None(_) => None,
        }
    }
}

/// The most privileged kind that works, by trying.
pub fn namespaces() -> Namespaces {
    let mut why = String::new();
    for kind in [Namespaces::Mount, Namespaces::UserAndMount] {
        match try_to_unshare(kind.arguments().unwrap_or_default()) {
            Ok(()) => return kind,
            Err(error) => why = error,
        }
    }
    Namespaces::None(why)
}

/// Whether user namespaces can be made, by trying; if not, why.
pub fn user_namespaces() -> Result<(), String> {
    try_to_unshare(&["-U", "-r"])
}

fn try_to_unshare(arguments: &[&str]) -> Result<(), String> {
    let unshare = find_program("unshare").ok_or("there is no program unshare")?;
    let tried = Command::new(unshare).args(arguments).arg("true").stdin(Stdio::null()).output();
    let output = tried.map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(said.trim().to_owned()) }
}
