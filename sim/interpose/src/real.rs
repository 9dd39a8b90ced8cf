//! The C library's own functions, behind those that this crate puts in their place.

use std::ffi::{CStr, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

/// Looks a function up once, and remembers where it is.
///
/// # Panics
///
/// If the C library has no such function.
pub(crate) fn find(name: &CStr, known: &AtomicPtr<c_void>) -> *mut c_void {
    let address = known.load(Ordering::Relaxed);
    if !address.is_null() {
        return address;
    }
    // SAFETY: the name is a C string; RTLD_NEXT asks for the function behind the one in this program.
    let address = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
    assert!(!address.is_null(), "the C library has no {name:?}");
    known.store(address, Ordering::Relaxed);
    address
}

/// Calls the C library's function of this name.
macro_rules! real {
    ($name:ident($($arg:expr),*) as fn($($type:ty),*) -> $out:ty) => {{
        static KNOWN: std::sync::atomic::AtomicPtr<std::ffi::c_void> =
            std::sync::atomic::AtomicPtr::new(std::ptr::null_mut());
        let name = const {
            match std::ffi::CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => panic!("a name"),
            }
        };
        let address = $crate::real::find(name, &KNOWN);
        // SAFETY: the function has this type, as its manual page says, and gets the arguments that the caller gave for it.
        unsafe {
            let function: unsafe extern "C" fn($($type),*) -> $out = std::mem::transmute(address);
            function($($arg),*)
        }
    }};
}
pub(crate) use real;
