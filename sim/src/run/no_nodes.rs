//! In the place of the second runtime, in a build without it: nothing can be made of it, and whoever lets users choose asks
//! [`Runtime::is_built_in`] first.

use crate::executor::{Ended, Task};
use crate::hosts::{AnyHost, Machine, Target};
use crate::media::Sim;
use crate::scenario::{Runtime, Scenario};
use asl_host::Capabilities;
use std::sync::Arc;

pub(crate) fn in_a_fresh_thread<T>(_: impl FnOnce() -> T) -> T {
    panic!("{}", Runtime::HOW_TO_BUILD)
}

/// There is none.
pub(crate) enum Nodes {}

impl Nodes {
    pub(crate) fn new(_: &Sim, _: &Scenario) -> Nodes {
        panic!("{}", Runtime::HOW_TO_BUILD)
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
