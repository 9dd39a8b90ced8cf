//! The files that this thread has open in a world, by descriptor.
//!
//! A descriptor is one of the kernel's, of an open root directory that nothing can be read from or written to (`O_PATH`): so its number
//! is nobody else's, and a thread that does not know it gets EBADF.

use crate::calls::errno;
use crate::real::real;
use crate::scope::Scope;
use asl_sim::world::SimFile;
use std::cell::{Cell, RefCell};
use std::ffi::{c_char, c_int};
use std::io;
use std::rc::Rc;
use std::sync::Arc;

/// An open file of a world; shared by descriptors that were duplicated.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) scope: Arc<Scope>,
    pub(crate) what: What,
    /// Where the next read or write without an offset goes.
    pub(crate) position: Cell<u64>,
    pub(crate) appends: bool,
}

/// What is open.
#[derive(Debug)]
pub(crate) enum What {
    File(SimFile),
    /// A directory, by its path in the world.
    Dir(String),
    /// Entropy.
    Random,
}

impl Open {
    pub(crate) fn file(&self) -> io::Result<&SimFile> {
        match &self.what {
            What::File(file) => Ok(file),
            What::Dir(_) => Err(errno(libc::EISDIR)),
            What::Random => Err(errno(libc::EINVAL)),
        }
    }
}

thread_local! {
    static FILES: RefCell<Vec<Option<Rc<Open>>>> = const { RefCell::new(Vec::new()) };
}

/// The file behind a descriptor, if it is one of a world.
pub(crate) fn find(fd: c_int) -> Option<Rc<Open>> {
    let at = usize::try_from(fd).ok()?;
    FILES.try_with(|files| files.try_borrow().ok()?.get(at)?.clone()).ok()?
}

/// Gives a file a descriptor.
pub(crate) fn add(open: Rc<Open>) -> io::Result<c_int> {
    let flags = libc::O_PATH | libc::O_CLOEXEC;
    let fd = real!(open64(c"/".as_ptr(), flags, 0) as fn(*const c_char, c_int, c_int) -> c_int);
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    put(fd, open);
    Ok(fd)
}

/// Says that a descriptor, which the kernel has given out, stands for a file.
pub(crate) fn put(fd: c_int, open: Rc<Open>) {
    FILES.with(|files| {
        let mut files = files.borrow_mut();
        let at = fd as usize;
        if files.len() <= at {
            files.resize(at + 1, None);
        }
        files[at] = Some(open);
    });
}

/// Forgets a descriptor. The file goes with the last one.
pub(crate) fn remove(fd: c_int) {
    let at = fd as usize;
    let open = FILES.try_with(|files| files.try_borrow_mut().ok()?.get_mut(at)?.take());
    drop(open);
}
