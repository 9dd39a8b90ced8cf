//! The connection to the simulator: one for each process, and one call on it at a time.

use crate::place::world;
use crate::table::close_raw;
use asl_preload_wire::{Answer, Call, Entry, MESSAGE_LEN_MAX, Place, Status, VERSION, len_of, read_answer};
use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::time::Duration;

/// Descriptors of programs are below this, as a rule.
const DESCRIPTOR_MIN: c_int = 700;
/// How often a lock is asked for again, and how long.
const LOCK_EVERY: Duration = Duration::from_millis(1);
const LOCK_TRIES_MAX: u32 = 10_000;

/// The connection. It is locked with the C library's means, since a fork takes the lock in one function and gives it back in another.
struct Link {
    lock: UnsafeCell<libc::pthread_mutex_t>,
    state: UnsafeCell<State>,
}

struct State {
    buffer: Vec<u8>,
    /// What stands for our open files in the child that is about to be made.
    inherits: u64,
}

// SAFETY: the state is used while the lock is held only.
unsafe impl Sync for Link {}

static LINK: Link = Link {
    lock: UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER),
    state: UnsafeCell::new(State { buffer: Vec::new(), inherits: 0 }),
};
/// The descriptor; -1 if there is no connection.
static FD: AtomicI32 = AtomicI32::new(-1);
/// The process that the connection is of.
static PID: AtomicI32 = AtomicI32::new(0);
/// What the process does not want in the modes of what it makes.
static UMASK: AtomicU32 = AtomicU32::new(0);

pub(crate) fn errno() -> c_int {
    // SAFETY: the C library gives the address of this thread's `errno`.
    unsafe { *libc::__errno_location() }
}

fn pid() -> i32 {
    // SAFETY: it cannot fail. The C library's function may be told by an older process.
    unsafe { libc::syscall(libc::SYS_getpid) as i32 }
}

/// Whether this is another process that shares our memory, and soon is another program.
pub(crate) fn is_foreign() -> bool {
    pid() != PID.load(Ordering::Relaxed)
}

/// Whether this descriptor is the connection.
pub(crate) fn is_ours(fd: c_int) -> bool {
    fd >= 0 && FD.load(Ordering::Relaxed) == fd
}

pub(crate) fn descriptor() -> Option<c_int> {
    Some(FD.load(Ordering::Relaxed)).filter(|fd| *fd >= 0)
}

/// Makes room at the connection's number, for somebody who wants just that one.
pub(crate) fn move_away() {
    // SAFETY: the kernel checks the numbers.
    let other = unsafe {
        libc::syscall(libc::SYS_fcntl, FD.load(Ordering::Relaxed), libc::F_DUPFD_CLOEXEC, DESCRIPTOR_MIN)
    };
    close_raw(FD.swap(other as c_int, Ordering::Relaxed));
}

/// The mode that something new gets.
pub(crate) fn masked(mode: u32) -> u32 {
    mode & !UMASK.load(Ordering::Relaxed)
}

pub(crate) fn set_umask(mask: u32) {
    UMASK.store(mask, Ordering::Relaxed);
}

/// Says hello, and sees to it that children of fork(2) do.
pub(crate) fn begin() {
    let Some(world) = world() else { return };
    PID.store(pid(), Ordering::Relaxed);
    connect(0);
    if world.root.is_some() {
        // SAFETY: the mask is put back before anybody else runs; the handlers are functions of this library.
        unsafe {
            let mask = libc::syscall(libc::SYS_umask, 0) as u32;
            libc::syscall(libc::SYS_umask, mask);
            set_umask(mask);
            libc::pthread_atfork(Some(before_fork), Some(after_fork), Some(in_child));
        }
    }
}

/// Connects, and says hello, which is not answered. If it fails, every call will.
fn connect(inherits: u64) {
    FD.store(connected().unwrap_or(-1), Ordering::Relaxed);
    let child = world().map_or(0, |world| world.child);
    let mut hello = Vec::new();
    Call::Hello { version: VERSION, child, inherits, pid: pid() }.write(&mut hello);
    let _ = send(&hello);
}

fn connected() -> Option<c_int> {
    // SAFETY: all zeros is a valid address; it is as long as is said, and filled within its bounds.
    unsafe {
        let mut address: libc::sockaddr_un = std::mem::zeroed();
        address.sun_family = libc::AF_UNIX as u16;
        let path = &world()?.socket;
        if path.len() >= address.sun_path.len() {
            return None;
        }
        for (to, from) in address.sun_path.iter_mut().zip(path) {
            *to = *from as libc::c_char;
        }
        let first = libc::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0);
        let moved = libc::syscall(libc::SYS_fcntl, first, libc::F_DUPFD_CLOEXEC, DESCRIPTOR_MIN) as c_int;
        let fd = if moved < 0 { first } else { moved };
        if moved >= 0 {
            close_raw(first);
        }
        let len = size_of::<libc::sockaddr_un>() as libc::socklen_t;
        (libc::connect(fd, (&raw const address).cast(), len) == 0).then_some(fd)
    }
}

