//! Runs tasks until all are done, or something ends them.

use super::Sim;
use super::medium::Medium;
use super::outside::Waited;
use super::state::Halt;
use crate::base::decide::Site;
use crate::plan::CrashKind;
use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// A task of a run.
pub(crate) type Task<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// How the tasks came to an end.
#[derive(Debug)]
pub(crate) enum Ended {
    /// All are done, but for those of processes that died alone.
    Done,
    /// A crash was due, and nobody goes on.
    Crashed(CrashKind, Site),
    /// Nothing can go on, or goes on for ever.
    Stuck,
    /// A host that is a process has not answered for so long.
    Silent(Duration),
    /// The host panicked; what it said.
    Panicked(String),
    /// A host that is a process did what the protocol does not allow.
    Faulty(String),
}

struct TaskWaker {
    ready: Arc<AtomicU64>,
    bit: u64,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.fetch_or(self.bit, Ordering::Relaxed);
    }
}

enum Next {
    Task(usize),
    Ended(Ended),
}

impl<M: Medium> Sim<M> {
    /// Runs tasks of process 0, one or several, until all are done, or something ends them. They are dropped in any case.
    ///
    /// Panics if the simulator itself does; a panic of the host's is an [`Ended::Panicked`].
    pub(crate) fn run(&self, tasks: Vec<Option<Task<'_>>>) -> Ended {
        self.lock().executor.start_tasks(tasks.iter().map(|_| 0));
        self.run_started(tasks)
    }

    /// The same of tasks of several processes, each with the number of its own.
    pub(crate) fn run_processes(&self, tasks: Vec<(u16, Task<'_>)>) -> Ended {
        self.lock().executor.start_tasks(tasks.iter().map(|(process, _)| *process));
        self.run_started(tasks.into_iter().map(|(_, task)| Some(task)).collect())
    }

    fn run_started(&self, mut tasks: Vec<Option<Task<'_>>>) -> Ended {
        assert!(tasks.len() <= 64, "ready tasks are bits of a word");
        let wakers: Vec<Waker> = (0..tasks.len())
            .map(|task| Waker::from(Arc::new(TaskWaker { ready: self.ready.clone(), bit: 1 << task })))
            .collect();
        self.ready
            .store(if tasks.len() == 64 { u64::MAX } else { (1 << tasks.len()) - 1 }, Ordering::Relaxed);
        loop {
            let task = match self.next_ready() {
                Next::Task(task) => task,
                Next::Ended(ended) => return ended,
            };
            let Some(future) = &mut tasks[task] else { continue };
            let mut context = Context::from_waker(&wakers[task]);
            match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut context))) {
                Ok(Poll::Pending) => {}
                Ok(Poll::Ready(())) => {
                    tasks[task] = None;
                    self.lock().executor.live -= 1;
                }
                Err(panic) => return self.host_panicked(panic),
            }
            if let Some(ended) = self.is_at_fault() {
                return ended;
            }
            let (halted, dead) = self.lock().executor.take_crash();
            if let Some(number) = dead {
                self.drop_tasks(number, &mut tasks);
            }
            if let Some(halt) = halted
                && let Some(ended) = self.crash(halt, &mut tasks)
            {
                return ended;
            }
        }
    }

    /// The process of this number is dead: its tasks are dropped, while others go on.
    fn drop_tasks(&self, number: u16, tasks: &mut [Option<Task<'_>>]) {
        for (at, task) in tasks.iter_mut().enumerate() {
            let is_its = self.lock().executor.tasks[at].process == number;
            // What is dropped may lock the world.
            if is_its && task.take().is_some() {
                self.lock().executor.live -= 1;
            }
        }
    }

    /// A crash has come: of one process while others go on, or of all.
    fn crash(&self, Halt { kind, site, process }: Halt, tasks: &mut [Option<Task<'_>>]) -> Option<Ended> {
        let mut world = self.lock();
        // One whose tasks are done is alive, and goes on with others later.
        let goes_on = world.executor.tasks.iter().any(|task| Some(task.process) != process);
        match process.filter(|_| kind == CrashKind::Kill && goes_on) {
            Some(number) => {
                world.die_alone(number);
                world.executor.died = None;
                drop(world);
                self.drop_tasks(number, tasks);
                None
            }
            None => {
                world.die();
                Some(Ended::Crashed(kind, site))
            }
        }
    }

    pub(crate) fn host_panicked(&self, panic: Box<dyn Any + Send>) -> Ended {
        if self.world.is_poisoned() {
            // It was not the host.
            std::panic::resume_unwind(panic);
        }
        self.lock().die();
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Ended::Panicked(text.to_owned())
    }

    /// Waits for something from outside, where a process may do what the others wait for.
    fn wait_outside(&self) -> Option<Ended> {
        let outside = self.outside.get();
        match outside.map_or(Waited::Nobody, |outside| outside.wait()) {
            Waited::Woken => self.is_at_fault(),
            Waited::Nobody => {
                self.lock().die();
                Some(Ended::Stuck)
            }
            Waited::Silence(duration, task) => {
                let mut world = self.lock();
                world.executor.current = task;
                world.die();
                Some(Ended::Silent(duration))
            }
        }
    }

    /// How the run ends if a process did what the protocol does not allow.
    fn is_at_fault(&self) -> Option<Ended> {
        let fault = self.outside.get()?.take_fault()?;
        let mut world = self.lock();
        world.executor.current = fault.task;
        world.die();
        Some(Ended::Faulty(fault.what))
    }

    fn next_ready(&self) -> Next {
        loop {
            let ready = self.ready.load(Ordering::Relaxed);
            if ready != 0 {
                let mut world = self.lock();
                let task = if ready.is_power_of_two() {
                    ready.trailing_zeros() as usize
                } else {
                    world.executor.pick(ready)
                };
                world.executor.current = task;
                drop(world);
                self.ready.fetch_and(!(1 << task), Ordering::Relaxed);
                return Next::Task(task);
            }
            let mut world = self.lock();
            if world.executor.live == 0 {
                return Next::Ended(Ended::Done);
            }
            if world.executor.goes_round() {
                world.die();
                return Next::Ended(Ended::Stuck);
            }
            let waker = world.executor.pass_time();
            drop(world);
            match waker {
                Some(waker) => waker.wake(),
                None => {
                    if let Some(ended) = self.wait_outside() {
                        return Next::Ended(ended);
                    }
                }
            }
        }
    }
}
