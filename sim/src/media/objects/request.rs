//! Requests to a bucket, as data, and what each comes to at the instant at which it takes effect.

use super::axioms::Axioms;
use super::state::{Object, Objects};
use crate::base::decide::{Lean, Question};
use crate::executor::call_log::{About, Effect};
use crate::executor::medium::{self, Failure};
use crate::executor::{Call, Class, Executor, Within};
use crate::media::{Media, Sent};
use crate::plan::FaultKind::{self, Cancel, Conflict, ErrorInBody, ReadEio, Stall, Unanswered, WriteEio};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

static PUT: Class = Class {
    number: 18,
    name: "put",
    effect: Effect::Puts,
    latency_ns: 20_000_000,
    changes: true,
    within: Within::Flight,
    suffers: &[WriteEio, Stall, Cancel, Unanswered, Conflict],
};

static DELETE: Class = Class {
    number: 19,
    name: "delete",
    effect: Effect::Puts,
    latency_ns: 15_000_000,
    changes: true,
    within: Within::Flight,
    suffers: &[WriteEio, Stall, Cancel, Unanswered],
};

static BEGIN: Class = Class {
    number: 21,
    name: "begin-upload",
    effect: Effect::Puts,
    latency_ns: 15_000_000,
    changes: true,
    within: Within::Nothing,
    suffers: &[WriteEio, Stall],
};

static PART: Class = Class {
    number: 22,
    name: "part",
    effect: Effect::Puts,
    latency_ns: 20_000_000,
    changes: true,
    within: Within::Flight,
    suffers: &[WriteEio, Stall, Cancel, Unanswered],
};

static COMPLETE: Class = Class {
    number: 23,
    name: "complete-upload",
    effect: Effect::Puts,
    latency_ns: 25_000_000,
    changes: true,
    within: Within::Flight,
    suffers: &[WriteEio, Stall, Cancel, Unanswered, ErrorInBody],
};

static LOOK: Class = Class {
    number: 20,
    name: "look",
    effect: Effect::Looks,
    latency_ns: 10_000_000,
    changes: false,
    within: Within::Nothing,
    suffers: &[ReadEio, Stall],
};

/// Whether there are calls that this kind of fault can hit.
pub(crate) fn can_suffer(axioms: &Axioms, fault: FaultKind) -> bool {
    (axioms.conflicts || fault != Conflict)
        && [&PUT, &DELETE, &LOOK, &BEGIN, &PART, &COMPLETE].iter().any(|class| class.suffers(fault))
}

/// The condition of a put.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum When {
    Always,
    /// `If-None-Match: *`
    Absent,
    /// `If-Match`, with the change that made what is to be replaced.
    Is(u64),
}

/// A request; it borrows nothing.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Put {
        name: String,
        bytes: Arc<[u8]>,
        when: When,
    },
    Delete {
        name: String,
    },
    Get {
        name: String,
        version: Option<u64>,
    },
    /// Only whether the object is there: how a bucket tests a condition that does so apart from the change.
    Look {
        name: String,
    },
    List {
        first: String,
    },
    /// An upload in parts is begun. The others of it name it by its number.
    Begin {
        name: String,
    },
    Part {
        name: String,
        upload: u64,
        number: u32,
        bytes: Arc<[u8]>,
    },
    Complete {
        name: String,
        upload: u64,
        parts: u32,
    },
    Abort {
        name: String,
        upload: u64,
    },
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// It is done; the change that did it.
    Done(u64),
    /// An upload of this number was begun.
    Begun(u64),
    /// There is no such upload, or a part of it is missing.
    NoUpload,
    /// The condition does not hold.
    Refused,
    /// Somebody else was changing it at the same time (409), and nothing was done.
    Conflict,
    Held(Option<Object>),
    Names(Vec<(String, Object)>),
    /// It failed as planned, or the process is dead.
    Failed(FaultKind),
}

