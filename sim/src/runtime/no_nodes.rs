//! In the place of the second runtime, in a build without it: nothing can be made of it, and whoever lets users choose asks
//! [`BUILT_IN`] first.

use super::{Ended, Sim, Task};
use crate::scenario::Scenario;
use crate::target::{AnyHost, Machine, Target};
use asl_host::Capabilities;
use std::sync::Arc;

/// Whether this build has it.
pub(crate) const BUILT_IN: bool = false;

pub(crate) fn in_a_fresh_thread<T>(_: impl FnOnce() -> T) -> T {
    panic!("{}", super::HOW_TO_BUILD_NODES)
}

/// There is none.
pub(crate) enum Nodes {}

impl Nodes {
    pub(crate) fn new(_: &Sim, _: &Scenario) -> Nodes {
        panic!("{}", super::HOW_TO_BUILD_NODES)
    }

    pub(crate) fn capabilities(&self, _: &Machine<'_>, _: &Target, _: &Arc<Scenario>) -> Capabilities {
        match *self {}
    }

    pub(crate) fn boot(
        &self,
        _: &Machine<'_>,
        _: &Target,
        _: &Arc<Scenario>,
        _: Capabilities,
    ) -> Box<dyn AnyHost> {
        match *self {}
    }

    pub(crate) fn restart_some(&self, _: &Sim, _: u32) {
        match *self {}
    }

    pub(crate) fn run(&self, _: &Sim, _: Vec<Option<Task<'_>>>) -> Ended {
        match *self {}
    }
}
