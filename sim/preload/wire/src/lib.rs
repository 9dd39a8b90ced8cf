//! What a program's preloaded library asks the simulator, and what that answers: one system call each, as bytes.
//!
//! A message on the socket is its length in four bytes, and so many bytes. A [`Call`] is a byte that says which, and its fields; an
//! answer is an error's number of errno(3) in four bytes, or zero and an [`Answer`]. Numbers are little-endian, byte strings have
//! their length in front. What cannot be read is `None`, whatever it holds.
//!
//! Library and simulator come from one build, so that there is no other version to be understood; [`VERSION`] finds out if they do
//! not.

mod field;

use field::Field;

/// Raised with each change of what is said.
pub const VERSION: u32 = 1;
/// The longest message in bytes, without its length.
pub const MESSAGE_LEN_MAX: usize = (1 << 20) + (64 << 10);
/// The most bytes that one call reads or writes.
pub const DATA_LEN_MAX: usize = 1 << 20;
/// The variable that names the socket of the simulator, in the program's environment.
pub const SOCKET: &str = "ASL_SIM_PRELOAD_SOCKET";
/// The variable that names the directory whose files are the simulator's. Where it is not set, none are.
pub const ROOT: &str = "ASL_SIM_PRELOAD_ROOT";
/// The variable that holds the number of the process that the simulator started.
pub const CHILD: &str = "ASL_SIM_PRELOAD_CHILD";
/// In the place of an offset: where the file's position is.
pub const AT_POSITION: i64 = -1;

/// Where a path begins, and how it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The number of an open directory, or 0 for the root. If the path is empty: the number of what is meant itself.
    pub dir: u64,
    /// Relative to that, whether it begins with a slash or not.
    pub path: Vec<u8>,
}

/// A time that a file is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// The one that it has.
    Same,
    /// The present, by the simulated clock.
    Now,
    /// In nanoseconds since 1970.
    At(u64),
}

/// What stat(2) tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are what stat(2) calls them")]
pub struct Status {
    pub ino: u64,
    /// With the bits that say what it is.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub nlink: u32,
    pub size: u64,
    pub atime_ns: u64,
    pub mtime_ns: u64,
    pub ctime_ns: u64,
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The inode's number.
    pub ino: u64,
    /// One of readdir(3)'s `DT_` numbers.
    pub kind: u8,
    /// Where to go on reading behind it.
    pub offset: u64,
    /// Its name.
    pub name: Vec<u8>,
}

/// A lock of fcntl(2) that is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Whether it keeps out those who share.
    pub exclusive: bool,
    /// Where it begins, in bytes.
    pub begin: u64,
    /// Its length in bytes; 0 if it has no end.
    pub len: u64,
    /// The process that has it; -1 if it is an open file's.
    pub pid: i32,
}

macro_rules! structs {
    ($($name:ident { $($field:ident),* })*) => {
        $(impl Field for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$field.put(out);)*
            }

            fn take(rest: &mut &[u8]) -> Option<$name> {
                Some($name { $($field: Field::take(rest)?),* })
            }
        })*
    };
}

structs! {
    Place { dir, path }
    Status { ino, mode, uid, gid, nlink, size, atime_ns, mtime_ns, ctime_ns }
    Entry { ino, kind, offset, name }
    Held { exclusive, begin, len, pid }
}

impl Field for Time {
    fn put(&self, out: &mut Vec<u8>) {
        let (tag, ns): (u8, u64) = match *self {
            Time::Same => (0, 0),
            Time::Now => (1, 0),
            Time::At(ns) => (2, ns),
        };
        (tag, ns).put(out);
    }

    fn take(rest: &mut &[u8]) -> Option<Time> {
        match <(u8, u64)>::take(rest)? {
            (0, _) => Some(Time::Same),
            (1, _) => Some(Time::Now),
            (2, ns) => Some(Time::At(ns)),
            _ => None,
        }
    }
}

macro_rules! messages {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$what:meta])* $variant:ident { $($field:ident: $type:ty),* } = $code:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "fields are what the calls of these names call them; `file` is an open file's number")]
        pub enum $name {
            $($(#[$what])* $variant { $($field: $type),* },)*
        }

        impl Field for $name {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $($name::$variant { $($field),* } => {
                        out.push($code);
                        $($field.put(out);)*
                    })*
                }
            }

            fn take(rest: &mut &[u8]) -> Option<$name> {
                match u8::take(rest)? {
                    $($code => Some($name::$variant { $($field: Field::take(rest)?),* }),)*
                    _ => None,
                }
            }
        }
    };
}