impl Request {
    /// The name of what it is about; of a list, what names begin with.
    fn name(&self) -> &String {
        match self {
            Request::Put { name, .. }
            | Request::Delete { name }
            | Request::Get { name, .. }
            | Request::Look { name }
            | Request::Begin { name }
            | Request::Part { name, .. }
            | Request::Complete { name, .. }
            | Request::Abort { name, .. }
            | Request::List { first: name } => name,
        }
    }

    /// The upload that it is about.
    fn upload(&self) -> Option<u64> {
        match self {
            Request::Part { upload, .. }
            | Request::Complete { upload, .. }
            | Request::Abort { upload, .. } => Some(*upload),
            _ => None,
        }
    }

    /// Whether what anybody sees of a name depends on it.
    fn changes_objects(&self) -> bool {
        matches!(self, Request::Put { .. } | Request::Delete { .. } | Request::Complete { .. })
    }

    /// Whether it makes a difference to this request if the other one has landed before.
    fn sees(&self, earlier: &Request) -> bool {
        if self.upload().is_some() && self.upload() == earlier.upload() {
            return true;
        }
        let (own, changed) = (self.name(), earlier.name());
        // Where a part takes a name, elsewhere in vain.
        let creates = matches!(self, Request::Put { when: When::Absent, .. });
        if creates && matches!(earlier, Request::Part { .. }) && own == changed {
            return true;
        }
        earlier.changes_objects()
            && match self {
                Request::List { .. } => changed.starts_with(own),
                Request::Begin { .. } | Request::Part { .. } | Request::Abort { .. } => false,
                _ => own == changed,
            }
    }
}

impl medium::Request<Media> for Request {
    type Reply = Reply;

    fn class(&self) -> &'static Class {
        match self {
            Request::Put { .. } => &PUT,
            Request::Delete { .. } => &DELETE,
            Request::Begin { .. } => &BEGIN,
            Request::Part { .. } | Request::Abort { .. } => &PART,
            Request::Complete { .. } => &COMPLETE,
            _ => &LOOK,
        }
    }

    fn about(&self, _: &Media) -> About {
        let verb = match self {
            Request::Put { when: When::Always, .. } => "put",
            Request::Put { when: When::Absent, .. } => "put if absent",
            Request::Put { when: When::Is(_), .. } => "put if unchanged",
            Request::Delete { .. } => "delete",
            Request::Get { .. } => "get",
            Request::Look { .. } => "test a condition",
            Request::List { .. } => "list",
            Request::Begin { .. } => "begin an upload",
            Request::Part { .. } => "put a part",
            Request::Complete { .. } => "complete an upload",
            Request::Abort { .. } => "abort an upload",
        };
        let range = match self {
            Request::Put { bytes, .. } | Request::Part { bytes, .. } => Some((0, bytes.len() as u64)),
            _ => None,
        };
        About { verb, path: self.name().clone(), to: None, range }
    }

    fn apply(&mut self, media: &mut Media, executor: &mut Executor, call: &Call) -> Reply {
        let objects = &mut media.objects;
        match self {
            Request::Put { name, when, .. } if !objects.holds(name, when) => {
                executor.note(call, xxh3_64(name.as_bytes()), 0);
                Reply::Refused
            }
            Request::Put { name, bytes, .. } => {
                executor.note_bytes(call, xxh3_64(name.as_bytes()), 1, bytes);
                executor.note_made();
                Reply::Done(objects.change(name, Some(bytes.clone())))
            }
            Request::Delete { name } if !objects.can_remove(name) => {
                executor.note(call, xxh3_64(name.as_bytes()), 6);
                Reply::Refused
            }
            Request::Delete { name } => {
                executor.note(call, xxh3_64(name.as_bytes()), 2);
                Reply::Done(objects.change(name, None))
            }
            Request::Get { name, version } => {
                let held = objects.object(name, *version);
                let bytes = held.as_ref().map_or(&[][..], |object| &object.bytes);
                executor.note_bytes(call, xxh3_64(name.as_bytes()), 3, bytes);
                Reply::Held(held)
            }
            Request::Look { name } => {
                let held = objects.object(name, None);
                executor.note(call, xxh3_64(name.as_bytes()), 4 + u64::from(held.is_some()));
                Reply::Held(held)
            }
            Request::List { first } => {
                let behind = match objects.behind_max() {
                    0 => 0,
                    most => executor.decide.choose(call.address(Question::Behind), most + 1, Lean::Mood),
                };
                let listed = objects.listed(first, behind as usize);
                executor.note(call, xxh3_64(first.as_bytes()), listed.len() as u64);
                Reply::Names(listed)
            }
            upload => upload.apply_to_upload(objects, executor, call),
        }
    }

    fn refusal(&self, fault: FaultKind) -> Option<Reply> {
        match fault {
            ReadEio | WriteEio | Unanswered | ErrorInBody => Some(Reply::Failed(fault)),
            Conflict => Some(Reply::Conflict),
            _ => None,
        }
    }

    fn dead() -> Reply {
        Reply::Failed(Cancel)
    }

    fn failure(reply: &Reply) -> Option<Failure> {
        let number = match reply {
            Reply::Failed(Unanswered) => 504,
            Reply::Failed(ErrorInBody) => 200,
            Reply::Failed(_) => 500,
            Reply::Conflict => 409,
            _ => return None,
        };
        let words = |number| match number {
            504 => "not answered".to_owned(),
            200 => "answered 200, with an error in the body".to_owned(),
            number => format!("answered {number}"),
        };
        Some(Failure { number, no_space: false, words })
    }

    fn can_tell(&self, flight: &Sent) -> bool {
        matches!(flight, Sent::Objects(earlier) if self.sees(earlier))
    }
}

