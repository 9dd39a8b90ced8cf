//! A run's executor and its medium together: sites that begin, calls that take effect, processes and power that fail.

use super::Executor;
use super::call::{Call, Class, Within};
use super::call_log::{self, About, CallLog, End, What};
use super::flights::Flights;
use super::medium::{Failure, Medium, Request};
use super::process::Process;
use super::state::{Halt, Notice, ends};
use crate::base::decide::Site;
use crate::plan::{CrashKind, Cut, FaultKind, When};

/// Everything that a run shares.
#[derive(Clone, Debug)]
pub(crate) struct World<M: Medium> {
    pub(crate) executor: Executor,
    pub(crate) medium: M,
    pub(super) flights: Flights<M>,
}

impl<M: Medium> World<M> {
    /// The incarnation of process 0 that may call now.
    pub(crate) fn process(&self) -> Process {
        self.process_of(0)
    }

    /// The incarnation of this process that may call now.
    pub(crate) fn process_of(&self, number: u16) -> Process {
        self.executor.processes.current(number)
    }

    pub(crate) fn is_alive(&self, process: Process) -> bool {
        self.executor.is_alive(process)
    }

    /// The process makes a call that cannot wait. False if it is dead, or dies as soon as the executor has control again.
    pub(crate) fn begin_blocking(&mut self, process: Process) -> bool {
        self.executor.blocking = self.is_alive(process) && !self.executor.is_halted();
        self.executor.blocking
    }

    pub(crate) fn end_blocking(&mut self) {
        self.executor.blocking = false;
    }

    /// All processes are gone.
    pub(crate) fn die(&mut self) {
        self.executor.processes.kill_all();
        self.medium.process_died(None);
        self.log_abandoned(None);
        self.flights.abandon(None);
        self.executor.waiting.clear();
        self.executor.passed.clear();
    }

    /// One process is gone, and the others go on.
    pub(super) fn die_alone(&mut self, number: u16) {
        self.executor.processes.kill(number);
        self.medium.process_died(Some(number));
        self.log_abandoned(Some(number));
        self.flights.abandon(Some(number));
        self.executor.waiting.retain(|waiting| waiting.process != number);
        self.executor.injected.died_alone += 1;
        self.executor.died = Some(number);
        self.executor.notice(Notice::Died(number));
        self.executor.log(|| What::Died(number));
    }

    /// The requests of those who die go on alone: for the log, if one is kept.
    fn log_abandoned(&mut self, process: Option<u16>) {
        if self.executor.log.is_none() {
            return;
        }
        for (call, path) in self.flights.waited_for(process) {
            let about = About { verb: call.class.name, path, to: None, range: None };
            self.log_end(&call, Some(about), End::Sent);
        }
    }

    /// A crash comes while this task is at work, and ends the process of others.
    fn end_another(&mut self, task: usize) {
        let cut = self.executor.tasks[task].cut.take();
        if let Some(number) = cut.and_then(|cut| cut.process) {
            self.die_alone(number);
        }
    }

    /// The running task leaves its site. If a crash was due in it and did not find its call, it comes now. Says whether it ends
    /// the task.
    pub(crate) fn leave(&mut self) -> bool {
        let task_number = self.executor.current;
        let task = &mut self.executor.tasks[task_number];
        task.faults.clear();
        let (site, process) = (task.site, task.process);
        match task.cut {
            Some(cut) if ends(cut, process) => {
                task.cut = None;
                self.executor.halted = Some(Halt { kind: cut.kind, site, process: cut.process });
            }
            _ => self.end_another(task_number),
        }
        self.executor.is_halted()
    }

    /// The power goes; `crash` numbers the loss for the decision map.
    pub(crate) fn power_loss(&mut self, crash: u32) {
        self.medium.power_lost(crash, &mut self.executor);
    }

    /// The running task enters a site: what is planned for it is armed.
    pub(crate) fn enter(&mut self, site: Site, cut: Option<Cut>) {
        let faults = self.executor.plan.faults.iter().filter(|fault| fault.site == site);
        let task = &mut self.executor.tasks[self.executor.current];
        task.faults.clear();
        task.faults.extend(faults.map(|fault| (fault.skip, fault.kind)));
        (task.site, task.cut, task.calls, task.changes) = (site, cut, 0, 0);
        task.cancelled = false;
        if let Site::Op(id) = site {
            self.change_surroundings(id);
        }
    }

    fn change_surroundings(&mut self, op: u32) {
        let plan = self.executor.plan.clone();
        for full in &plan.full {
            if full.from_op == op {
                self.limit_space(Some(full.bytes));
            } else if op >= full.until_op {
                self.limit_space(None);
            }
        }
        let executor = &mut self.executor;
        for jump in plan.clock_jumps.iter().filter(|jump| jump.op == op) {
            executor.wall_offset_ns = executor.wall_offset_ns.saturating_add(jump.by_ns);
            executor.injected.clock_jumps += 1;
        }
    }

    /// Limits or frees the space that is left, and has it noted.
    pub(crate) fn limit_space(&mut self, bytes: Option<u64>) {
        if self.medium.limit_space(bytes) {
            self.executor.notice(if bytes.is_some() { Notice::Full } else { Notice::Freed });
        }
    }