fn send(mut bytes: &[u8]) -> Option<()> {
    while !bytes.is_empty() {
        // SAFETY: the bytes are there.
        let count = unsafe {
            libc::send(FD.load(Ordering::Relaxed), bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL)
        };
        match usize::try_from(count) {
            Ok(count) => bytes = &bytes[count..],
            Err(_) if errno() == libc::EINTR => {}
            Err(_) => return None,
        }
    }
    Some(())
}

/// Receives one message into the buffer, without its length.
fn receive(buffer: &mut Vec<u8>) -> Option<()> {
    let (mut have, mut wanted) = (0, 4);
    buffer.resize(buffer.capacity().max(64 << 10), 0);
    loop {
        if let Some(len) = len_of(&buffer[..have]) {
            wanted = len.checked_add(4).filter(|len| *len <= MESSAGE_LEN_MAX)?;
        }
        if have >= wanted && have >= 4 {
            buffer.truncate(wanted);
            return Some(());
        }
        if buffer.len() < wanted {
            buffer.resize(wanted, 0);
        }
        let room = &mut buffer[have..];
        // SAFETY: there is so much room.
        let count =
            unsafe { libc::recv(FD.load(Ordering::Relaxed), room.as_mut_ptr().cast(), room.len(), 0) };
        match usize::try_from(count) {
            Ok(0) => return None,
            Ok(count) => have += count,
            Err(_) if errno() == libc::EINTR => {}
            Err(_) => return None,
        }
    }
}

fn exchange(state: &mut State, call: &Call) -> Option<Result<Answer, c_int>> {
    call.write(&mut state.buffer);
    send(&state.buffer)?;
    receive(&mut state.buffer)?;
    read_answer(&state.buffer[4..])
}

fn lock() {
    // SAFETY: it is a mutex as long as the program runs.
    unsafe { libc::pthread_mutex_lock(LINK.lock.get()) };
}

fn unlock() {
    // SAFETY: whoever calls this has locked it.
    unsafe { libc::pthread_mutex_unlock(LINK.lock.get()) };
}

/// Asks the simulator. A simulator that is gone, or that has cut the power, is an error of the medium.
pub(crate) fn ask(call: &Call) -> Result<Answer, c_int> {
    lock();
    // SAFETY: the lock is held.
    let answer = exchange(unsafe { &mut *LINK.state.get() }, call);
    unlock();
    answer.unwrap_or(Err(libc::EIO))
}

/// Asks for something that nobody else may hold, again and again, if the caller waits for it.
#[expect(clippy::disallowed_methods, reason = "processes wait for one another in the time of this world")]
pub(crate) fn ask_for_lock(call: &Call, waits: bool) -> Result<Answer, c_int> {
    for _ in 0..LOCK_TRIES_MAX {
        match ask(call) {
            Err(libc::EAGAIN) if waits => std::thread::sleep(LOCK_EVERY),
            answer => return answer,
        }
    }
    Err(libc::EDEADLK)
}

/// A call whose answer is a number, or nothing.
pub(crate) fn number(call: &Call) -> Result<u64, c_int> {
    match ask(call)? {
        Answer::Number { value } => Ok(value),
        Answer::Done {} => Ok(0),
        _ => Err(libc::EIO),
    }
}

pub(crate) fn data(call: &Call) -> Result<Vec<u8>, c_int> {
    match ask(call)? {
        Answer::Data { data } => Ok(data),
        _ => Err(libc::EIO),
    }
}

pub(crate) fn status(at: Place, follow: bool) -> Result<Status, c_int> {
    match ask(&Call::Stat { at, follow })? {
        Answer::Status { status } => Ok(status),
        _ => Err(libc::EIO),
    }
}

pub(crate) fn entries(file: u64, offset: u64) -> Result<Vec<Entry>, c_int> {
    match ask(&Call::List { file, offset })? {
        Answer::Entries { entries } => Ok(entries),
        _ => Err(libc::EIO),
    }
}

/// How much space there is, and how much is free, in bytes.
pub(crate) fn space() -> Result<(u64, u64), c_int> {
    match ask(&Call::Space {})? {
        Answer::Space { total, free } => Ok((total, free)),
        _ => Err(libc::EIO),
    }
}

extern "C" fn before_fork() {
    lock();
    // SAFETY: the lock is held.
    let state = unsafe { &mut *LINK.state.get() };
    state.inherits = match exchange(state, &Call::Fork {}) {
        Some(Ok(Answer::Number { value })) => value,
        _ => 0,
    };
}

extern "C" fn after_fork() {
    unlock();
}

extern "C" fn in_child() {
    PID.store(pid(), Ordering::Relaxed);
    close_raw(FD.swap(-1, Ordering::Relaxed));
    // SAFETY: the lock is held, since the thread that took it is the one that goes on here.
    connect(unsafe { (*LINK.state.get()).inherits });
    unlock();
}
