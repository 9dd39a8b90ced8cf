//! asl-host's own host as a program: `asl-sim run exec -- target/debug/examples/posix_driver`.

use asl_host::env::OsEnv;
use asl_host::fs::OsFileSystem;
use asl_host::{PosixHost, PosixOptions};

fn main() -> std::io::Result<()> {
    // Segments that are soon full and a clock that often moves its mark, so that a short run gets to see both.
    let options = PosixOptions {
        segment_len_max: 4096,
        record_len_max: 1 << 20,
        clock_reserve_ns: 2_000_000,
        ..PosixOptions::default()
    };
    asl_driver::serve(|root| PosixHost::with_seams(OsFileSystem, OsEnv, root, options))
}
