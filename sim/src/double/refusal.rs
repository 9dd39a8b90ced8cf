//! Refusals: a call of the contract answers with an error that it may answer with, whatever the host below would have said.
//!
//! Errors that the host below comes to by itself (because a call of its own failed) are not enough for a store: which of them
//! leave a record in doubt, and which way the doubt comes out, is an accident of that host. Here each comes out each way.

use asl_host::{ErrorKind, Operation};
use std::fmt;
use std::str::FromStr;
use std::sync::Mutex;

/// One call that is refused, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which call of the work to the host or its stores, from 0.
    pub call: u32,
    /// How.
    pub form: Form,
}

/// The ways in which a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An input/output error, and nothing was done. Work through the handle goes on.
    Io,
    /// An input/output error, and yet all was done (half, if it is a write to a block). Work through the handle goes on.
    IoDone,
    /// The same, but the handle refuses all further work.
    IoClosed,
    /// No space, and nothing was done.
    NoSpace,
    /// Somebody else writes to the store: nothing was done, and no write through the handle is from now on. In a run in which this
    /// happens to a write, the host says that it excludes writers by [`asl_host::Exclusion::Fence`].
    Concurrent,
}

const FORMS: [(Form, &str); 5] = [
    (Form::Io, "io"),
    (Form::IoDone, "io-done"),
    (Form::IoClosed, "io-closed"),
    (Form::NoSpace, "no-space"),
    (Form::Concurrent, "concurrent"),
];

impl Form {
    /// The forms that the contract allows for an operation.
    pub(super) fn of(operation: Operation) -> &'static [Form] {
        use Form::{Concurrent, Io, IoClosed, IoDone, NoSpace};
        match operation {
            Operation::CreateStore => &[Io, IoDone, NoSpace],
            Operation::OpenStore => &[Io, Concurrent],
            Operation::DestroyStore | Operation::Close => &[Io, IoDone],
            Operation::Now | Operation::Identity | Operation::MountSnapshot => &[Io],
            operation if is_write(operation) => &[Io, IoDone, IoClosed, NoSpace, Concurrent],
            _ => &[Io, IoClosed],
        }
    }

    pub(super) fn kind(self) -> ErrorKind {
        match self {
            Form::Io | Form::IoDone | Form::IoClosed => ErrorKind::Io,
            Form::NoSpace => ErrorKind::NoSpace,
            Form::Concurrent => ErrorKind::ConcurrentModification,
        }
    }

    pub(super) fn is_done(self) -> bool {
        matches!(self, Form::IoDone | Form::IoClosed)
    }
}

/// Whether a fence keeps the operation out.
pub(super) fn is_write(operation: Operation) -> bool {
    use Operation::{Append, CreateBlock, CreateSnapshot, DeleteSnapshot, Flush, SealBlock, WriteBlock};
    matches!(
        operation,
        Append | Flush | CreateBlock | WriteBlock | SealBlock | CreateSnapshot | DeleteSnapshot
    )
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, name) = FORMS.iter().find(|(form, _)| form == self).expect("all are listed");
        f.write_str(name)
    }
}

impl FromStr for Form {
    type Err = ();

    fn from_str(text: &str) -> Result<Form, ()> {
        FORMS.iter().find(|(_, name)| *name == text).map(|&(form, _)| form).ok_or(())
    }
}

/// The calls that one incarnation of the host was asked for, and which of them is refused. Shared by the host and its stores, which
/// are `Sync`; a run has one thread.
#[derive(Debug)]
pub(super) struct Calls {
    refusal: Option<Refusal>,
    seen: Mutex<Vec<Operation>>,
}

impl Calls {
    pub(super) fn new(refusal: Option<Refusal>) -> Calls {
        Calls { refusal, seen: Mutex::default() }
    }

    /// The next call: refused in this form, or not.
    pub(super) fn turn(&self, operation: Operation) -> Option<Form> {
        let mut seen = self.seen.lock().expect("nothing panics while it is held");
        seen.push(operation);
        let refused = self.refusal.filter(|refusal| refusal.call as usize + 1 == seen.len());
        // A work that is not the same in every run may ask for something else here.
        refused.map(|refusal| refusal.form).filter(|form| Form::of(operation).contains(form))
    }

    pub(super) fn seen(&self) -> Vec<Operation> {
        self.seen.lock().expect("nothing panics while it is held").clone()
    }

    /// Whether the refusal's turn came.
    pub(super) fn is_hit(&self) -> bool {
        self.refusal.is_some_and(|refusal| self.seen().len() > refusal.call as usize)
    }

    /// Whether a handle may find itself fenced off.
    pub(super) fn may_fence(&self) -> bool {
        self.refusal.is_some_and(|refusal| refusal.form == Form::Concurrent)
    }
}
