//! Clock, entropy and sleep of the world that the thread is in.

use crate::real::real;
use crate::scope::current;
use asl_host::env::Env;
use std::ffi::{c_int, c_void};
use std::time::Duration;

const NS_PER_S: u64 = 1_000_000_000;

#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: c_int, out: *mut libc::timespec) -> c_int {
    let Some(scope) = current() else {
        return real!(clock_gettime(clock, out) as fn(c_int, *mut libc::timespec) -> c_int);
    };
    // A monotonic clock does not jump.
    let wall = [libc::CLOCK_REALTIME, libc::CLOCK_REALTIME_COARSE].contains(&clock);
    let time_ns = if wall { scope.world.env().now_ns() } else { scope.world.elapsed_ns() };
    let time = libc::timespec { tv_sec: (time_ns / NS_PER_S) as i64, tv_nsec: (time_ns % NS_PER_S) as i64 };
    // SAFETY: the caller gave a place for the answer, as clock_gettime(2) asks for.
    unsafe { out.write(time) };
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut c_void, len: usize, flags: u32) -> isize {
    let Some(scope) = current() else {
        return real!(getrandom(buffer, len, flags) as fn(*mut c_void, usize, u32) -> isize);
    };
    let mut bytes = vec![0; len];
    scope.world.env().fill_random(&mut bytes);
    // SAFETY: the caller gave a buffer of this length, as getrandom(2) asks for.
    unsafe { buffer.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), len) };
    len as isize
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nanosleep(time: *const libc::timespec, left: *mut libc::timespec) -> c_int {
    let Some(scope) = current() else {
        return real!(nanosleep(time, left) as fn(*const libc::timespec, *mut libc::timespec) -> c_int);
    };
    // SAFETY: the caller gave a time, as nanosleep(2) asks for.
    sleep(&scope, unsafe { &*time });
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn clock_nanosleep(
    clock: c_int,
    flags: c_int,
    time: *const libc::timespec,
    left: *mut libc::timespec,
) -> c_int {
    match current() {
        Some(scope) if flags & libc::TIMER_ABSTIME == 0 => {
            // SAFETY: the caller gave a time, as clock_nanosleep(2) asks for.
            sleep(&scope, unsafe { &*time });
            0
        }
        _ => {
            real!(clock_nanosleep(clock, flags, time, left)
                as fn(c_int, c_int, *const libc::timespec, *mut libc::timespec) -> c_int)
        }
    }
}

fn sleep(scope: &crate::scope::Scope, time: &libc::timespec) {
    let duration = Duration::new(time.tv_sec.max(0) as u64, time.tv_nsec.max(0) as u32);
    scope.world.sleep(duration);
}
