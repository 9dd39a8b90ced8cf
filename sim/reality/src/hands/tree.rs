//! Reads back all that a file system holds.

use super::{LOST_AND_FOUND, PULSE};
use asl_sim::world::program::{Entry, State};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// No program makes files as long as this.
const FILE_LEN_MAX: u64 = 8 << 20;

/// All names below the root, or what could not be read.
pub(super) fn read(root: &Path) -> Result<State, String> {
    let mut state = State::default();
    read_directory(root, "", &mut state)?;
    Ok(state)
}

fn read_directory(directory: &Path, prefix: &str, state: &mut State) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("cannot list the directory {prefix:?}: {error}");
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if prefix.is_empty() && (name == PULSE || name == LOST_AND_FOUND) {
            continue;
        }
        let path = format!("{prefix}{name}");
        let metadata = entry.metadata().map_err(|error| format!("cannot stat {path:?}: {error}"))?;
        if metadata.is_dir() {
            read_directory(&entry.path(), &format!("{path}/"), state)?;
            state.0.insert(path, Entry::Dir);
            continue;
        }
        if !metadata.is_file() {
            return Err(format!("{path:?} is neither a file nor a directory"));
        }
        if metadata.len() > FILE_LEN_MAX {
            return Err(format!("{path:?} has {} bytes", metadata.len()));
        }
        let content = fs::read(entry.path()).map_err(|error| format!("cannot read {path:?}: {error}"))?;
        state.0.insert(path, Entry::File { inode: metadata.ino(), content });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_file_have_one_inode_and_lost_and_found_is_left_out() {
        let root = tempfile::tempdir().expect("a temporary directory can be made");
        let at = |name: &str| root.path().join(name);
        fs::create_dir(at("d")).expect("it is new");
        fs::create_dir(at(LOST_AND_FOUND)).expect("it is new");
        fs::File::create_new(at("f")).expect("it is new");
        fs::hard_link(at("f"), at("d/g")).expect("it is new");
        let state = read(root.path()).expect("it can be read");
        let names: Vec<&String> = state.0.keys().collect();
        assert_eq!(names, ["d", "d/g", "f"]);
        assert_eq!(state.0["d/g"], state.0["f"]);
    }
}
