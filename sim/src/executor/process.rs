//! Processes of a run: which incarnation of each is alive. Calls of a dead one change nothing.
//!
//! A crash may end all of them at once, as a loss of power does, or one, while the others go on.

/// Processes that a run has at most.
pub(crate) const PROCESSES: u16 = 2;

/// One incarnation of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    number: u16,
    incarnation: u32,
}

impl Process {
    /// Which of the processes it is: 0 is the one that every run has.
    pub(crate) fn number(self) -> u16 {
        self.number
    }
}

/// Which incarnations are alive, by the processes' numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Processes([u32; PROCESSES as usize]);

impl Processes {
    pub(super) fn current(self, number: u16) -> Process {
        Process { number, incarnation: self.0[usize::from(number)] }
    }

    #[inline]
    pub(super) fn is_alive(self, process: Process) -> bool {
        self.0[usize::from(process.number)] == process.incarnation
    }

    pub(super) fn kill(&mut self, number: u16) {
        self.0[usize::from(number)] += 1;
    }

    pub(super) fn kill_all(&mut self) {
        self.0.iter_mut().for_each(|incarnation| *incarnation += 1);
    }
}
