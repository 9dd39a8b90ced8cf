//! The command as others call it, hosts that are programs, and the scripts of the checks.

mod cli;
mod conform;
mod exec;
mod preload;
mod resume;
mod scripts;
