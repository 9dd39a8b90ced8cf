//! No process of a host outlives us: a shell that waits for the end of its input, which comes when we are gone, however we
//! went, and then kills the process groups that it was told of.
//!
//! A shell, and not this program once more, because the simulator is a library too. One serves all processes that we start.
//! It has a process group of its own, so that what is sent to ours does not take it along.
//!
//! Not covered: processes that leave their group, and the moment between the start of a process and the line that tells of
//! it; a host that exits at the end of its input, as it should, is gone then all the same.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

const SCRIPT: &str = r#"
trap '' INT TERM HUP QUIT
groups=" "
while read -r verb group; do
  case $verb in
    begun) groups="$groups$group " ;;
    ended) case $groups in *" $group "*) groups="${groups%% $group *} ${groups#* $group }" ;; esac ;;
  esac
done
for group in $groups; do kill -KILL -- "-$group"; done 2>/dev/null
"#;

static WATCHDOG: Mutex<Option<Child>> = Mutex::new(None);

/// Has a process group killed when we are gone.
pub(super) fn watch(group: i32) -> io::Result<()> {
    tell("begun", group)
}

/// A process group is no more.
pub(super) fn forget(group: i32) {
    // If it cannot be told, it kills a group that is not there.
    let _ = tell("ended", group);
}

fn tell(verb: &str, group: i32) -> io::Result<()> {
    let mut watchdog = WATCHDOG.lock().unwrap_or_else(PoisonError::into_inner);
    if watchdog.is_none() {
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(SCRIPT).process_group(0);
        *watchdog = Some(shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
    }
    let child = watchdog.as_mut().expect("it is there now");
    let line = format!("{verb} {group}\n");
    child.stdin.as_mut().expect("it is piped").write_all(line.as_bytes())
}