/// A request that is on its way by itself.
impl medium::Flight<Media> for Request {
    fn land(mut self, media: &mut Media, executor: &mut Executor, call: &Call) {
        medium::Request::apply(&mut self, media, executor, call);
    }

    fn can_tell(&self, earlier: &Sent) -> bool {
        medium::Request::can_tell(self, earlier)
    }

    fn digest(&self) -> u64 {
        let mut state = Xxh3::new();
        std::mem::discriminant(self).hash(&mut state);
        (self.name(), self.upload()).hash(&mut state);
        match self {
            Request::Put { bytes, when, .. } => (bytes, when).hash(&mut state),
            Request::Part { bytes, number, .. } => (bytes, number).hash(&mut state),
            _ => {}
        }
        state.finish()
    }

    fn about(&self) -> (String, String) {
        let what = match self {
            Request::Put { .. } => "put",
            Request::Part { .. } => "part",
            Request::Complete { .. } => "completion",
            Request::Abort { .. } => "abortion",
            _ => "deletion",
        };
        (self.name().clone(), what.to_owned())
    }
}

impl Request {
    /// What a request of an upload in parts comes to.
    fn apply_to_upload(&self, objects: &mut Objects, executor: &mut Executor, call: &Call) -> Reply {
        let hash = xxh3_64(self.name().as_bytes());
        match self {
            Request::Begin { name } => {
                let upload = objects.begin_upload(name);
                executor.note(call, hash, 6 + upload);
                Reply::Begun(upload)
            }
            Request::Part { upload, number, bytes, .. } => {
                executor.note_bytes(call, hash, u64::from(*number), bytes);
                if objects.put_part(*upload, *number, bytes.clone()) {
                    Reply::Done(0)
                } else {
                    Reply::NoUpload
                }
            }
            Request::Complete { upload, parts, .. } => {
                let change = objects.complete(*upload, *parts);
                executor.note(call, hash, change.unwrap_or(0));
                if change.is_some() {
                    executor.note_made();
                }
                change.map_or(Reply::NoUpload, Reply::Done)
            }
            Request::Abort { upload, .. } => {
                objects.abort(*upload);
                executor.note(call, hash, 3);
                Reply::Done(0)
            }
            _ => unreachable!("it is of an upload"),
        }
    }
}
