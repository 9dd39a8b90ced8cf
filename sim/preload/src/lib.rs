//! The library that asl-sim has loaded into a program (`LD_PRELOAD`), to lead its file calls into the simulated file system.
//!
//! It defines the C library's file calls under their own names, so that a dynamically linked program, and the libraries that it uses,
//! call these. What lies below the directory that `ASL_SIM_PRELOAD_ROOT` names is asked of the simulator over a socket, one message for
//! each call; everything else goes on to the C library. Nothing is decided here: paths are walked, positions and locks are kept, and
//! crashes and failures come about in the simulator, which is another process and outlives this one. Where the variables are not set
//! the library does nothing.
//!
//! An open file has a descriptor of the kernel's, of the root directory opened so that nothing can be done with it (`O_PATH`): its
//! number is nobody else's, and calls that are not caught fail with EBADF. A child made by fork(2) has the same files open, by a
//! connection of its own.
//!
//! Not caught: programs that are linked statically, calls that do not go through the C library's symbols (raw system calls, as those of
//! Go and of `rustix`; `io_uring`), those that the C library makes itself (glob, ftw, fts, the file actions of `posix_spawn`). The directory
//! is not there on the real disk, so that such calls fail with ENOENT. Refused: mmap (ENODEV), sendfile (EINVAL), splice (EINVAL),
//! `copy_file_range` (EXDEV), freopen (EOPNOTSUPP), `O_TMPFILE` (EOPNOTSUPP), extended attributes (EOPNOTSUPP), devices and pipes (EPERM).
//! Not passed on by exec: open files, and a working directory inside of the simulated one. A lock that is waited for longer than ten
//! seconds is given up (EDEADLK). Permissions are told, and not checked. Calls in handlers of signals that interrupt such a call wait
//! for ever. Linux with glibc only.

mod calls;
mod dirs;
mod link;
mod place;
#[path = "../../interpose/src/real.rs"]
mod real;
mod stdio;
mod table;

/// Runs when the library is loaded, before the program does.
extern "C" fn begin() {
    place::world();
    link::begin();
}

#[used]
#[unsafe(link_section = ".init_array")]
static BEGIN: extern "C" fn() = begin;
