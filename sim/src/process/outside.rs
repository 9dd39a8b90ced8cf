//! Where what comes from outside meets a run: the processes of its hosts, the directory they live in, and the questions that
//! wait for their answers.
//!
//! Everything here is done by the run's own thread, when it has nothing else to do: [`Outside::wait`] takes one thing that was
//! heard, and wakes whom it concerns. What is heard meanwhile waits in the pipes.

use super::child::{Child, Heard};
use super::mounted::Mounted;
use super::place;
use super::preloaded::{Environment, Preloaded};
use super::program::{Program, World};
use super::protocol::{self, Answer, Request, shown};
use super::shown::{FileCall, Shown};
use crate::executor::{self, Fault, Process, Waited};
use crate::media::Sim;
use crossbeam_channel::Select;
use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tempfile::TempDir;

/// The processes of one run and what they are asked.
#[derive(Debug)]
pub(crate) struct Outside {
    program: Arc<Program>,
    root: String,
    _dir: Option<TempDir>,
    state: Mutex<State>,
    /// How processes see the simulated file system, while there are any that do.
    shown: Mutex<Option<Arc<Shown>>>,
}

#[derive(Debug, Default)]
struct State {
    /// By number, in the order in which they were started.
    children: Vec<(u64, Child)>,
    children_begun: u64,
    /// In the order in which they were asked.
    questions: Vec<Question>,
    asked: u64,
    /// What was asked without waiting for the answer.
    unattended: Vec<u64>,
    fault: Option<Fault>,
}

#[derive(Debug)]
struct Question {
    id: u64,
    child: u64,
    task: usize,
    answer: Option<Answer>,
    /// The line that asks it, while it is another process's turn.
    held: Option<Vec<u8>>,
    /// Calls of files that a process has made while this was the oldest question, in their order.
    calls: VecDeque<FileCall>,
    waker: Option<Waker>,
}

/// What happens to a question that is waited for.
#[derive(Debug)]
pub(super) enum Turn {
    /// It is answered.
    Answer(Answer),
    /// On the way there a file is to be worked on.
    Call(FileCall, Arc<Shown>),
}

impl Outside {
    /// A world on the real disk: this directory, which is there, or a fresh one that goes with it.
    pub(crate) fn on_disk(program: Arc<Program>, root: Option<&str>) -> io::Result<Outside> {
        let dir = match root {
            Some(_) => None,
            None => Some(place::fresh()?),
        };
        let fresh = dir.as_ref().map(|dir| match program.world {
            // It is not there.
            World::Preload => dir.path().join("root"),
            World::Fuse | World::None => dir.path().to_owned(),
        });
        let fresh = fresh.map(|dir| dir.to_string_lossy().into_owned());
        let root = root.map(str::to_owned).or(fresh).expect("one of them is there");
        Ok(Outside { program, root, _dir: dir, state: Mutex::default(), shown: Mutex::default() })
    }

    /// The directory that outlives processes.
    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// How long silence may last.
    pub(super) fn hang_timeout(&self) -> Duration {
        self.program.hang_timeout
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a panic here is a bug of ours, and passed on")
    }

