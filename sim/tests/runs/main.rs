//! Runs, and what is made of them: campaigns, cases, exhaustive search, shrinking, stories, specimens. One program, since each that is linked
//! takes seconds.

mod campaigns;
mod case;
mod corpus;
mod determinism;
mod explain;
mod explore;
mod late;
mod object;
mod on_flush;
mod pinned;
#[cfg(not(madsim))]
mod second_runtime;
mod shrink;
mod specimens;
