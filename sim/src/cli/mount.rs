//! `asl-sim mount`: a simulated file system for any program, until Ctrl-C, a signal to end, or an unmount from outside.

use super::Status;
use super::args::{Args, MountArgs, UnmountArgs};
use super::error::{Error, plain};
use super::out::Out;
use super::run::random_seed;
use super::wishes::profile;
use crate::base::words::program;
use crate::media::shown::fuse::{Control, ServingEnded, Watchdog, available, serve, unmount_when_input_ends};
use crate::media::shown::vfs::{Owner, Served};
use crate::report::json;
use crate::scenario::Profile;
use crate::tell::style::BOLD;
use clap::CommandFactory;
use crossbeam_channel::{Receiver, bounded};
use serde::Serialize;
use std::io;
use std::path::Path;

/// What is told when the mount can be used.
#[derive(Serialize)]
#[serde(tag = "type", rename = "mounted")]
struct Mounted<'a> {
    dir: &'a Path,
    profile: &'static str,
    seed: String,
    control: &'a Path,
}

pub(super) fn mount(args: &MountArgs, out: &mut Out) -> Result<Status, Error> {
    available().map_err(|why| missing(&args.dir, &why.to_string()))?;
    let profile = args
        .profile
        .as_deref()
        .map_or(Ok(Profile::Posix), |name| profile(name, Profile::Posix, "a mount"))?;
    let seed = args.seed.map_or_else(random_seed, Ok)?;
    let dir = args.dir.canonicalize().map_err(|error| refused(&args.dir, &error))?;
    let place = tempfile::Builder::new().prefix("asl-sim-mount-").tempdir();
    let place =
        place.map_err(|error| Error::new(format!("cannot make a directory for the socket: {error}")))?;
    let socket = args.control.clone().unwrap_or_else(|| place.path().join("control"));
    let control = Control::listen(&socket).map_err(|error| no_socket(&socket, &error))?;
    let stop = stop_on_signal();
    let source = format!("asl-sim:{}", std::process::id());
    let watchdog = Watchdog::start(&[&unmount_command(), &source]);
    let _watchdog = watchdog.map_err(|error| Error::new(format!("cannot start a watchdog: {error}")))?;
    let mut world = Served::new(profile, seed, owner());
    let told =
        Mounted { dir: &dir, profile: profile.as_str(), seed: json::seed(seed), control: control.path() };
    let ended = serve(&mut world, (&dir, &source), &control, &stop, || tell(out, &told));
    match ended.map_err(|error| refused(&dir, &error))? {
        ServingEnded::Stopped | ServingEnded::Unmounted => Ok(Status::Passed),
    }
}

/// Takes away what a mount leaves behind, when that ends.
pub(super) fn unmount_left(args: &UnmountArgs) -> Result<Status, Error> {
    let done = unmount_when_input_ends(io::stdin().lock(), &args.source);
    done.map(|()| Status::Passed).map_err(|error| Error::new(format!("cannot unmount: {error}")))
}

fn unmount_command() -> String {
    let commands = Args::command();
    let found = commands.get_subcommands().find(|command| command.get_name() == "unmount-left");
    found.expect("it is among the commands").get_name().to_owned()
}

fn tell(out: &mut Out, told: &Mounted<'_>) {
    let Mounted { dir, profile, seed, control } = told;
    let text = format!(
        "{BOLD}mounted{BOLD:#} {}  {BOLD}profile{BOLD:#} {profile}  {BOLD}seed{BOLD:#} {seed}\n\
         {BOLD}control{BOLD:#} {}\n",
        dir.display(),
        control.display(),
    );
    out.text(&text);
    out.json(told);
}

fn owner() -> Owner {
    let (uid, gid) = (rustix::process::getuid(), rustix::process::getgid());
    Owner { uid: uid.as_raw(), gid: gid.as_raw() }
}

/// The first signal to end does so in good order, the second one at once; the watchdog then unmounts.
fn stop_on_signal() -> Receiver<()> {
    let (sender, receiver) = bounded(1);
    let handler = move || {
        if sender.try_send(()).is_err() {
            std::process::exit(i32::from(Status::Interrupted.code()));
        }
    };
    // It fails only if there is a handler already, or no signals; then Ctrl-C does what it does without us.
    let _ = ctrlc::set_handler(handler);
    receiver
}

fn missing(dir: &Path, why: &str) -> Error {
    Error::new(format!("cannot mount over {:?}: {why}", dir.display().to_string()))
        .hint(format!("`{} doctor` says what it takes", program()))
        .status(Status::Unavailable)
}

fn refused(dir: &Path, error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::PermissionDenied {
        return missing(dir, "it takes the right to mount")
            .hint("run it as root, or in `unshare --user --map-root-user --mount`");
    }
    Error::new(format!("cannot mount over {:?}: {}", dir.display().to_string(), plain(error)))
        .hint("name an existing directory")
}

fn no_socket(path: &Path, error: &io::Error) -> Error {
    Error::new(format!("cannot listen at {:?}: {}", path.display().to_string(), plain(error)))
        .hint("name a path where nothing is yet with --control PATH")
}
