//! For an explanation only: what the medium turned out to hold, noted when it is decided, and what a loss of power could not take.
//!
//! Nothing is kept unless [`Fs::keep_fates`] was called, and nothing here decides anything: a run comes to the same with it and
//! without. Fates name inodes by number; paths are for whoever asks.
//!
//! Not noted: what the order of a journal settled inside files (only how much of the journal was lost), and damage.

use super::axioms::Order;
use super::{Fill, Fs, Ino, Node, ROOT, Surface};
use crate::base::decide::{Decider, Question};
use crate::executor::call_log::{Contents, Survivors};

/// What came of something that a loss of power had left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fate {
    /// The crash, as decisions number it.
    pub(crate) crash: u32,
    /// Of which inode.
    pub(crate) ino: Ino,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The size that a file has, and the one that it had.
    Size { kept: u64, newest: u64 },
    /// What a sector holds.
    Sector { sector: u32, sector_len: u32, came: Came },
    /// A change of names in a directory: which, and whether they stood for something after it.
    Names { names: Vec<(String, bool)>, lost: bool },
    /// How many of the last changes that have an order were lost, of how many.
    Order { lost: u32, of: u32 },
}

/// What a sector turned out to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    Newest,
    /// A version between the one that was durable and the newest.
    Between,
    /// What was durable.
    Durable,
    /// A beginning of the newest, and the rest of another.
    Shorn,
    /// Nothing was durable: zeros, garbage or an old sector.
    Filled(Fill),
}

impl Surface {
    /// Notes a fate, if they are kept.
    pub(super) fn note(&mut self, fate: impl FnOnce() -> Fate) {
        if let Some(fates) = &mut self.fates {
            fates.push(fate());
        }
    }
}

fn is_of_names(question: Question) -> bool {
    matches!(question, Question::Name | Question::Commit)
}

fn is_of_bytes(question: Question) -> bool {
    matches!(question, Question::Sector | Question::Size)
}

impl Fs {
    /// From now on, fates are noted.
    pub(crate) fn keep_fates(&mut self) {
        self.surface.fates = Some(Vec::new());
    }

    /// The fates since the last time that this was asked.
    pub(crate) fn take_fates(&mut self) -> Vec<Fate> {
        self.surface.fates.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Whether what has an order includes changes of names.
    pub(super) fn orders_names(&self) -> bool {
        self.axioms.order != Order::None
    }

    /// What a loss of power now could not take. `decide` answers what earlier losses left open.
    pub(crate) fn survivors(&self, decide: &Decider) -> Survivors {
        Survivors {
            seen: self.after_losing(decide, |_| false),
            names_synced: self.after_losing(decide, is_of_names),
            bytes_synced: self.after_losing(decide, is_of_bytes),
            durable: self.after_losing(decide, |question| is_of_names(question) || is_of_bytes(question)),
        }
    }

    fn after_losing(&self, decide: &Decider, what: fn(Question) -> bool) -> Contents {
        /// No crash of a run has this number.
        const CRASH: u32 = u32::MAX;
        let mut decide = decide.losing(CRASH, what);
        let mut fs = self.clone();
        (fs.surface.fates, fs.surface.fill) = (None, Fill::Zeros);
        fs.power_loss(CRASH, &mut decide);
        let mut files = Contents::new();
        fs.collect(ROOT, "", &mut decide, &mut files);
        files
    }

    /// All that is below a directory.
    fn collect(&mut self, dir: Ino, path: &str, decide: &mut Decider, out: &mut Contents) {
        let Ok((data, mut cx)) = self.dir(dir, decide) else { return };
        let names: Vec<String> = data.list(&mut cx).map(str::to_owned).collect();
        for name in names {
            let path = format!("{path}/{name}");
            let Ok(Some(ino)) = self.entry(dir, &name, decide) else { continue };
            match self.parts(ino, decide) {
                (Node::File(file), mut cx) => {
                    let mut len = usize::try_from(file.len(&mut cx)).expect("it was a size once");
                    if file.is_device {
                        // The rest was never written.
                        len = file.cache.len();
                    }
                    let mut content = vec![0; len];
                    file.read(&mut content, 0, &mut cx);
                    out.insert(path, content);
                }
                (Node::Dir(_), _) => {
                    out.insert(format!("{path}/"), Vec::new());
                    self.collect(ino, &path, decide, out);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::decide::Decisions;
    use crate::media::Profile;
    use asl_host::fs::OpenMode;

    fn new() -> (Fs, Decider) {
        (Fs::new(Profile::Posix, Surface::new(512, Fill::Garbage)), Decider::replaying(Decisions::new()))
    }

    fn names(files: &Contents) -> Vec<&str> {
        files.keys().map(String::as_str).collect()
    }

    #[test]
    fn bytes_that_were_synced_under_a_name_that_was_not_are_not_durable() {
        let (mut fs, mut decide) = new();
        let (ino, _) = fs.open("/f", OpenMode::Create, 1, &mut decide).expect("a valid path");
        fs.write(ino, b"bytes", 0, &mut decide).expect("there is space");
        let before = fs.survivors(&decide);
        assert_eq!((&before.seen["/f"][..], before.bytes_synced["/f"].len()), (&b"bytes"[..], 0));
        let mark = fs.mark();
        fs.sync(ino, mark, true);
        let synced = fs.survivors(&decide);
        assert_eq!(synced.bytes_synced["/f"], b"bytes");
        assert_eq!((names(&synced.names_synced), names(&synced.durable)), (vec![], vec![]));
        fs.sync(ROOT, mark, false);
        assert_eq!(fs.survivors(&decide).durable["/f"], b"bytes");
    }

    #[test]
    fn fates_are_noted_when_somebody_looks_and_only_if_they_are_kept() {
        let (mut fs, mut decide) = new();
        fs.keep_fates();
        let (ino, _) = fs.open("/f", OpenMode::Create, 7, &mut decide).expect("a valid path");
        fs.write(ino, b"bytes", 0, &mut decide).expect("there is space");
        fs.power_loss(16, &mut decide);
        assert_eq!(fs.take_fates(), []);
        assert!(fs.inode_at("/f", &mut decide).is_ok());
        let kept = What::Names { names: vec![("f".to_owned(), true)], lost: false };
        assert_eq!(fs.take_fates(), [Fate { crash: 16, ino: ROOT, what: kept }]);
        fs.read(ino, &mut [0; 5], 0, &mut decide).expect("it can be read");
        let size = What::Size { kept: 5, newest: 5 };
        let sector = What::Sector { sector: 0, sector_len: 512, came: Came::Newest };
        let fates = [size, sector].map(|what| Fate { crash: 16, ino, what });
        assert_eq!(fs.take_fates(), fates);
    }
}
