//! Where the library is that programs are given.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The variable that names the library, if it is not where it is built.
const VARIABLE: &str = "ASL_SIM_PRELOAD";
const FILE: &str = "libasl_preload.so";

/// The library, for the environment of a program.
#[derive(Clone, Debug)]
pub(crate) struct Library {
    pub(crate) path: PathBuf,
}

impl Library {
    /// What `LD_PRELOAD` has to be: what it is already stays behind.
    pub(crate) fn preloaded(&self) -> OsString {
        let mut all = self.path.clone().into_os_string();
        if let Some(others) = env::var_os("LD_PRELOAD").filter(|others| !others.is_empty()) {
            all.push(":");
            all.push(others);
        }
        all
    }
}

/// Looks for the library: where the variable says, or beside this program, where it is built together with it.
///
/// # Errors
///
/// Where it was looked for, if it is not there; or that its path cannot stand in `LD_PRELOAD`.
pub(crate) fn find_library() -> Result<Library, String> {
    let places = match env::var_os(VARIABLE) {
        Some(path) => vec![PathBuf::from(path)],
        None => beside(&env::current_exe().unwrap_or_default()),
    };
    let found = places.iter().find(|path| path.is_file()).ok_or_else(|| {
        let told: Vec<String> = places.iter().map(|path| path.display().to_string()).collect();
        format!("there is no {}", told.join(" and no "))
    })?;
    let path = found.canonicalize().map_err(|error| error.to_string())?;
    if path.to_string_lossy().contains([' ', ':']) {
        return Err(format!("the loader takes no path with a space or colon in it: {}", path.display()));
    }
    Ok(Library { path })
}

/// Cargo puts it into `deps`, and beside the program if it was asked for by name. Tests and examples are one directory below.
fn beside(program: &Path) -> Vec<PathBuf> {
    let dirs = program.ancestors().skip(1).take(2);
    dirs.flat_map(|dir| [dir.join("deps").join(FILE), dir.join(FILE)]).collect()
}
