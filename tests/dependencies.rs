//! What production code carries: asl-host without features has none of the crates that its host on object stores needs, and neither
//! that host nor the simulator brings an HTTP client.

use std::collections::BTreeSet;
use std::process::Command;

fn crates(package: &str, arguments: &[&str]) -> BTreeSet<String> {
    let mut command = Command::new(env!("CARGO"));
    command.args([
        "tree",
        "--offline",
        "--locked",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--package",
        package,
    ]);
    let output =
        command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("it is text");
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn whoever_does_not_ask_for_object_stores_gets_nothing_of_them() {
    let plain = crates("asl-host", &[]);
    assert!(plain.len() < 12, "{plain:?}");
    for name in ["object_store", "futures-util", "url"] {
        assert!(!plain.contains(name), "{name}");
    }
    assert!(crates("asl-host", &["--features", "object"]).contains("object_store"));
}

#[test]
fn nothing_brings_an_http_client_or_a_runtime_unasked() {
    for all in [crates("asl-host", &["--features", "object"]), crates("asl-sim", &[])] {
        for name in ["hyper", "reqwest", "rustls", "tokio"] {
            assert!(!all.contains(name), "{name}");
        }
    }
}
