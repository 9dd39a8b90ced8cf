//! What the machine offers: file systems, privileges, tools. For what runs on a real disk, and for `asl-sim doctor`.
//!
//! It looks, and changes nothing; whether namespaces can be made it finds out by having `unshare` make one that ends at
//! once. Linux only. Not looked into: limits on resources, and what a security module would forbid later.

mod file_system;
mod tools;

pub use file_system::{FileSystem, Syncs};
pub use tools::{Namespaces, find_program, is_root, kernel_knows, namespaces, user_namespaces};
