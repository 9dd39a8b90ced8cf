//! No process of a host outlives us: a shell that waits for the end of its input, which comes when we are gone, however we
//! went, and then kills the process groups and removes the directories that it was told of.
//!
//! A shell, and not this program once more, because the simulator is a library too. One serves all processes that we start.
//! It has a process group of its own, so that what is sent to ours does not take it along.
//!
//! Not covered: processes that leave their group, and the moment between the start of a process and the line that tells of
//! it; a host that exits at the end of its input, as it should, is gone then all the same.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

const SCRIPT: &str = r#"
trap '' INT TERM HUP QUIT
groups=" " dir=
while read -r verb what; do
  case $verb in
    begun) groups="$groups$what " ;;
    ended) case $groups in *" $what "*) groups="${groups%% $what *} ${groups#* $what }" ;; esac ;;
    dir) dir=$what ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group"; done 2>/dev/null
for _ in 1 2 3; do
  if [ -z "$dir" ] || rm -rf -- "$dir"; then break; fi
  sleep 1
done
"#;

static WATCHDOG: Mutex<Option<Child>> = Mutex::new(None);

/// Has a process group killed when we are gone.
pub(super) fn watch(group: i32) -> io::Result<()> {
    tell("begun", &group.to_string())
}

/// Has a directory removed when we are gone, the only one that is.
pub(super) fn remove_when_gone(dir: &Path) -> io::Result<()> {
    let Some(dir) = dir.to_str().filter(|dir| !dir.contains('\n')) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "its path is no line of text"));
    };
    tell("dir", dir)
}

/// A process group is no more.
pub(super) fn forget(group: i32) {
    // If it cannot be told, it kills a group that is not there.
    let _ = tell("ended", &group.to_string());
}

fn tell(verb: &str, what: &str) -> io::Result<()> {
    let mut watchdog = WATCHDOG.lock().unwrap_or_else(PoisonError::into_inner);
    if watchdog.is_none() {
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(SCRIPT).process_group(0);
        *watchdog = Some(shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
    }
    let child = watchdog.as_mut().expect("it is there now");
    let line = format!("{verb} {what}\n");
    child.stdin.as_mut().expect("it is piped").write_all(line.as_bytes())
}
