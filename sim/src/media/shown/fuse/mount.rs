//! One mount: made by the system call, without help of another program, and gone when this is dropped.

use super::Incoming;
use super::adapter::Adapter;
use crossbeam_channel::{Receiver, Sender, bounded};
use fuser::{BackgroundSession, Config, Session, SessionACL};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::ffi::CString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A directory under which the simulated file system is seen.
#[derive(Debug)]
pub struct Mount {
    dir: PathBuf,
    cut: Arc<AtomicBool>,
    session: Option<BackgroundSession>,
    /// Disconnected when the kernel has let go of the mount.
    ended: Receiver<()>,
}

impl Mount {
    /// Mounts over an existing directory. Requests go to the channel.
    ///
    /// The source that /proc/self/mountinfo tells of is `source`.
    pub fn new(dir: &Path, source: &str, incoming: Sender<Incoming>) -> io::Result<Mount> {
        let dir = dir.canonicalize()?;
        let device = OpenOptions::new().read(true).write(true).open("/dev/fuse")?;
        mount_device(&device, &dir, source)?;
        let (alive, ended) = bounded(0);
        let cut = Arc::new(AtomicBool::new(false));
        let adapter = Adapter { incoming, cut: cut.clone(), _alive: alive };
        let started = Session::from_fd(adapter, device.into(), SessionACL::All, Config::default());
        let mut mount = Mount { dir, cut, session: None, ended };
        // If that fails, dropping the mount takes it away again.
        mount.session = Some(started?.spawn()?);
        Ok(mount)
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// From now on every request is answered EIO at once. Those that were handed on before are answered by whoever has them;
    /// dropping the channel's other end does so.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Release);
    }

    /// Takes the mount away. Where programs still use it, it is out of sight and answers EIO until they are gone.
    pub fn unmount(mut self) -> io::Result<()> {
        self.take_away()
    }

    /// Waits until the kernel has let go of a mount that was unmounted from outside. False if it has not by then.
    pub fn has_ended(&self, within: Duration) -> bool {
        self.ended.recv_timeout(within).is_err_and(|error| error.is_disconnected())
    }

    fn take_away(&mut self) -> io::Result<()> {
        self.cut();
        let Some(_session) = self.session.take() else { return Ok(()) };
        if self.has_ended(Duration::ZERO) {
            return Ok(());
        }
        if unmount(&self.dir, UnmountFlags::empty()).is_err() {
            unmount(&self.dir, UnmountFlags::DETACH)?;
        }
        Ok(())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if self.session.is_none() {
            // It was mounted, and nobody would ever answer.
            let _ = unmount(&self.dir, UnmountFlags::DETACH);
        }
        // There is nobody to tell.
        let _ = self.take_away();
    }
}

fn mount_device(device: &File, dir: &Path, source: &str) -> io::Result<()> {
    let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    let options = format!(
        "fd={},rootmode=40000,user_id={uid},group_id={gid},allow_other,default_permissions",
        device.as_raw_fd()
    );
    let options = CString::new(options).expect("there is no zero in it");
    mount(source, dir, "fuse.asl-sim", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str())?;
    Ok(())
}