messages! {
    /// A system call, or what the simulator has to know of a process.
    Call {
        /// The first message of a process, which is not answered. `inherits` is what `Fork` said, or 0.
        Hello { version: u32, child: u64, inherits: u64, pid: i32 } = 1,
        /// The process is about to fork: a number for what the new one has open, until it says hello.
        Fork { } = 2,
        Open { at: Place, flags: i32, mode: u32 } = 3,
        /// Another descriptor stands for the same open file.
        Dup { file: u64 } = 4,
        /// One less does.
        Close { file: u64 } = 5,
        Read { file: u64, offset: i64, len: u32 } = 6,
        Write { file: u64, offset: i64, data: Vec<u8> } = 7,
        Seek { file: u64, offset: i64, whence: i32 } = 8,
        Sync { file: u64, data_only: bool } = 9,
        Allocate { file: u64, mode: i32, offset: u64, len: u64 } = 10,
        GetFlags { file: u64 } = 11,
        SetFlags { file: u64, flags: i32 } = 12,
        Stat { at: Place, follow: bool } = 13,
        /// ftruncate(2) if the path is empty.
        SetLen { at: Place, len: u64 } = 14,
        SetMode { at: Place, mode: u32 } = 15,
        SetOwner { at: Place, follow: bool, uid: u32, gid: u32 } = 16,
        SetTimes { at: Place, follow: bool, atime: Time, mtime: Time } = 17,
        MakeDir { at: Place, mode: u32 } = 18,
        Remove { at: Place, is_dir: bool } = 19,
        Rename { from: Place, to: Place, flags: u32 } = 20,
        Link { from: Place, to: Place, follow: bool } = 21,
        Symlink { target: Vec<u8>, at: Place } = 22,
        ReadLink { at: Place } = 23,
        /// The path from the root, without links and dots.
        RealPath { at: Place } = 24,
        List { file: u64, offset: u64 } = 25,
        Space { } = 26,
        /// Never waits, whatever it says.
        Flock { file: u64, operation: i32 } = 27,
        /// A lock of fcntl(2), of the process or of the open file: set (or given up, if it is not held), or asked for. Never waits.
        Lock { file: u64, of_file: bool, query: bool, kind: i32, begin: u64, len: u64 } = 28,
    }
}

messages! {
    /// What a call that did not fail comes to.
    Answer {
        /// Nothing more to say.
        Done { } = 1,
        /// An open file, bytes written, a position, flags.
        Number { value: u64 } = 2,
        /// What was read, or a path.
        Data { data: Vec<u8> } = 3,
        Status { status: Status } = 4,
        Entries { entries: Vec<Entry> } = 5,
        Space { total: u64, free: u64 } = 6,
        /// The lock that is in the way.
        Held { held: Option<Held> } = 7,
    }
}

/// Puts a message into an empty buffer.
fn message(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    out.clear();
    out.extend([0; 4]);
    put(out);
    let len = (out.len() - 4) as u32;
    out[..4].copy_from_slice(&len.to_le_bytes());
}

impl Call {
    /// The message, in the place of what the buffer holds.
    pub fn write(&self, out: &mut Vec<u8>) {
        message(out, |out| self.put(out));
    }

    /// Reads a message, which comes without its length.
    pub fn read(mut message: &[u8]) -> Option<Call> {
        let call = Call::take(&mut message)?;
        message.is_empty().then_some(call)
    }
}

/// The message of an answer, or of an error's number, in the place of what the buffer holds.
pub fn write_answer(answer: &Result<Answer, i32>, out: &mut Vec<u8>) {
    message(out, |out| match answer {
        Ok(answer) => {
            0_i32.put(out);
            answer.put(out);
        }
        Err(number) => number.put(out),
    });
}

/// Reads the message of an answer, which comes without its length.
pub fn read_answer(mut message: &[u8]) -> Option<Result<Answer, i32>> {
    match i32::take(&mut message)? {
        0 => Answer::take(&mut message).map(Ok),
        number => Some(Err(number)),
    }
}

/// The length of the message that a buffer begins with, once it holds that; more than [`MESSAGE_LEN_MAX`] is none.
pub fn len_of(buffer: &[u8]) -> Option<usize> {
    let len = buffer.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*len)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let at = Place { dir: 7, path: b"a/b".to_vec() };
        let calls = [
            Call::Hello { version: VERSION, child: 3, inherits: 0, pid: -1 },
            Call::Fork {},
            Call::Write { file: 9, offset: AT_POSITION, data: vec![1; 1000] },
            Call::SetTimes { at: at.clone(), follow: true, atime: Time::Same, mtime: Time::At(u64::MAX) },
            Call::Rename { from: at.clone(), to: at, flags: 2 },
        ];
        let mut buffer = Vec::new();
        for call in calls {
            call.write(&mut buffer);
            assert_eq!(len_of(&buffer), Some(buffer.len() - 4));
            assert_eq!(Call::read(&buffer[4..]), Some(call));
            for cut in 4..buffer.len() {
                assert_eq!(Call::read(&buffer[4..cut]), None, "a part of it is none");
            }
        }
        let entry = Entry { ino: 1, kind: 8, offset: 3, name: b"name".to_vec() };
        for answer in [
            Ok(Answer::Done {}),
            Err(28),
            Ok(Answer::Entries { entries: vec![entry.clone(), entry] }),
            Ok(Answer::Held { held: Some(Held { exclusive: true, begin: 0, len: 0, pid: 4 }) }),
        ] {
            write_answer(&answer, &mut buffer);
            assert_eq!(read_answer(&buffer[4..]), Some(answer));
        }
    }

    #[test]
    fn rubbish_is_no_message_and_reserves_no_memory() {
        assert_eq!(Call::read(&[0]), None);
        assert_eq!(Call::read(&[7, 0, 0]), None);
        let mut endless = vec![22];
        endless.extend(u32::MAX.to_le_bytes());
        assert_eq!(Call::read(&endless), None);
        assert_eq!(read_answer(&[0, 0, 0, 0, 5, 255, 255, 255, 255]), None);
    }
}