    fn shown(&self) -> MutexGuard<'_, Option<Arc<Shown>>> {
        self.shown.lock().expect("a panic here is a bug of ours, and passed on")
    }

    /// Where the library of processes in this world asks, if it has a directory.
    pub(super) fn socket(&self) -> PathBuf {
        Path::new(&self.root).with_file_name("socket")
    }

    /// Starts a process of a run in the world that it has to live in, and says its number.
    pub(super) fn start_in(&self, sim: &Sim, process: Process) -> io::Result<u64> {
        let mut shown = self.shown();
        if shown.is_none() {
            *shown = match self.program.world {
                World::None => None,
                World::Fuse => Some(Shown::Mounted(Mounted::new(Path::new(&self.root), sim, process)?)),
                World::Preload => {
                    Some(Shown::Preloaded(Preloaded::new(&self.root, &self.socket(), sim, process)?))
                }
            }
            .map(Arc::new);
        }
        let number = self.lock().children_begun + 1;
        let environment = shown.as_ref().map_or_else(Vec::new, |shown| shown.environment(number));
        drop(shown);
        self.start(&environment)
    }

    /// Starts a process, and says its number.
    pub(super) fn start(&self, environment: &Environment) -> io::Result<u64> {
        let child = Child::start(&self.program.words, environment)?;
        let mut state = self.lock();
        state.children_begun += 1;
        let number = state.children_begun;
        state.children.push((number, child));
        Ok(number)
    }

    /// The process's number, as the system has it.
    pub(super) fn pid(&self, child: u64) -> Option<i32> {
        let state = self.lock();
        state.children.iter().find(|(number, _)| *number == child).map(|(_, child)| child.pid())
    }

    /// Kills a process with all that it started, and forgets what it was asked. When this returns it is gone.
    pub(super) fn end(&self, child: u64, sim: Option<&Sim>) {
        let mut state = self.lock();
        state.questions.retain(|question| question.child != child);
        let at = state.children.iter().position(|(number, _)| *number == child);
        let ended = at.map(|at| state.children.remove(at).1);
        let last = state.children.is_empty();
        drop(state);
        let shown = self.shown().clone();
        if let (Some(child), Some(Shown::Mounted(mounted))) = (&ended, shown.as_deref()) {
            child.kill();
            // A process that is killed waits for the answers that it waits for, and tells of each file that it closes.
            let others = mounted.serve_until(sim, || child.has_exited());
            for call in others {
                self.lock().hand_on(None, FileCall::Kernel(call));
            }
        }
        drop(ended);
        if let Some(Shown::Preloaded(preloaded)) = shown.as_deref() {
            preloaded.ended(child);
        }
        self.lock().give_turns();
        if last {
            // With the last process goes all that the kernel, or we in its place, know of files.
            *self.shown() = None;
        }
    }

    /// Asks a process for something, on behalf of a task.
    pub(super) fn ask(&self, child: u64, task: usize, request: &Request<'_>) -> u64 {
        let mut state = self.lock();
        state.asked += 1;
        let id = state.asked;
        let held = Some(request.line(id));
        let calls = VecDeque::new();
        state.questions.push(Question { id, child, task, answer: None, held, calls, waker: None });
        state.give_turns();
        id
    }

    /// Tells a process something whose answer nobody waits for.
    pub(super) fn tell(&self, child: u64, request: &Request<'_>) {
        let mut state = self.lock();
        state.asked += 1;
        let id = state.asked;
        if let Some((_, child)) = state.children.iter().find(|(number, _)| *number == child) {
            child.send(request.line(id));
            state.unattended.push(id);
        }
    }

    /// What a question's turn is: a file to be worked on, or the answer, once it is there. Then the question is forgotten.
    pub(super) fn poll_turn(&self, id: u64, context: &Context<'_>) -> Poll<Turn> {
        let mut state = self.lock();
        let Some(at) = state.questions.iter().position(|question| question.id == id) else {
            return Poll::Pending;
        };
        if let Some(call) = state.questions[at].calls.pop_front() {
            let shown = self.shown().clone();
            return Poll::Ready(Turn::Call(call, shown.expect("the call came by it")));
        }
        match state.questions[at].answer.take() {
            Some(answer) => {
                state.questions.remove(at);
                Poll::Ready(Turn::Answer(answer))
            }
            None => {
                state.questions[at].waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Nobody waits for the answer any more.
    pub(super) fn forget(&self, id: u64) {
        // During a panic of our own there is nothing to tidy up.
        if let Ok(mut state) = self.state.lock() {
            state.questions.retain(|question| question.id != id);
            state.give_turns();
        }
    }

    /// A host's answer is not what was asked for.
    pub(super) fn blame(&self, child: u64, task: usize, what: &str) {
        self.lock().blame(child, Some(task), what);
    }

    /// What a host did wrong, if anything, since this was last asked.
    pub(super) fn take_fault(&self) -> Option<Fault> {
        self.lock().fault.take()
    }

    /// Waits for one thing from outside, not longer than the silence that is a hang, and acts on it.
    pub(super) fn wait(&self) -> Waited {
        self.wait_for(self.hang_timeout())
    }

    /// The same with another patience.
    pub(super) fn wait_for(&self, patience: Duration) -> Waited {
        let (receivers, longest) = {
            let state = self.lock();
            let Some(longest) = state.questions.iter().find(|question| question.answer.is_none()) else {
                return Waited::Nobody;
            };
            let heard = state.children.iter().map(|(number, child)| (*number, child.heard.clone()));
            (heard.collect::<Vec<_>>(), longest.task)
        };
        let shown = self.shown().clone();
        let mut select = Select::new();
        if let Some(shown) = &shown {
            shown.watch(&mut select);
        }
        for (_, receiver) in &receivers {
            select.recv(receiver);
        }
        if select.ready_timeout(patience).is_err() {
            return Waited::Silence(patience, longest);
        }
        // What comes first is not left to chance: what a process said before it made a call is heard before that call is
        // worked on, and processes are heard in the order of their starts.
        loop {
            for (number, receiver) in &receivers {
                if let Ok(heard) = receiver.try_recv() {
                    self.lock().hear(*number, heard);
                    return Waited::Woken;
                }
            }
            let Some(shown) = shown.as_ref().filter(|shown| shown.has_some()) else {
                return Waited::Woken;
            };
            let mut state = self.lock();
            if state.children.iter().all(|(_, child)| child.is_heard_out()) {
                // One that said something meanwhile is heard in the next round.
                if receivers.iter().all(|(_, receiver)| receiver.is_empty()) {
                    let is_alive = |child| state.children.iter().any(|(number, _)| *number == child);
                    if let Some((child, call)) = shown.take(is_alive) {
                        state.hand_on(child, call);
                    }
                    return Waited::Woken;
                }
            }
            drop(state);
            std::thread::yield_now();
        }
    }
}

impl executor::Outside for Outside {
    fn wait(&self) -> Waited {
        Outside::wait(self)
    }

    fn take_fault(&self) -> Option<Fault> {
        Outside::take_fault(self)
    }

    fn another(&self) -> io::Result<Arc<dyn executor::Outside>> {
        Ok(Arc::new(Outside::on_disk(self.program.clone(), None)?))
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

impl State {
    fn hear(&mut self, number: u64, heard: Heard) {
        match heard {
            Heard::Line(line) => match protocol::read(&line) {
                Ok((id, answer)) => self.answered(number, id, answer, &line),
                Err(why) => self.blame(number, None, &format!("said {why}")),
            },
            Heard::TooLong(line) => {
                let most = protocol::LINE_LEN_MAX >> 20;
                self.blame(
                    number,
                    None,
                    &format!("wrote a line of more than {most} MiB, which begins {}", shown(&line)),
                );
            }
            Heard::End => {
                let child = self.children.iter_mut().find(|(other, _)| *other == number);
                let how = child.map_or_else(String::new, |(_, child)| child.last_words());
                self.accuse(number, None, how);
            }
        }
    }

    /// A call of a file is worked on by the task of the oldest question, to the process that it comes from if that can be told: a host
    /// that takes one after the other is at that one.
    fn hand_on(&mut self, child: Option<u64>, call: FileCall) {
        let open = |question: &Question| question.answer.is_none() && question.held.is_none();
        let own = |question: &Question| open(question) && child.is_none_or(|child| question.child == child);
        let at = self.questions.iter().position(own).or_else(|| self.questions.iter().position(open));
        if let Some(question) = at.map(|at| &mut self.questions[at]) {
            question.calls.push_back(call);
            if let Some(waker) = question.waker.take() {
                waker.wake();
            }
        }
    }

    fn answered(&mut self, number: u64, id: u64, answer: Answer, line: &[u8]) {
        let open = |question: &&mut Question| {
            question.id == id && question.child == number && question.answer.is_none()
        };
        if let Some(at) = self.unattended.iter().position(|told| *told == id) {
            self.unattended.swap_remove(at);
            return;
        }
        let Some(question) = self.questions.iter_mut().find(open) else {
            return self.blame(
                number,
                None,
                &format!("answered a request that nobody waits for: {}", shown(line)),
            );
        };
        question.answer = Some(answer);
        if let Some(waker) = question.waker.take() {
            waker.wake();
        }
        self.give_turns();
    }

    /// Asks what can be asked now. Two processes at work at once would race for the world, so they take turns: one is asked
    /// nothing while another has not answered.
    fn give_turns(&mut self) {
        let State { children, questions, .. } = self;
        let mut open = questions.iter().filter(|question| question.answer.is_none());
        // Whose turn it is; and if it is nobody's, who waits longest.
        let longest = open.clone().next().map(|question| question.child);
        let turn = open.find(|question| question.held.is_none()).map(|question| question.child).or(longest);
        for question in questions.iter_mut().filter(|question| Some(question.child) == turn) {
            let child = children.iter().find(|(number, _)| *number == question.child);
            if let (Some((_, child)), Some(line)) = (child, question.held.take()) {
                child.send(line);
            }
        }
    }

    fn blame(&mut self, number: u64, task: Option<usize>, what: &str) {
        let child = self.children.iter_mut().find(|(other, _)| *other == number);
        let complaints = child.map_or_else(String::new, |(_, child)| child.complaints());
        self.accuse(number, task, format!("{what}{complaints}"));
    }

    /// The first fault is what counts: what follows may be its consequence.
    fn accuse(&mut self, number: u64, task: Option<usize>, what: String) {
        let asked = self.questions.iter().find(|question| question.child == number);
        let task = task.or(asked.map(|question| question.task)).unwrap_or(0);
        self.fault.get_or_insert(Fault { what, task });
    }
}