    /// The names that begin with this one; for the harness, which makes no calls.
    pub(crate) fn names_beginning_with(&mut self, first: &str) -> Vec<String> {
        self.medium.names_beginning_with(first, &mut self.executor.decide)
    }

    /// From now on, all that goes on is kept.
    pub(crate) fn begin_log(&mut self) {
        self.medium.keep_fates();
        self.executor.log = Some(Box::default());
    }

    /// The log of calls so far, if one is kept; none is kept from now on.
    pub(crate) fn end_log(&mut self) -> Option<CallLog> {
        self.executor.log.take().map(|log| *log)
    }

    /// The processes or the power fail, and nothing is lost yet: for the log, if one is kept.
    pub(crate) fn log_crash(&mut self, kind: CrashKind) {
        if self.executor.log.is_some() {
            let survivors = Box::new(self.medium.survivors(&self.executor.decide));
            self.executor.log(|| What::Crash(kind, survivors));
        }
    }

    /// The only task that could run makes a call, whose time passes at once. `None` if others could run too, if its caller is
    /// dead, or where the run may have no end: then nothing has happened, and the gate sees to it.
    #[inline]
    pub(super) fn begin_alone(&mut self, process: Process, class: &'static Class) -> Option<Call> {
        let executor = &mut self.executor;
        if !executor.is_alone() || !executor.is_alive(process) || executor.may_go_round() {
            return None;
        }
        let call = executor.register(class, self.medium.mark());
        executor.now_ns = executor.now_ns.saturating_add(executor.latency_ns(&call, 0));
        Some(call)
    }

    /// The instant of a call. `None` if nobody will hear of it.
    pub(super) fn carry_out<R: Request<M>>(&mut self, call: &Call, request: &mut R) -> Option<R::Reply> {
        self.executor.trace_call(call);
        let about = self.executor.log.is_some().then(|| request.about(&self.medium));
        if let Some(cut) = call.cut
            && (cut.when == When::Before || (cut.when == When::Within && call.class.within != Within::Part))
        {
            self.executor.halt(call, cut);
            self.log_call(call, about, None);
            return None;
        }
        let planned = call.fault.and_then(|fault| request.refusal(fault));
        if planned.is_none() && !self.flights.is_empty() {
            self.land_what_tells(&*request);
        }
        let World { executor, medium, .. } = self;
        let reply = match planned {
            Some(refusal) => refusal,
            None => request.apply(medium, executor, call),
        };
        let failure = R::failure(&reply);
        if let Some(failure) = &failure {
            executor.trace.failed(failure.number);
            executor.injected.no_space += u32::from(failure.no_space);
        }
        if let Some(cut) = call.cut {
            executor.halt(call, cut);
        } else if call.fault == Some(FaultKind::Cancel) {
            executor.tasks[call.task].cancelled = true;
        }
        if about.is_some() {
            self.log_call(call, about, failure);
        }
        if call.ends_another {
            self.end_another(call.task);
        }
        let is_heard = call.cut.is_none() && call.fault != Some(FaultKind::Cancel);
        is_heard.then_some(reply)
    }

    /// The instant of a request that can outlive its caller: if that dies in the middle of it, or its client stops waiting, it
    /// goes on its way alone.
    pub(super) fn carry_out_sent<R>(&mut self, call: &Call, mut request: R) -> Option<R::Reply>
    where
        R: Request<M> + Into<M::Flight>,
    {
        let unanswered = call.fault.filter(|fault| *fault == FaultKind::Unanswered && call.cut.is_none());
        let is_left = unanswered.is_some()
            || call.cut.is_some_and(|cut| cut.when == When::Within)
            || call.fault == Some(FaultKind::Cancel);
        if !is_left || call.class.within != Within::Flight {
            return self.carry_out(call, &mut request);
        }
        // Its caller is told an error, and goes on.
        let reply = unanswered.and_then(|fault| request.refusal(fault));
        self.executor.trace_call(call);
        let about = self.executor.log.is_some().then(|| request.about(&self.medium));
        self.flights.send(None, *call, request.into());
        match call.cut {
            Some(cut) => self.executor.halt(call, cut),
            None => self.executor.tasks[call.task].cancelled = reply.is_none(),
        }
        self.log_end(call, about, End::Sent);
        reply
    }

    /// A call took effect, failed, or was where the crash came: for the log, if one is kept.
    fn log_call(&mut self, call: &Call, about: Option<About>, failure: Option<Failure>) {
        let end = match (call.cut, failure) {
            (Some(cut), _) if cut.when == When::Within && call.class.within != Within::Part => {
                End::Cut(When::Before)
            }
            (Some(cut), _) => End::Cut(cut.when),
            (None, Some(failure)) => End::Failed((failure.words)(failure.number)),
            (None, None) if call.fault == Some(FaultKind::Cancel) => End::Abandoned,
            (None, None) => End::Done,
        };
        self.log_end(call, about, end);
    }

    pub(super) fn log_end(&mut self, call: &Call, about: Option<About>, end: End) {
        let (Some(log), Some(about)) = (&mut self.executor.log, about) else { return };
        let entry = call_log::Call {
            site: call.site,
            verb: call.class.name,
            effect: call.class.effect,
            path: String::new(),
            to: None,
            range: None,
            moved: None,
            made: false,
            fault: call.fault,
            end,
        };
        log.ended(self.executor.now_ns, about, self.medium.take_fates(), entry);
    }
}
